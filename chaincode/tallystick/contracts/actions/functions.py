"""Corporate actions, as callers of the settlement contract see them.

Everybody knows what was announced, and where it stands. What somebody gets, and how it votes, lies
in the collection of the issuer's actions.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.actions.actions import Actions
from tallystick.contracts.actions.distributions import Distributions
from tallystick.contracts.actions.market_claims import MarketClaims
from tallystick.contracts.actions.meetings import Meetings
from tallystick.contracts.actions.models import (
    Action,
    ActionPage,
    ActionSecret,
    DistributionReport,
    DueClaims,
    Entitlement,
    HolderPage,
    MarketClaim,
    MeetingResult,
    RatesGiven,
    SignedVotes,
)
from tallystick.contracts.actions.terms import ActionTerms
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.parties import mandate_findings
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import may_read, reading_findings
from tallystick.contracts.reasons import refuse_if_any
from tallystick.contracts.statements import EntitlementClaimed
from tallystick.contracts.trades.trades import Trades


class ActionFunctions(MarketContract):
    """Corporate actions, from the announcement to their end."""

    # --- announced and confirmed ---

    @transaction
    @licensed(Power.ISSUE_SECURITIES)
    def announce_action(self, ctx: Context, terms: ActionTerms) -> None:
        """Announce a corporate action, as the issuer of the security.

        A random salt comes as transient data, under ``secret``.
        """
        Actions(ctx).announce(terms, secret_argument(ctx, "secret", ActionSecret))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def confirm_action(self, ctx: Context, action: Identifier) -> None:
        """Confirm an action; its record date is set in the register."""
        Actions(ctx).confirm(action)

    @transaction
    @licence_first()
    def cancel_action(self, ctx: Context, action: Identifier, reason: ShortText) -> None:
        """End an action that is not funded, as its issuer or the transfer agent."""
        Actions(ctx).cancel(action, reason)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def execute_split(self, ctx: Context, action: Identifier) -> None:
        """Split a paused security as announced and confirmed."""
        Actions(ctx).split(action)

    # --- distributions ---

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def set_withholding(self, ctx: Context) -> None:
        """Set rates of withholding of holders, for record dates to come.

        They come as transient data, under ``rates``.
        """
        Distributions(ctx).set_rates(secret_argument(ctx, "rates", RatesGiven))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def enter_entitlements(self, ctx: Context, action: Identifier, holders: HolderPage) -> None:
        """Fix what a page of holders gets, once the record date is sealed."""
        Distributions(ctx).enter(action, holders)

    @transaction
    @licensed()
    def fund_action(
        self, ctx: Context, action: Identifier, intent: SignedIntent | None = None
    ) -> None:
        """Let the payer's money for everybody wait, as the payer says."""
        Distributions(ctx).fund(action, intent)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def pay_entitlements(self, ctx: Context, action: Identifier, holders: HolderPage) -> None:
        """Give a page of holders what they get: all or none, but for hindered redemptions."""
        Distributions(ctx).pay(action, holders)

    @transaction
    @licensed()
    def claim_entitlement(
        self, ctx: Context, claimed: EntitlementClaimed, intent: SignedIntent | None = None
    ) -> None:
        """Give a holder what it gets, as it asks: by signature, or through its participant."""
        Distributions(ctx).claim(claimed, intent)

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.ISSUE_SECURITIES)
    def reclaim_action(self, ctx: Context, action: Identifier) -> None:
        """Give back to its payer what nobody got in time; the action is over."""
        Distributions(ctx).reclaim(action)

    # --- market claims ---

    @transaction
    @licensed(Power.CLEAR, Power.KEEP_REGISTER)
    def raise_market_claim(self, ctx: Context, action: Identifier, trade: Identifier) -> None:
        """Enter what the other side of a trade is owed that was open over a record date."""
        MarketClaims(ctx).raise_claim(action, trade)

    @transaction
    @licensed(Power.CLEAR, Power.KEEP_REGISTER)
    def resolve_market_claim(self, ctx: Context, action: Identifier, trade: Identifier) -> None:
        """Settle a market claim whose trade is settled; drop one whose trade ended otherwise."""
        MarketClaims(ctx).resolve(action, trade)

    # --- meetings ---

    @transaction
    @licensed()
    def cast_votes(self, ctx: Context) -> None:
        """Vote, by a holder's signature or under its mandate.

        The vote comes as transient data, under ``votes``.
        """
        Meetings(ctx).vote(secret_argument(ctx, "votes", SignedVotes))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def count_votes(self, ctx: Context, action: Identifier) -> MeetingResult:
        """Count the votes of a meeting, once voting is over; return what it decided."""
        return Meetings(ctx).count(action)

    # --- queries ---

    @query
    def action(self, ctx: Context, action: str) -> Action:
        """Return an action: what was announced, and where it stands."""
        return Actions(ctx).require(action)

    @query
    def actions(self, ctx: Context, page_size: PageSize = 100, bookmark: str = "") -> ActionPage:
        """Return one page of all actions, by id."""
        return Actions(ctx).page(page_size, bookmark)

    @query
    @licence_first()
    def entitlement(self, ctx: Context, action: str, holder: str) -> Entitlement:
        """Return what a holder gets, to its agents, its issuer, and those who may read all."""
        if not may_read(ctx, Actions(ctx).require(action).issuer):
            refuse_if_any(mandate_findings(ctx, holder))
        return Distributions(ctx).entitlement(action, holder)

    @query
    @licence_first()
    def distribution(self, ctx: Context, action: str) -> DistributionReport:
        """Return the sums of a distribution, to its issuer and those who may read all."""
        refuse_if_any(reading_findings(ctx, Actions(ctx).require(action).issuer))
        return Distributions(ctx).report(action)

    @query
    @licence_first()
    def market_claim(self, ctx: Context, action: str, trade: str) -> MarketClaim:
        """Return a market claim, to the trade's venue and those who may read all."""
        refuse_if_any(reading_findings(ctx, Trades(ctx).require(trade).venue))
        return MarketClaims(ctx).claim(action, trade)

    @query
    def due_market_claims(
        self, ctx: Context, action: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> DueClaims:
        """Return trades for which a market claim is due, to those who may read all."""
        refuse_if_any(reading_findings(ctx))
        trades, following = MarketClaims(ctx).due(action, page_size, bookmark)
        return DueClaims(trades=tuple(trades), bookmark=following)

    @query
    def meeting_result(self, ctx: Context, action: str) -> MeetingResult | None:
        """Return what a meeting decided; None before it is counted."""
        return Meetings(ctx).result(action)
