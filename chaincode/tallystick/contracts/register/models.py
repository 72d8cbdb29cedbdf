"""The rows, arguments and results of the register."""

from functools import cached_property
from typing import Annotated

from pydantic import Field

from tallystick.contracts.compliance.cases import Subject, subject_of
from tallystick.contracts.compliance.decisions import Cure, UnlockLine
from tallystick.contracts.compliance.models import NO_RULES, NO_VENUE_RULES, RuleSet, VenueRules
from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import (
    ANY_LOTS,
    NO_ORIGIN,
    Dates,
    Label,
    Lot,
    LotChoice,
    LotName,
    Origin,
)
from tallystick.contracts.models import (
    Identifier,
    Model,
    Quantity,
    Sha256Hex,
    ShortCode,
    ShortText,
)
from tallystick.contracts.parties import Requirements
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import AllowanceScope
from tallystick.contracts.timelines import NO_TURNS, Timeline

MAX_BATCH = 1000
"""Moves of one instruction, and lines of one list."""

MAX_IDENTIFIERS = 8

Secret = Annotated[str, Field(max_length=200)]

# --- rows ---


class SecurityTerms(Model):
    """What a security is.

    Attributes:
        issuer: MSP of the issuer.
        requirements: The claims that everybody who sends or receives units must have, then and
            there.
        cap: The most units that there may be; None without a cap.
        granularity: Units move in multiples of it.
        decimals: How many of a quantity's digits are shown after the point.
        identifiers: What it is called elsewhere, such as its ISIN.
        on_sale: What becomes of lots' dates when units are sold: whether a buyer's holding period
            counts the seller's.
    """

    security: Identifier
    name: ShortText
    issuer: Identifier
    requirements: Requirements = ()
    cap: Quantity | None = None
    granularity: Quantity = 1
    decimals: Annotated[int, Field(ge=0, le=15)] = 0
    identifiers: Annotated[tuple[SecurityIdentifier, ...], Field(max_length=MAX_IDENTIFIERS)] = ()
    on_sale: Dates = Dates.ACQUIRED


class Security(Model):
    """Row ``security (id)``.

    Attributes:
        number: Of the version of the terms.
        pause: Why nothing moves between holders; None when units move.
        ended: Why it has ended for ever; None while it lives.
        is_closed: Whether no more units are ever issued.
        is_unforced: Whether units are never moved against their holder's will.
        rules: What is bound to it beside the requirements of its terms.
        timeline: Its record dates and splits.
    """

    terms: SecurityTerms
    created_at: Instant
    number: int = 1
    pause: str | None = None
    ended: str | None = None
    is_closed: bool = False
    is_unforced: bool = False
    rules: RuleSet = NO_RULES
    timeline: Timeline = NO_TURNS

    @cached_property
    def subject(self) -> Subject:
        """The security as decisions about it see it, where no venue asks for more."""
        return self.subject_at(NO_VENUE_RULES)

    def subject_at(self, venue_rules: VenueRules) -> Subject:
        """Return the security as decisions see it about what is agreed at a venue."""
        return subject_of(
            issuer=self.terms.issuer,
            pause=self.pause,
            requirements=self.terms.requirements,
            rules=self.rules,
            venue_rules=venue_rules,
        )


class Allowance(Model):
    """Row ``allowance (security, holder, spender, scope)``: what a participant may still draw.

    Attributes:
        quantity: None for all that the holder has.
        as_of: The turn of the security's timeline since which the row was not written.
    """

    quantity: int | None
    expires_at: Instant
    as_of: int = 0

    def brought_up(self, timeline: Timeline) -> "Allowance":
        """Return what the allowance is now, rounded down at each split."""
        if self.quantity is None:
            return self
        quantity = timeline.scaled(self.quantity, self.as_of)
        return self.model_copy(update={"quantity": quantity, "as_of": timeline.turns})


class Document(Model):
    """Row ``document (security, name)``: the version that counts.

    Attributes:
        number: Of the version, from 1.
        next_due_at: When the next version must be there; None when none must.
        is_removed: Whether it no longer counts; its number goes on if it comes back.
    """

    number: int
    uri: str
    document_hash: str
    published_at: Instant
    next_due_at: Instant | None = None
    is_removed: bool = False


class Product(Model):
    """Row ``product (security)``: how a security stands in the catalogue.

    Attributes:
        risk_class: 1, the lowest, to 7.
        category: A word for what it is.
        summary_hash: Of the text that describes it to clients.
    """

    security: Identifier
    risk_class: Annotated[int, Field(ge=1, le=7)]
    category: ShortCode
    summary_hash: Sha256Hex


# --- arguments ---


class Allocation(Model):
    """Units for one holder, in an issue to many."""

    to: Identifier
    quantity: Quantity
    origin: Origin = NO_ORIGIN


Allocations = Annotated[tuple[Allocation, ...], Field(min_length=1, max_length=MAX_BATCH)]


class Redemption(Model):
    """Units of one holder, in a redemption from many."""

    holder: Identifier
    quantity: Quantity
    choice: LotChoice = ANY_LOTS


Redemptions = Annotated[tuple[Redemption, ...], Field(min_length=1, max_length=MAX_BATCH)]


class ForcedMove(Model):
    """Units that are taken from a holder.

    Attributes:
        receiver: Who gets them; None when they cease to be.
    """

    holder: Identifier
    receiver: Identifier | None
    quantity: Quantity
    choice: LotChoice = ANY_LOTS


class ForcedOrder(Model):
    """What a court, or the register's own correction, orders to be moved: all of it or nothing.

    Attributes:
        evidence_hash: SHA-256 of the order, in hex.
    """

    security: Identifier
    moves: Annotated[tuple[ForcedMove, ...], Field(min_length=1, max_length=MAX_BATCH)]
    evidence_hash: Sha256Hex


class Relabelling(Model):
    """Where units of a holder come from after all, or which tranche they are moved to.

    Attributes:
        label: Round, exemption, tranche and locks that they have from now on; dates stay.
    """

    security: Identifier
    holder: Identifier
    quantity: Quantity
    choice: LotChoice = ANY_LOTS
    label: Label
    evidence_hash: Sha256Hex


class Amendment(Model):
    """What a security is called from now on, here and elsewhere."""

    security: Identifier
    name: ShortText
    identifiers: Annotated[tuple[SecurityIdentifier, ...], Field(max_length=MAX_IDENTIFIERS)] = ()


class Price(Model):
    """What a unit of a security is worth to who asks, in minor units of some money."""

    security: Identifier
    price: Quantity


Prices = Annotated[tuple[Price, ...], Field(max_length=MAX_BATCH)]


class HoldExecution(Model):
    """What of a hold goes to whom.

    Attributes:
        receiver: Needed when the hold names none.
        keeps_open: Whether what is left stays held, rather than becoming available.
        secret: What the hold's hash is of, when it is not the notary who executes.
        choice: Which of the holder's lots go.
    """

    security: Identifier
    holder: Identifier
    hold: Identifier
    quantity: Quantity
    receiver: Identifier | None = None
    keeps_open: bool = False
    secret: Secret | None = None
    choice: LotChoice = ANY_LOTS


class DocumentVersion(Model):
    """A new version of a document."""

    security: Identifier
    name: Identifier
    uri: ShortText
    document_hash: Sha256Hex
    next_due_at: Instant | None = None


# --- results ---


class LotLine(Lot):
    """A lot with its name."""

    lot: LotName


class Holding(Model):
    """One line of the register.

    Attributes:
        available: quantity less held and frozen.
        stop: Why the holder may neither send nor receive; None when it may.
    """

    holder: str
    quantity: int
    held: int
    frozen: int
    available: int
    stop: str | None = None


class RegisterPage(Model):
    """Holders of a security, by id.

    Attributes:
        bookmark: Pass it to get the next page; empty when this was the last one.
    """

    security: str
    holdings: tuple[Holding, ...]
    bookmark: str


class HoldLine(Model):
    """A hold, as its holder and notary see it."""

    hold: str
    quantity: int
    receiver: str | None
    notary: str | None
    expires_at: Instant | None
    hash_lock: str | None


class AllowanceLine(Model):
    """An allowance of a holder."""

    spender: str
    scope: AllowanceScope
    quantity: int | None
    expires_at: Instant


class PortfolioLine(Model):
    """What somebody holds of a security, and what that is worth at a price."""

    security: str
    holding: Holding
    value: int


class HoldingChange(Model):
    """One committed change of a holding.

    Attributes:
        holding: None when the holder had nothing any more.
    """

    transaction_id: str
    at: Instant
    holding: Holding | None


class CatalogueLine(Model):
    """A product and what its security is."""

    product: Product
    name: str
    issuer: str
    decimals: int
    identifiers: tuple[SecurityIdentifier, ...]
    is_halted: bool


class CataloguePage(Model):
    """Products by security; the bookmark is empty after the last page."""

    products: tuple[CatalogueLine, ...]
    bookmark: str


class Verdict(Model):
    """Whether a transfer would pass now.

    Attributes:
        reasons: Everything that stands against it; the first is what a refusal would be named
            after.
        available: What the sender may dispose of, leaving other reasons aside.
        most: The most that would pass now, everything else as it is.
        unlocks: What more may go later as time alone passes.
        cures: What would lift the reasons.
    """

    allowed: bool
    reasons: tuple[Finding, ...]
    available: int
    most: int = 0
    unlocks: tuple[UnlockLine, ...] = ()
    cures: tuple[Cure, ...] = ()
