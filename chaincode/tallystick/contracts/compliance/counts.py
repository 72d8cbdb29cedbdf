"""How many hold a security: by person, by class, and looked through. Pure.

A person counts once, whatever number of accounts and wallets it has. A holder that holds for
clients without naming them on the ledger counts, looked through, as many as the live claim
``beneficial-owners`` about it says, in its level.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tallystick.contracts import events
from tallystick.contracts.models import Model
from tallystick.contracts.parties import Profile

BENEFICIAL_OWNERS = "beneficial-owners"


class Counted(Model):
    """Row ``counted (security, person)``: as what a person is counted while it holds units.

    Attributes:
        accounts: Those in which it holds units, sorted.
        classes: Its classes when it was counted last, sorted.
        owners: As how many it counts looked through.
    """

    accounts: tuple[str, ...]
    classes: tuple[str, ...]
    owners: int = 1


class CountDelta(Model):
    """Row ``persons (security, transaction id, person)``: by how much the counts change."""

    persons: int
    owners: int
    classes: Mapping[str, int]


class HolderCounts(Model):
    """How many hold a security.

    Attributes:
        persons: Persons with units.
        owners: The same, looked through.
        by_class: Persons of each class, as they were counted last.
    """

    persons: int = 0
    owners: int = 0
    by_class: Mapping[str, int] = {}

    def plus(self, delta: CountDelta) -> "HolderCounts":
        """Return the counts after a change."""
        by_class = dict(self.by_class)
        for name, change in delta.classes.items():
            by_class[name] = by_class.get(name, 0) + change
        return HolderCounts.model_construct(
            persons=self.persons + delta.persons,
            owners=self.owners + delta.owners,
            by_class={name: by_class[name] for name in sorted(by_class) if by_class[name]},
        )


class Recounted(NamedTuple):
    """How one person is counted before and after; None when it holds nothing."""

    person: str
    before: Counted | None
    after: Counted | None

    @property
    def delta(self) -> CountDelta | None:
        """By how much the counts change, or None when they do not."""
        before, after = self.before, self.after
        classes: dict[str, int] = {}
        for row, sign in ((before, -1), (after, 1)):
            for name in row.classes if row else ():
                classes[name] = classes.get(name, 0) + sign
        delta = CountDelta(
            persons=int(after is not None) - int(before is not None),
            owners=(after.owners if after else 0) - (before.owners if before else 0),
            classes={name: classes[name] for name in sorted(classes) if classes[name]},
        )
        return delta if delta.persons or delta.owners or delta.classes else None


def told(security: str, person: str, row: Counted | None) -> events.HolderCounted:
    """Return the event that tells as what a person is counted from now on."""
    return events.HolderCounted(
        security=security,
        person=person,
        accounts=row.accounts if row else (),
        classes=row.classes if row else (),
        owners=row.owners if row else 0,
    )


def owners_of(profile: Profile | None) -> int:
    """Return as how many a holder counts looked through: one, unless claims say more."""
    claims = () if profile is None else profile.attested
    return max((each.level for each in claims if each.topic == BENEFICIAL_OWNERS), default=1)


def totals(deltas: Iterator[CountDelta]) -> HolderCounts:
    """Return the sum of all changes since the first issue."""
    counts = HolderCounts()
    for delta in deltas:
        counts = counts.plus(delta)
    return counts
