"""A kind of thing that waits, and the ways by which it comes to its end, whatever comes between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic

from tests.unit.contracts.ends.ending import Amounts, MarketT, Scene

from tallystick.contracts.participants import Participant

NOTHING: Mapping[str, str] = MappingProxyType({})
SIGNED: Mapping[str, str] = MappingProxyType({"holders are barred": "IDENTITY_BARRED"})
"""What stops who signs, or gets something: nobody listens or pays to who is barred."""


@dataclass(frozen=True, slots=True)
class Way(Generic[MarketT]):
    """A way to an end.

    Attributes:
        act: Goes it.
        stopped: By which hindrances it is stopped, each with the code of the refusal.
    """

    act: Callable[[MarketT], object]
    stopped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind(Generic[MarketT]):
    """Something that waits.

    Attributes:
        scene: Returns a market, which is forked, and what everybody had.
        holders: Whose it is, or for whom.
        waits: What waits, while its holder has it.
        ways: To its end, by name.
        moves: What changes hands at the end.
        kept: Hindrances that let nothing out before they are cured, as they should.
    """

    scene: Callable[[], Scene[MarketT]]
    holders: tuple[str, ...]
    waits: Amounts
    ways: Mapping[str, Way[MarketT]]
    moves: Amounts = field(default_factory=Amounts)
    kept: frozenset[str] = frozenset()


def without(*organizations: str, also: Mapping[str, str] = NOTHING) -> Mapping[str, str]:
    """Return what stops a way on which these organisations act, and what else does."""
    ended = {f"{each} has no licence any more": "LICENCE_MISSING" for each in organizations}
    return {**ended, **also}


def anybody(also: Mapping[str, str] = NOTHING) -> Mapping[str, str]:
    """Return what stops a way that anybody licensed may go; here the issuer does."""
    return without(Participant.ISSUER, also=also)
