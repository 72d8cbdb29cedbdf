"""Classes of holders, and conditions on the claims about them.

Parameters of rules, counts of holders and locks of lots tell holders apart by class. A class is a
class of licence of the holder's organisation (``family-office``), what a live claim says
(``residence@US``), that there is a live claim on a topic (``accreditation@``), the kind of the
holder (``person``, ``firm``), or everybody (``*``).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

from pydantic import Field

from tallystick.contracts.lots import ANY_CLASS
from tallystick.contracts.models import Identifier, Model, Quantity, ShortCode
from tallystick.contracts.parties import Attested, Profile

MAX_CONDITIONS = 16

T = TypeVar("T")


def classes_of(profile: Profile | None) -> tuple[str, ...]:
    """Return the classes of a holder: licences first, then claims by topic, then its kind."""
    if profile is None:
        return ()
    claims: list[str] = []
    for each in profile.attested:
        if each.value is not None:
            claims.append(f"{each.topic}@{each.value}")
        claims.append(f"{each.topic}@")
    return tuple(dict.fromkeys((*profile.licences, *claims, profile.kind)))


def topic_of(holder_class: str) -> str | None:
    """Return the topic of claims that decides about a class, or None for other classes."""
    topic, separator, _ = holder_class.partition("@")
    return topic if separator else None


def chosen(by_class: Mapping[str, T | None], classes: Sequence[str]) -> T | None:
    """Return what is said of the first of a holder's classes that is named, else of everybody."""
    for each in classes:
        if each in by_class:
            return by_class[each]
    return by_class.get(ANY_CLASS)


class Condition(Model):
    """A live claim on a topic, of a level or above, that says one of the values if any are named.

    ``excluded`` are values that it may not say.
    """

    topic: Identifier
    level: Quantity = 1
    values: Annotated[tuple[ShortCode, ...], Field(max_length=300)] = ()
    excluded: Annotated[tuple[ShortCode, ...], Field(max_length=300)] = ()

    def holds(self, attested: Sequence[Attested]) -> bool:
        """Return whether one of the claims fulfils the condition."""
        return any(self._is_met_by(each) for each in attested)

    def describe(self) -> str:
        """Return the condition as the end of a sentence."""
        words = f"a claim on {self.topic} of level {self.level} or above"
        if self.values:
            words += f" that says {' or '.join(self.values)}"
        if self.excluded:
            words += f" that does not say {' or '.join(self.excluded)}"
        return words

    def _is_met_by(self, claim: Attested) -> bool:
        return (
            claim.topic == self.topic
            and claim.level >= self.level
            and (not self.values or claim.value in self.values)
            and claim.value not in self.excluded
        )


Conditions = Annotated[tuple[Condition, ...], Field(max_length=MAX_CONDITIONS)]


class Formula(Model):
    """What claims a holder must have: all of some, any of others, none of the rest."""

    all: Conditions = ()
    any: Conditions = ()
    none: Conditions = ()

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that it asks about."""
        return tuple(each.topic for each in (*self.all, *self.any, *self.none))

    def lack(self, profile: Profile | None) -> str:
        """Return what is amiss with a holder as the end of a sentence; empty when nothing is."""
        attested = () if profile is None else profile.attested
        for each in self.all:
            if not each.holds(attested):
                return f"it needs {each.describe()}"
        if self.any and not any(each.holds(attested) for each in self.any):
            return f"it needs {', or '.join(each.describe() for each in self.any)}"
        for each in self.none:
            if each.holds(attested):
                return f"it must not have {each.describe()}"
        return ""
