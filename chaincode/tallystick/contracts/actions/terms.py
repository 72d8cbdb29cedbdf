"""What an issuer announces: the kind of corporate action, its dates, and what holders get or do."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import (
    Identifier,
    Model,
    Quantity,
    Sha256Hex,
    ShortText,
)

MAX_DOCUMENTS = 16
MAX_NAMED = 1000
"""Holders that an action excludes, or that alone it is for."""

MAX_RESOLUTIONS = 32
MAX_CHOICES = 16
BASIS_POINTS = 10_000

Rate = Annotated[int, Field(ge=0, le=BASIS_POINTS)]
Named = Annotated[tuple[Identifier, ...], Field(max_length=MAX_NAMED)]


class ActionType(StrEnum):
    """Kinds of corporate action, by their codes in ISO 15022 (CAEV) and ISO 20022."""

    CASH_DIVIDEND = "DVCA"
    INTEREST = "INTR"
    REDEMPTION = "REDM"
    BONUS = "BONU"
    RIGHTS = "RHDI"
    SPLIT = "SPLF"
    REVERSE_SPLIT = "SPLR"
    GENERAL_MEETING = "MEET"
    EXTRAORDINARY_MEETING = "XMET"
    DIVIDEND_OPTION = "DVOP"
    CREDIT_EVENT = "CREV"
    DEFAULT = "DFLT"
    INFORMATION = "INFO"


IN_MONEY = frozenset({ActionType.CASH_DIVIDEND, ActionType.INTEREST, ActionType.REDEMPTION})
IN_UNITS = frozenset({ActionType.BONUS, ActionType.RIGHTS})
SPLITS = frozenset({ActionType.SPLIT, ActionType.REVERSE_SPLIT})
BALLOTS = frozenset(
    {
        ActionType.GENERAL_MEETING,
        ActionType.EXTRAORDINARY_MEETING,
        ActionType.DIVIDEND_OPTION,
    }
)
DISTRIBUTIONS = IN_MONEY | IN_UNITS
CLAIMED = DISTRIBUTIONS - {ActionType.REDEMPTION}
"""Types that give rise to market claims. Trades in what is redeemed are cancelled instead."""

HAS_RECORD_DATE = DISTRIBUTIONS | BALLOTS


class ActionDocument(Model):
    """A document of an action: where it is, and what its SHA-256 is, in hex."""

    name: Identifier
    uri: ShortText
    document_hash: Sha256Hex


class Elected(Model):
    """For which units a distribution is: those for which their holder has elected it.

    Attributes:
        action: The action with the ballot, whose record date should be the same moment.
        resolution: Its resolution, whose choices are the options.
        choice: The option that this distribution is.
        is_default: Whether it is also for units for which nothing was elected.
    """

    action: Identifier
    resolution: Identifier
    choice: Identifier
    is_default: bool = False


class Distribution(Model):
    """What holders get: ``numerator`` for every ``denominator`` units, rounded down per holder.

    Attributes:
        asset: The cash, in minor units, or the security that is distributed.
        payer: Identity that pays the money; it gets none itself. None for units.
        withholding: Ten-thousandths of the money that are withheld from who has no rate of its
            own at the record date.
        tax_account: Identity that gets what is withheld; None where nothing is.
        payable_at: From then on it is paid.
        claims_until: From then on the issuer may take back what nobody got.
        excluded: Holders who get nothing.
        targets: If any are named, they alone get something.
        elected: If holders have elected, for which units it is; None for all.
    """

    asset: Identifier
    numerator: Quantity
    denominator: Quantity = 1
    payer: Identifier | None = None
    withholding: Rate = 0
    tax_account: Identifier | None = None
    payable_at: Instant
    claims_until: Instant
    excluded: Named = ()
    targets: Named = ()
    elected: Elected | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Distribution":
        if self.claims_until <= self.payable_at:
            raise ValueError("claims_until must be after payable_at")
        if self.tax_account is not None and self.tax_account == self.payer:
            raise ValueError("tax_account must not be the payer")
        return self

    def is_for(self, holder: str) -> bool:
        """Return whether a holder gets anything."""
        if holder == self.payer or holder in self.excluded:
            return False
        return not self.targets or holder in self.targets


class Exchange(Model):
    """A split: ``new`` units for every ``old`` ones."""

    new: Quantity
    old: Quantity


class Resolution(Model):
    """What holders decide by vote.

    Attributes:
        choices: What can be chosen, such as ``for``, ``against`` and ``abstain``.
        abstention: The choice that takes part, but is not counted among the votes.
        quorum: Ten-thousandths of the supply that must take part for the vote to count.
        majority: A choice wins with more than so many ten-thousandths of the votes, and more votes
            than any other: a tie decides nothing.
    """

    name: Identifier
    choices: Annotated[tuple[Identifier, ...], Field(min_length=2, max_length=MAX_CHOICES)]
    abstention: Identifier | None = None
    quorum: Rate = 0
    majority: Rate = BASIS_POINTS // 2


class Ballot(Model):
    """A vote at a meeting.

    Attributes:
        opens_at: From then on holders vote.
        closes_at: From then on nobody does.
        is_changeable: Whether a holder may vote anew until then, in place of its former vote.
        excluded: Holders without a vote, such as the issuer of its own units.
    """

    resolutions: Annotated[tuple[Resolution, ...], Field(min_length=1, max_length=MAX_RESOLUTIONS)]
    opens_at: Instant
    closes_at: Instant
    is_changeable: bool = False
    excluded: Named = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "Ballot":
        if self.closes_at <= self.opens_at:
            raise ValueError("closes_at must be after opens_at")
        if len({each.name for each in self.resolutions}) < len(self.resolutions):
            raise ValueError("each resolution needs a name of its own")
        return self


class ActionTerms(Model):
    """What is announced.

    Attributes:
        action: Id, unique for ever; the record date in the register bears it, too.
        record_at: Who holds at this moment is entitled: distributions and meetings need it.
        ex_day: From this UTC day on units are traded without what the action gives; None where
            trades that are open at the record date get no market claims.
        documents: The resolution first.
    """

    action: Identifier
    action_type: ActionType
    security: Identifier
    record_at: Instant | None = None
    ex_day: Day | None = None
    distribution: Distribution | None = None
    exchange: Exchange | None = None
    ballot: Ballot | None = None
    documents: Annotated[tuple[ActionDocument, ...], Field(min_length=1, max_length=MAX_DOCUMENTS)]

    @model_validator(mode="after")
    def _fits_its_type(self) -> "ActionTerms":
        parts = (
            ("record_at", self.record_at is not None, HAS_RECORD_DATE),
            ("distribution", self.distribution is not None, DISTRIBUTIONS),
            ("exchange", self.exchange is not None, SPLITS),
            ("ballot", self.ballot is not None, BALLOTS),
        )
        for name, is_there, types in parts:
            if is_there != (self.action_type in types):
                verb = "has no" if is_there else "needs"
                raise ValueError(f"an action of type {self.action_type} {verb} {name}")
        given = self.distribution
        if given is None:
            return self
        if (given.payer is not None) != (self.action_type in IN_MONEY):
            raise ValueError("money has a payer, units have none")
        if self.record_at is not None and given.payable_at <= self.record_at:
            raise ValueError("payable_at must be after record_at")
        return self
