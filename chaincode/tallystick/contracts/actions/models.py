"""The rows, arguments and results of corporate actions."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.contracts.actions.states import Status
from tallystick.contracts.actions.terms import ActionTerms, Rate
from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Identifier, Model, Salt
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import VotesCast

MAX_PAGE = 500
"""Holders of one call."""

MAX_RATES = 64
"""Changes of a holder's rate of withholding that are kept."""

HolderPage = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MAX_PAGE)]

# --- public rows ---


class Action(Model):
    """Row ``action (action)``: what was announced, and where it stands.

    Attributes:
        issuer: MSP of the issuer of the security.
        confirmed_at: None as long as it is only announced.
    """

    terms: ActionTerms
    issuer: str
    status: Status
    announced_at: Instant
    confirmed_at: Instant | None = None


class Voted(Model):
    """Row ``voted (action, holder)``: that somebody voted, and with how many units; not how."""

    units: int
    at: Instant


class ResolutionResult(Model):
    """How a resolution was decided.

    Attributes:
        units: By choice, in the order of the ballot.
        taking_part: All units for which a choice was made.
        has_quorum: Whether that was enough.
        decided: The choice that won; None when none did.
    """

    resolution: str
    units: tuple[tuple[str, int], ...]
    taking_part: int
    has_quorum: bool
    decided: str | None


class MeetingResult(Model):
    """Row ``result (action)``: what a meeting decided.

    Attributes:
        supply: Units in being at the record date.
    """

    supply: int
    resolutions: tuple[ResolutionResult, ...]


# --- confidential rows ---


class Entitlement(Model):
    """Private row ``entitlement (action, holder)``: what a holder gets, fixed at the record date.

    Attributes:
        units: What it held that brings something, with what market claims gave and took.
        claimed: Of the units, those under market claims of trades that are open.
        gross: What they bring.
        withholding: Its rate, in ten-thousandths.
        withheld: Of the gross.
        is_paid: Whether it has got what was due when it was paid.
        paid_units: Of the units, those that it had then.
        paid: What it has got.
        taxed: What was withheld when it got it.
        hindrances: Of a redemption, why the units could not end when that was tried last; as long
            as they have not, nothing is paid.
    """

    units: int
    claimed: int = 0
    gross: int
    withholding: int
    withheld: int
    is_paid: bool = False
    paid_units: int = 0
    paid: int = 0
    taxed: int = 0
    hindrances: tuple[Finding, ...] = ()

    @property
    def net(self) -> int:
        """What the holder gets in all."""
        return self.gross - self.withheld

    @property
    def due(self) -> int:
        """What the holder gets still."""
        return self.net - self.paid

    @property
    def tax_due(self) -> int:
        """What is withheld with it."""
        return self.withheld - self.taxed

    @property
    def left(self) -> int:
        """Units that market claims can still take: neither paid nor claimed."""
        return self.units - self.paid_units - self.claimed

    @property
    def is_over(self) -> bool:
        """Whether the holder has got everything."""
        return self.is_paid and not self.due and not self.tax_due

    @property
    def settled(self) -> "Entitlement":
        """The entitlement once what is due is paid."""
        changes = {
            "is_paid": True,
            "paid_units": self.units,
            "paid": self.net,
            "taxed": self.withheld,
            "hindrances": (),
        }
        return self.model_copy(update=changes)


class ClaimStatus(StrEnum):
    """Where a line of a market claim stands."""

    OPEN = "open"
    """The giver's entitlement waits for the trade, which is not over."""
    HINDERED = "hindered"
    """Nothing waits: the giver has too little left. It can be tried again."""
    SETTLED = "settled"
    DROPPED = "dropped"
    """The trade ended without delivery."""


class ClaimLine(Model):
    """What one leg of units of a trade gives rise to.

    Attributes:
        leg: Its name: the trade's id and a number.
        giver: Whose entitlement goes.
        taker: Who gets it.
        units: How many units' worth, in the units of the record date.
        option: The action on which it was tried last, if that is one of several to be elected.
        hindrance: Why nothing waits, as it was when that was tried last; None unless hindered.
    """

    leg: str
    giver: str
    taker: str
    units: int
    option: str | None = None
    status: ClaimStatus = ClaimStatus.OPEN
    hindrance: Finding | None = None

    def is_on(self, action: str) -> bool:
        """Return whether it is on an action, rather than on another option."""
        return self.option in (None, action)


class MarketClaim(Model):
    """Private row ``market-claim (action, trade)``, in the collection of the trade's venue.

    What holders elect between by one resolution has one claim together, under the ids of the
    ballot and of the resolution; each of its lines is on one of the options.

    Attributes:
        lines: One for each leg of the action's security, in the order of the legs.
        is_reverse: Whether those give who got the units, such as the buyer.
    """

    lines: tuple[ClaimLine, ...]
    is_reverse: bool

    def on(self, action: str) -> "MarketClaim":
        """Return what of it is on an action, rather than on another option."""
        lines = tuple(line for line in self.lines if line.is_on(action))
        return self.model_copy(update={"lines": lines})

    @property
    def status(self) -> ClaimStatus:
        """Where the claim stands as a whole: open or hindered as long as any of its lines is."""
        found = {line.status for line in self.lines}
        return next(each for each in ClaimStatus if each in found)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it can change any more."""
        return self.status in {ClaimStatus.SETTLED, ClaimStatus.DROPPED}

    @property
    def open_lines(self) -> tuple[ClaimLine, ...]:
        """The lines for which entitlement waits."""
        return tuple(line for line in self.lines if line.status is ClaimStatus.OPEN)

    @property
    def hindrances(self) -> tuple[Finding, ...]:
        """Why lines are hindered, in their order."""
        return tuple(line.hindrance for line in self.lines if line.hindrance is not None)


class Totals(Model):
    """Private row ``totals (action)``: the sums of a distribution.

    Invariant once everybody is entered: ``funded == paid + withheld + dust + unclaimed``.

    Attributes:
        supply: Units in being at the record date.
        entered: Units of everybody who is entered, also of who gets nothing.
        entitled: Units that bring something.
        funded: What they bring together, rounded down once; waiting or paid.
        gross: What they bring, rounded down for each holder.
        paid: What holders have got.
        withheld: What the tax account has got.
        reclaimed: What went back to the payer.
    """

    supply: int
    entered: int = 0
    entitled: int = 0
    funded: int = 0
    gross: int = 0
    paid: int = 0
    withheld: int = 0
    reclaimed: int = 0

    @property
    def dust(self) -> int:
        """What rounding down for each holder leaves of what was funded."""
        return self.funded - self.gross if self.funded else 0

    @property
    def unclaimed(self) -> int:
        """What is due to holders who have not got it."""
        return self.gross - self.paid - self.withheld if self.funded else 0

    @property
    def remaining(self) -> int:
        """What waits for the action."""
        return self.funded - self.paid - self.withheld - self.reclaimed


class RateChange(Model):
    """A rate of withholding, and from when on it holds."""

    since: Instant
    withholding: Rate


class HolderRates(Model):
    """Private row ``withholding (security, holder)``: a holder's own rates, the oldest first."""

    changes: tuple[RateChange, ...] = ()

    def before(self, moment: Instant) -> int | None:
        """Return the rate that was in force when a moment came; None for the action's own."""
        known = [each.withholding for each in self.changes if each.since < moment]
        return known[-1] if known else None

    def having(self, change: RateChange) -> "HolderRates":
        """Return the rates with one more; those that are older than all that is kept are gone."""
        return HolderRates(changes=(*self.changes, change)[-MAX_RATES:])


class ActionSecret(Model):
    """Private row ``action-secret (action)``, and what comes with an announcement: a random salt.

    It hides entitlements and votes from who could guess them.
    """

    salt: Salt


# --- arguments ---


class HolderRate(Model):
    """A rate of withholding for a holder."""

    holder: Identifier
    withholding: Rate


class RatesGiven(Model):
    """Rates of withholding from now on, for coming record dates of a security.

    Attributes:
        salt: Random.
    """

    security: Identifier
    rates: Annotated[tuple[HolderRate, ...], Field(min_length=1, max_length=MAX_PAGE)]
    salt: Salt


class SignedVotes(Model):
    """A holder's vote, with its signature unless the submitter has its mandate."""

    statement: VotesCast
    intent: SignedIntent | None = None


# --- results ---


class DistributionReport(Model):
    """The sums of a distribution, with what follows from them."""

    totals: Totals
    dust: int
    unclaimed: int
    remaining: int


class DueClaims(Model):
    """Trades whose market claim is due and not raised, or hindered; no bookmark at the end."""

    trades: tuple[str, ...]
    bookmark: str


class ActionPage(Model):
    """Actions, by id; the bookmark is empty after the last page."""

    actions: tuple[Action, ...]
    bookmark: str
