"""Buy-ins: what is not delivered is bought elsewhere, or its value paid; the seller pays."""

from collections.abc import Mapping

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.calendars.days import business_days_after, cut_off, trade_day
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline import rules
from tallystick.contracts.discipline.fails import Fails
from tallystick.contracts.discipline.models import BoughtIn, BuyIn, BuyInStatus
from tallystick.contracts.discipline.packs import BuyInClock
from tallystick.contracts.discipline.payments import Owed, pay
from tallystick.contracts.discipline.rules import BuyInStep
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Identifier
from tallystick.contracts.parties import Exercised, Party, Profile, check_parties
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import DisciplineReason, RegisterReason
from tallystick.contracts.statements import BuyInCalled, BuyInWithdrawn
from tallystick.contracts.timelines import Timeline
from tallystick.contracts.trades.lifecycle import Lifecycle
from tallystick.contracts.trades.models import Trade
from tallystick.contracts.trades.signing import require_signature
from tallystick.contracts.trades.states import Step
from tallystick.contracts.trades.terms import LegKind, TradeLeg, TradeTerms


class BuyIns:
    """Buy-ins, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._fails = Fails(ctx)
        self._trades = self._fails.trades

    def find(self, trade: Trade) -> BuyIn | None:
        """Return the buy-in of a trade, if there is one; only peers of members can."""
        return self._trades.rows(trade).load(_key(trade.trade), BuyIn)

    def call(self, trade: str, agent: Identifier, intent: SignedIntent) -> None:
        """Appoint an agent to buy what is not delivered, as the buyer says."""
        row = self._trades.require(trade)
        terms = self._trades.terms(row)
        self._require_agent(row, terms, agent, intent)
        status = rules.buy_in_after(trade, self.find(row), BuyInStep.CALL, now(self._ctx))
        rules.require_unlocked(row, "buy in", now(self._ctx))
        clock = self._due_clock(row, terms)
        calendar = self._fails.calendar(row)
        last = business_days_after(
            calendar, trade_day(calendar, now(self._ctx)), clock.execution_days
        )
        buy_in = BuyIn(
            status=status,
            agent=agent,
            called_at=now(self._ctx),
            execution_due=cut_off(calendar, last),
        )
        self._save(row, terms, buy_in)
        self._ctx.emit(events.BuyInCalled(trade=trade, agent=agent))

    def execute(self, trade: str, replacement: str) -> None:
        """End a trade whose units were bought by another; the seller pays what was dearer."""
        self._require_agents(trade)
        row, terms, buy_in, status = self._advanced(trade, BuyInStep.EXECUTE)
        bought_row = self._trades.require(replacement)
        rules.require_venue(bought_row, row.venue)
        rows = self._trades.rows(row, terms.salt)
        used = composite_key("bought-in", replacement)
        if rows.holds(used) or not rules.has_settled_since(bought_row, buy_in.called_at):
            raise DisciplineReason.REPLACEMENT_WRONG.refusal(trade=trade, replacement=replacement)
        bought = self._trades.terms(bought_row)
        rules.check_replacement(
            self._in_present_units(row, terms),
            self._in_present_units(bought_row, bought),
            self._profiles(terms.buyer, terms.seller, bought.seller),
            buy_in.agent,
        )
        rows.save(used, BoughtIn(trade=trade))
        ended = buy_in.model_copy(update={"status": status, "replacement": replacement})
        self._conclude(row, terms, ended, bought.amount)
        self._ctx.emit(events.BuyInExecuted(trade=trade, replacement=replacement))

    def give_up(self, trade: str) -> None:
        """Enter that the agent could not buy."""
        self._require_agents(trade)
        row, terms, buy_in, status = self._advanced(trade, BuyInStep.FAIL)
        self._save(row, terms, buy_in.model_copy(update={"status": status}))
        self._ctx.emit(events.BuyInFailed(trade=trade))

    def compensate(self, trade: str, market_value: int, evidence_hash: str) -> None:
        """End a trade whose units could not be bought; the seller pays what they are dearer."""
        row, terms, buy_in, status = self._advanced(trade, BuyInStep.COMPENSATE)
        ended = buy_in.model_copy(update={"status": status})
        self._conclude(row, terms, ended, market_value)
        self._ctx.emit(events.BuyInCompensated(trade=trade, evidence_hash=evidence_hash))

    def withdraw(self, trade: str, intent: SignedIntent) -> None:
        """Wait for the seller again, as the buyer says."""
        row = self._trades.require(trade)
        terms = self._trades.terms(row)
        said = BuyInWithdrawn(trade=trade, party=terms.buyer, terms_hash=row.terms_hash)
        require_signature(self._ctx, terms, "buyer", (said, intent))
        _, _, buy_in, status = self._advanced(trade, BuyInStep.WITHDRAW)
        self._save(row, terms, buy_in.model_copy(update={"status": status}))
        self._ctx.emit(events.BuyInWithdrawn(trade=trade))

    # --- inside ---

    def _advanced(
        self, trade: str, step: BuyInStep
    ) -> tuple[Trade, TradeTerms, BuyIn, BuyInStatus]:
        """Return a trade that is not locked, its buy-in, and where that stands after a step."""
        row = self._trades.require(trade)
        buy_in = self.find(row)
        status = rules.buy_in_after(trade, buy_in, step, now(self._ctx))
        assert buy_in is not None, "only a call needs no buy-in before it"
        rules.require_unlocked(row, "buy in", now(self._ctx))
        return row, self._trades.terms(row), buy_in, status

    def _require_agent(
        self, row: Trade, terms: TradeTerms, agent: str, intent: SignedIntent
    ) -> None:
        """Refuse unless the buyer signed, and the agent may act for clients."""
        said = BuyInCalled(
            trade=row.trade, party=terms.buyer, terms_hash=row.terms_hash, agent=agent
        )
        exercised = (
            Exercised(organization=self._ctx.client.msp_id),
            Exercised(organization=agent, powers=(Power.ACT_FOR_CLIENTS,)),
        )
        require_signature(self._ctx, terms, "buyer", (said, intent), exercised)

    def _in_present_units(self, row: Trade, terms: TradeTerms) -> TradeTerms:
        """Return terms of a trade with what splits have made of the units that go over.

        Raises:
            Refusal: AGREED_FRACTION.
        """
        units, _, *further = (self._leg_now(row, leg) for leg in terms.all_legs)
        changed = {"quantity": units.quantity, "legs": tuple(further)}
        return terms.model_copy(update=changed)

    def _leg_now(self, row: Trade, leg: TradeLeg) -> TradeLeg:
        if leg.kind is not LegKind.UNITS:
            return leg
        answer = self._ctx.invoke(Chaincode.TOKEN, "timeline", leg.asset)
        due = Timeline.model_validate_json(answer).agreed(leg.quantity, row.splits_seen)
        if due is None:
            raise RegisterReason.AGREED_FRACTION.refusal(
                security=leg.asset, holder=leg.sender, quantity=leg.quantity
            )
        return leg.model_copy(update={"quantity": due})

    def _profiles(self, *identities: str) -> Mapping[str, Profile]:
        """Return who is behind each identity: of a sub-account, its owner."""
        parties = [Party(identity=each) for each in identities]
        report = check_parties(self._ctx, parties, exercised=())
        profiles = {}
        for who, each in zip(identities, report.parties, strict=True):
            assert each.profile is not None, "who has traded is registered"
            profiles[who] = each.profile
        return profiles

    def _require_agents(self, trade: str) -> None:
        """Refuse all but the agent of a buy-in, where there is one."""
        caller, buy_in = self._ctx.client.msp_id, self.find(self._trades.require(trade))
        if buy_in is not None and caller != buy_in.agent:
            raise DisciplineReason.NOT_THE_AGENT.refusal(
                trade=trade, participant=caller, agent=buy_in.agent
            )

    def _due_clock(self, row: Trade, terms: TradeTerms) -> BuyInClock:
        """Return the clock by which a buy-in may be called now.

        Raises:
            Refusal: BUY_IN_NOT_DUE, BUY_IN_NOT_PROVIDED or REGIME_UNKNOWN.
        """
        days = [each for each in self._fails.judged_days(row, terms) if each.side == "seller"]
        if not days:
            raise DisciplineReason.BUY_IN_NOT_DUE.refusal(trade=row.trade, age=0, needed=1)
        figures = self._fails.regimes.require_figures(row.venue, days[-1].day)
        instrument = figures.period.instrument(terms.security)
        clock = figures.pack.buy_in(instrument)
        if clock is None:
            raise DisciplineReason.BUY_IN_NOT_PROVIDED.refusal(
                instrument=instrument, pack=figures.pack.pack, version=figures.pack.version
            )
        if len(days) < clock.business_days:
            raise DisciplineReason.BUY_IN_NOT_DUE.refusal(
                trade=row.trade, age=len(days), needed=clock.business_days
            )
        return clock

    def _conclude(self, row: Trade, terms: TradeTerms, buy_in: BuyIn, value: int) -> None:
        """End a trade, and let its seller pay what a value is above the amount, if it is."""
        compensation = max(0, value - terms.amount)
        self._save(row, terms, buy_in.model_copy(update={"compensation": compensation}))
        replacement = buy_in.replacement
        step = Step.CANCEL if replacement is None else Step.BUY_IN
        Lifecycle(self._ctx).end(row.trade, step, replaced_by=replacement)
        if compensation:
            cash = self._fails.paying_cash(row, terms)
            pay(
                self._ctx,
                [Owed(cash, terms.seller, terms.buyer, compensation)],
                [terms.salt],
            )

    def _save(self, row: Trade, terms: TradeTerms, buy_in: BuyIn) -> None:
        self._trades.rows(row, terms.salt).save(_key(row.trade), buy_in)


def _key(trade: str) -> str:
    return composite_key("buy-in", trade)
