"""What shall move, and by what right: the argument of the one entry point for movements. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tallystick.contracts.book import Account, Move, accounts_of
from tallystick.contracts.compliance.basics import ALWAYS, GIVING_UP
from tallystick.contracts.compliance.bindings import Bound
from tallystick.contracts.compliance.enforcement import ENFORCED
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant
from tallystick.contracts.parties import Authority, Exercised
from tallystick.contracts.reasons import Finding


@dataclass(frozen=True, slots=True)
class Drawn:
    """By what right units are drawn on an allowance.

    Attributes:
        left: What the allowance leaves; None for all that the holder has.
        ends_at: From when on nothing is drawn; None where there is no allowance.
        findings: What stands against the draw as far as the allowance goes.
    """

    left: int | None = None
    ends_at: Instant | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)  # Without slots: what its moves touch is worked out once.
class Instruction:
    """What shall move, and by what right; judged as a whole, executed as a whole.

    Attributes:
        moves: What moves; delivered units come out of their hold.
        basis: By what right.
        authority: A mandate or signatures to be judged along; None when the right is judged.
        exercised: Organisations that take part, with the powers that they need for it; None for
            the submitter, who needs some live licence.
        venue: MSP of the venue where it was agreed; None where there is none.
        drawn: The allowance that it draws on; None where there is none.
        document_hash: Of what it is for, or what orders it.
        is_asked: Whether the holder asks for it, by a right that was judged before.
        is_paid: Whether it ends units against money.
    """

    moves: tuple[Move, ...]
    basis: Basis
    authority: Authority | None = None
    exercised: tuple[Exercised, ...] | None = None
    venue: str | None = None
    drawn: Drawn | None = None
    document_hash: str | None = None
    is_asked: bool = False
    is_paid: bool = False

    @cached_property
    def assets(self) -> tuple[str, ...]:
        """What moves, each once."""
        return tuple(dict.fromkeys([move.asset for move in self.moves]))

    @cached_property
    def accounts(self) -> tuple[Account, ...]:
        """The places in the book that it touches, each once."""
        return tuple(dict.fromkeys(accounts_of(self.moves)))

    @property
    def is_own(self) -> bool:
        """Whether the holder asks for it."""
        return self.is_asked or self.authority is not None

    @property
    def always(self) -> Sequence[Bound]:
        """The rules that judge it whatever the securities' own rules are."""
        if self.basis is Basis.FORCED:
            return ENFORCED
        gives_up = any(move.receiver is None for move in self.moves)
        return (*ALWAYS, *GIVING_UP) if gives_up and (self.is_own or self.is_paid) else ALWAYS
