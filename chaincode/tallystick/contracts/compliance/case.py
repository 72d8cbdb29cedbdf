"""The facts on which a decision about a movement rests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.contracts.book import Account, Position
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import Lot
from tallystick.contracts.parties import Profile, Standing
from tallystick.contracts.reasons import Finding


@dataclass(frozen=True, slots=True)
class Holder:
    """One holder of one security, as rules see it.

    Attributes:
        profile: Who it is; None when the ledger knows no such identity.
        lacks: What the identity contract holds against it: claims, screening.
        stop: Why it may neither send nor receive; None when it may.
        before: Its position as it is.
        after: Its position at the end of the whole instruction.
    """

    profile: Profile | None
    lacks: Sequence[Finding]
    stop: str | None
    before: Position
    after: Position


@dataclass(frozen=True, slots=True)
class Leg:
    """One movement of the instruction.

    Attributes:
        sender: None when the units come into being.
        receiver: None when they cease to be.
        lots: Where the units come from, as the sender has them; of an issue, as they come into
            being.
    """

    security: str
    sender: str | None
    receiver: str | None
    quantity: int
    lots: Sequence[Lot] = ()

    @property
    def is_between_holders(self) -> bool:
        """Whether units change hands, rather than come into being or cease to be."""
        return self.sender is not None and self.receiver is not None


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision about one instruction rests on, at one moment.

    Rules judge the end state of the whole instruction: ``holders`` has everybody's position after
    all legs.

    Attributes:
        moment: Of the transaction.
        basis: By what right the units move.
        legs: The movements.
        holders: Everybody whom the legs touch.
        pauses: Why a security does not move, by its id; None for one that does.
        venue: The standing of the venue where it was agreed, or None.
    """

    moment: Instant
    basis: Basis
    legs: Sequence[Leg]
    holders: Mapping[Account, Holder]
    pauses: Mapping[str, str | None] = field(default_factory=dict)
    venue: Standing | None = None

    def sender(self, leg: Leg) -> Holder | None:
        """Return who gives in a leg, or None when the units come into being."""
        return None if leg.sender is None else self.holders[Account(leg.security, leg.sender)]

    def receiver(self, leg: Leg) -> Holder | None:
        """Return who gets in a leg, or None when the units cease to be."""
        return None if leg.receiver is None else self.holders[Account(leg.security, leg.receiver)]
