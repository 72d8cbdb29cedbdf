"""What holders get by corporate actions: entered for everybody, funded, paid or claimed, once.

Everybody who held at the record date is entered before anything is paid: so what is funded is what
is due to all of them, and every minor unit of it is accounted for.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.actions.actions import Actions
from tallystick.contracts.actions.meetings import vote_key
from tallystick.contracts.actions.models import (
    Action,
    DistributionReport,
    Entitlement,
    HolderRates,
    RateChange,
    RatesGiven,
    Totals,
)
from tallystick.contracts.actions.rules import (
    brings,
    elected_units,
    entitlement,
    with_entered,
    with_paid,
)
from tallystick.contracts.actions.states import Status, Step
from tallystick.contracts.actions.terms import IN_UNITS, ActionType, Distribution
from tallystick.contracts.book import HeldMove
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.parties import require_authority
from tallystick.contracts.payments import CashInstruction
from tallystick.contracts.readers import actions_of
from tallystick.contracts.reasons import ActionReason, Finding, refuse_if_any
from tallystick.contracts.statements import DistributionFunded, EntitlementClaimed, VotesCast


class Distributions:
    """What is given to holders, as one transaction sees and gives it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._actions = Actions(ctx)

    def set_rates(self, given: RatesGiven) -> None:
        """Set rates of withholding from now on. Record dates that have come keep theirs."""
        issuer = self._actions.register.issuer_of(given.security)
        rows = ConfidentialRows(self._ctx, actions_of(issuer), given.salt)
        for rate in given.rates:
            key = rates_key(given.security, rate.holder)
            known = rows.load(key, HolderRates) or HolderRates()
            change = RateChange(since=now(self._ctx), withholding=rate.withholding)
            rows.save(key, known.having(change))

    def enter(self, action: str, holders: Sequence[str]) -> None:
        """Fix what some holders get; once everybody is entered, the action goes on.

        Raises:
            Refusal: ACTION_UNKNOWN, ACTION_DIFFERS, ACTION_STATUS, ENTITLEMENT_EXISTS,
                ELECTION_OPEN, or that the record date is not sealed.
        """
        row = self._actions.advanced(action, Step.ENTER)
        rows = self._actions.rows(row)
        given = distribution_of(row)
        totals = rows.load(totals_key(action), Totals)
        if totals is None:
            totals = Totals(supply=self._actions.register.supply(row))
        for holder, held in zip(holders, self._actions.register.held(row, holders), strict=True):
            if rows.load(entitlement_key(action, holder), Entitlement) is not None:
                raise ActionReason.ENTITLEMENT_EXISTS.refusal(action=action, holder=holder)
            units = self._brought_in(given, holder, held) if given.is_for(holder) else 0
            entered = entitlement(units, given, self.rate(rows, row, holder))
            rows.save(entitlement_key(action, holder), entered)
            totals = with_entered(totals, held, entered)
        is_complete = totals.entered == totals.supply
        rows.save(totals_key(action), totals)
        if is_complete:
            self._actions.save(row.model_copy(update={"status": Status.ENTERED}))
        self._ctx.emit(
            events.EntitlementsEntered(action=action, holders=len(holders), is_complete=is_complete)
        )

    def fund(self, action: str, intent: SignedIntent | None) -> None:
        """Let the payer's money for everybody wait for the action, as it says."""
        row = self._actions.advanced(action, Step.FUND)
        given, rows = distribution_of(row), self._actions.rows(row)
        assert given.payer is not None, "what is funded is money"
        totals = self._totals(rows, action)
        amount = brings(totals.entitled, given)
        funded = DistributionFunded(
            action=action, payer=given.payer, cash=given.asset, amount=amount
        )
        require_authority(self._ctx, given.payer, funded, intent)
        self._actions.save(row)
        rows.save(totals_key(action), totals.model_copy(update={"funded": amount}))
        self._pay(CashInstruction(lock=(_waiting(row, amount),), secret=self._actions.secret(row)))
        self._ctx.emit(events.ActionFunded(action=action))

    def pay(self, action: str, holders: Sequence[str]) -> None:
        """Give some holders what they get, all of them or none of them.

        A redemption is the exception: those are paid whose units end now; of the others it is noted
        why not, and they can be paid later.

        Raises:
            Refusal: ACTION_UNKNOWN, ACTION_STATUS, NOT_PAYABLE_YET, ENTITLEMENT_UNKNOWN,
                ENTITLEMENT_PAID, ENTITLEMENT_CLAIMED, or what stands against a holder.
        """
        row = self._payable(action)
        due = self._due(row, holders)
        hindrances = self._redeem(row, due, is_asked=False)
        if hindrances:
            self._note(row, due, hindrances)
        payable = {who: each for who, each in due.items() if who not in hindrances}
        if payable:
            self._give(row, payable)

    def claim(self, claimed: EntitlementClaimed, intent: SignedIntent | None) -> None:
        """Give a holder what it gets, as it asks, until claims end.

        Raises:
            Refusal: CLAIMS_OVER, ACTION_DIFFERS for units, which only the transfer agent gives,
                what stands against the end of units that are redeemed, or as ``pay``.
        """
        row = self._actions.require(claimed.action)
        require_authority(self._ctx, claimed.holder, claimed, intent)
        if row.terms.action_type in IN_UNITS:
            raise ActionReason.ACTION_DIFFERS.refusal(
                action=claimed.action, action_type=row.terms.action_type, step="claim"
            )
        row = self._payable(claimed.action)
        until = distribution_of(row).claims_until
        if now(self._ctx) >= until:
            raise ActionReason.CLAIMS_OVER.refusal(action=claimed.action, claims_until=until)
        due = self._due(row, (claimed.holder,))
        hindrances = self._redeem(row, due, is_asked=True)
        refuse_if_any(hindrances.get(claimed.holder, ()))
        self._give(row, due)

    def reclaim(self, action: str) -> None:
        """Give back to the payer what nobody has got in time, with what rounding has left.

        Units that nobody has got are not issued any more.
        """
        row = self._actions.advanced(action, Step.RECLAIM)
        until = distribution_of(row).claims_until
        if now(self._ctx) < until:
            raise ActionReason.CLAIMS_OPEN.refusal(action=action, claims_until=until)
        rows = self._actions.rows(row)
        totals = self._totals(rows, action)
        left = totals.remaining
        rows.save(totals_key(action), totals.model_copy(update={"reclaimed": left}))
        if left and row.terms.action_type not in IN_UNITS:
            waiting = (_waiting(row, left),)
            self._pay(CashInstruction(release=waiting, secret=self._actions.secret(row)))
        self._actions.close(row)

    # --- what is known ---

    def entitlement(self, action: str, holder: str) -> Entitlement:
        """Return what a holder gets; refuse with ENTITLEMENT_UNKNOWN when nothing is entered."""
        row = self._actions.require(action)
        return _require(self._actions.rows(row), action, holder)

    def report(self, action: str) -> DistributionReport:
        """Return the sums of a distribution; refuse with ENTITLEMENT_UNKNOWN before any is."""
        totals = self._totals(self._actions.rows(self._actions.require(action)), action)
        return DistributionReport(
            totals=totals,
            dust=totals.dust,
            unclaimed=totals.unclaimed,
            remaining=totals.remaining,
        )

    def rate(self, rows: ConfidentialRows, row: Action, holder: str) -> int:
        """Return a holder's rate of withholding as it was when the record date came."""
        given = distribution_of(row)
        if given.tax_account is None or row.terms.record_at is None:
            return 0
        own = rows.load(rates_key(row.terms.security, holder), HolderRates) or HolderRates()
        rate = own.before(row.terms.record_at)
        return given.withholding if rate is None else rate

    # --- how ---

    def _brought_in(self, given: Distribution, holder: str, held: int) -> int:
        """Return for how many units a holder gets a distribution."""
        option = given.elected
        if option is None:
            return held
        ballot = self._actions.require(option.action)
        if ballot.status is not Status.CLOSED or ballot.terms.ballot is None:
            raise ActionReason.ELECTION_OPEN.refusal(action=option.action)
        cast = self._actions.rows(ballot).load(vote_key(option.action, holder), VotesCast)
        return elected_units(held, () if cast is None else cast.votes, option)

    def _payable(self, action: str) -> Action:
        """Return an action that is being paid."""
        row = self._actions.require(action)
        is_in_units = row.terms.action_type in IN_UNITS
        row = self._actions.advanced(action, Step.PAY_UNITS if is_in_units else Step.PAY_MONEY)
        payable_at, moment = distribution_of(row).payable_at, now(self._ctx)
        if moment < payable_at:
            raise ActionReason.NOT_PAYABLE_YET.refusal(
                action=action, payable_at=payable_at, now=moment
            )
        return row

    def _due(self, row: Action, holders: Sequence[str]) -> Mapping[str, Entitlement]:
        """Return what is due to holders, each named once."""
        action, rows = row.terms.action, self._actions.rows(row)
        due: dict[str, Entitlement] = {}
        for holder in holders:
            found = _require(rows, action, holder)
            if found.is_over or holder in due:
                raise ActionReason.ENTITLEMENT_PAID.refusal(action=action, holder=holder)
            if found.claimed:
                raise ActionReason.ENTITLEMENT_CLAIMED.refusal(
                    action=action, holder=holder, units=found.claimed
                )
            due[holder] = found
        return due

    def _redeem(
        self, row: Action, due: Mapping[str, Entitlement], *, is_asked: bool
    ) -> Mapping[str, tuple[Finding, ...]]:
        """End the units that are redeemed, before their holders are paid.

        Returns:
            Whose cannot end now, and why; nobody where nothing is redeemed.
        """
        if row.terms.action_type is not ActionType.REDEMPTION:
            return {}
        portions = [(who, each.units) for who, each in due.items()]
        return self._actions.register.redeem(row, portions, is_asked=is_asked)

    def _note(
        self,
        row: Action,
        due: Mapping[str, Entitlement],
        hindrances: Mapping[str, tuple[Finding, ...]],
    ) -> None:
        """Write why holders are not paid."""
        action, rows = row.terms.action, self._actions.rows(row)
        for holder, findings in hindrances.items():
            noted = due[holder].model_copy(update={"hindrances": findings})
            rows.save(entitlement_key(action, holder), noted)
        self._ctx.emit(events.RedemptionsHindered(action=action, holders=len(hindrances)))

    def _give(self, row: Action, due: Mapping[str, Entitlement]) -> None:
        """Give holders what is due to them, and write that they have got it."""
        action, given = row.terms.action, distribution_of(row)
        is_in_units = row.terms.action_type in IN_UNITS
        rows = self._actions.rows(row)
        totals = self._totals(rows, action)
        if is_in_units:  # which nobody funds: they come into being
            self._actions.save(row)
            totals = totals.model_copy(update={"funded": brings(totals.entitled, given)})
        for holder, each in due.items():
            rows.save(entitlement_key(action, holder), each.settled)
            totals = with_paid(totals, each)
        rows.save(totals_key(action), totals)
        if is_in_units:
            portions = [(who, each.due) for who, each in due.items()]
            self._actions.register.issue(row, given.asset, portions)
        else:
            self._pay_money(row, given, due)
        self._ctx.emit(events.EntitlementsPaid(action=action, holders=len(due)))

    def _pay_money(self, row: Action, given: Distribution, due: Mapping[str, Entitlement]) -> None:
        amounts = [(holder, each.due) for holder, each in due.items()]
        withheld = sum(each.tax_due for each in due.values())
        if given.tax_account is not None:
            amounts.append((given.tax_account, withheld))
        moves = tuple(
            _waiting(row, amount).model_copy(update={"receiver": receiver})
            for receiver, amount in amounts
            if amount
        )
        if moves:
            self._pay(CashInstruction(moves=moves, secret=self._actions.secret(row)))

    def _pay(self, instruction: CashInstruction) -> None:
        self._ctx.invoke(Chaincode.CASH, "instruct", instruction)

    def _totals(self, rows: ConfidentialRows, action: str) -> Totals:
        totals = rows.load(totals_key(action), Totals)
        if totals is None:
            raise ActionReason.ENTITLEMENT_UNKNOWN.refusal(action=action, holder="anybody")
        return totals


def entitlement_key(action: str, holder: str) -> str:
    """Return the key of what a holder gets."""
    return composite_key("entitlement", action, holder)


def totals_key(action: str) -> str:
    """Return the key of the sums of a distribution."""
    return composite_key("totals", action)


def rates_key(security: str, holder: str) -> str:
    """Return the key of a holder's own rates of withholding."""
    return composite_key("withholding", security, holder)


def _require(rows: ConfidentialRows, action: str, holder: str) -> Entitlement:
    found = rows.load(entitlement_key(action, holder), Entitlement)
    if found is None:
        raise ActionReason.ENTITLEMENT_UNKNOWN.refusal(action=action, holder=holder)
    return found


def distribution_of(row: Action) -> Distribution:
    """Return what an action gives."""
    given = row.terms.distribution
    assert given is not None, "only a distribution comes to these steps"
    return given


def hold_of(action: str) -> str:
    """Return the name of an action's hold: unlike that of any trade, subscription or action."""
    return sha256(composite_key("action", action).encode()).hexdigest()


def _waiting(row: Action, amount: int) -> HeldMove:
    """Return the payer's money that waits for the action."""
    given = distribution_of(row)
    assert given.payer is not None, "what waits is money"
    return HeldMove(
        asset=given.asset,
        sender=given.payer,
        receiver=given.payer,
        quantity=amount,
        hold=hold_of(row.terms.action),
        keeps_open=True,
    )
