"""A secondary market under rules that change at random: lock-ups, limits of quantity and number.

SS-17, SS-18, SS-78. The invariants are those of the market. Beside them: what a verdict allows is
what happens, no transfer passes a limit that holds at that moment, and no unit leaves its holder
before its time.
"""

from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from pydantic import TypeAdapter
from tests.models.register_acts import INVESTORS, quantities, securities
from tests.models.ruled_acts import LOCK_DAYS, RuledActs, Written, nothing_bound, written
from tests.models.test_contract_conservation import MarketMachine

from tallystick.contracts.book import Account, Position
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.reasons import ComplianceReason, Finding
from tallystick.contracts.register.models import Verdict
from tallystick.contracts.statements import UnitsSent

TOKEN = Chaincode.TOKEN
FINDINGS = TypeAdapter(tuple[Finding, ...])


class RuledMachine(RuledActs, MarketMachine):
    """The market, under rules."""

    @initialize()
    def open(self) -> None:
        super().open()
        self.bound, self.closed = nothing_bound(), 0
        given = RulesGiven(security="ACME", rules=written({"maximum-holding": {"units": 120}}))
        agent = Participant.TRANSFER_AGENT
        assert self.act(partial(self.submit, agent, TOKEN, "bind_rules", given))
        self.bound["ACME"] = {"maximum-holding": {"units": 120}}

    @rule(security=securities, sides=st.permutations(INVESTORS), quantity=quantities)
    def send_as_the_verdict_says(self, security: str, sides: list[str], quantity: int) -> None:
        """Ask whether units may go, and send them; whoever may not act for the sender is none."""
        sender, receiver, _ = sides
        sent = UnitsSent(security=security, sender=sender, receiver=receiver, quantity=quantity)
        verdict = self.market.evaluate(TOKEN, "can_transfer", sent).load(Verdict)
        approved = self.market.evaluate(TOKEN, "approval", security, sender, receiver)
        is_approved = approved.json is not None
        before = self.held_of(security)
        broker = Participant.BROKER_DEALER
        happened = self.act(partial(self.market.submit, broker, TOKEN, "transfer", sent))
        assert happened == verdict.allowed
        assert not happened or quantity <= verdict.most
        if happened and not is_approved:
            self.check_limits(self.bound[security], before, self.held_of(security), sent)

    @rule(security=securities, sides=st.permutations(INVESTORS), quantity=quantities)
    def settle_at_the_venue(self, security: str, sides: list[str], quantity: int) -> None:
        """Let a trade settle at once: what is against it is what the verdict says just before.

        Where the verdict has nothing against it, the buyer can still lack the money.
        """
        seller, buyer, _ = sides
        self.proposed += 1
        parts = {"security": security, "seller": seller, "buyer": buyer}
        name = f"T-{self.proposed}"
        terms = self.market.terms(name, quantity=quantity, amount=1).model_copy(
            update={**parts, "price": price_of(1, quantity)}
        )
        sent = UnitsSent(security=security, sender=seller, receiver=buyer, quantity=quantity)
        if not self.act(partial(self.market.propose, terms)):
            return
        for side in terms.parties:
            assert self.act(partial(self.market.consent, terms, side))
        before, approval = self.held_of(security), (security, seller, buyer)
        approved = self.market.evaluate(TOKEN, "approval", *approval)
        clear = (Participant.CLEARING, Chaincode.SETTLEMENT, "settle_at_once", name)
        verdict = self.market.evaluate(TOKEN, "can_transfer", sent, terms.venue).load(Verdict)
        happened = self.act(partial(self.submit, *clear))
        assert verdict.allowed or not happened
        assert not happened or quantity <= verdict.most
        if not happened:
            self.check_refusal(verdict)
        if happened and approved.json is None:
            rules = {k: v for k, v in self.bound[security].items() if k != "venue-only"}
            self.check_limits(rules, before, self.held_of(security), sent)

    def check_refusal(self, verdict: Verdict) -> None:
        """Hold the refusal of a settlement against the verdict at the same height."""
        assert self.refusal is not None
        told = FINDINGS.validate_python(self.refusal.facts.get("reasons", ()))
        if verdict.allowed:
            assert not ComplianceReason.__members__.keys() & {each.code for each in told}
        else:
            assert told == verdict.reasons

    def check_limits(
        self,
        rules: dict[str, Written],
        before: dict[str, Position],
        after: dict[str, Position],
        sent: UnitsSent,
    ) -> None:
        """Hold a transfer that passed against the rules, as a reader of them would."""
        left = after[sent.sender].quantity if sent.sender in after else 0
        supply = sum(each.quantity for each in after.values())
        assert supply == sum(each.quantity for each in before.values())
        assert "venue-only" not in rules
        if "lock-up" in rules:
            assert left >= self.locked(before[sent.sender])
        if "holder-limit" in rules:
            most = rules["holder-limit"]["most"]
            assert holders(after) <= max(most, holders(before))
        if "minimum-holding" in rules:
            least = rules["minimum-holding"]["units"]
            assert after[sent.receiver].quantity >= least
            assert not left or left >= least
        if "volume-window" in rules:
            assert sent.quantity <= rules["volume-window"]["units"]
        for measure, most in rules.get("maximum-holding", {}).items():
            limit = most if measure == "units" else most * supply // 10_000
            assert after[sent.receiver].quantity <= limit

    def locked(self, position: Position) -> int:
        """Return how many units are not held for long enough yet, counted by days."""
        today = self.market.ledger.now.date()
        lock = timedelta(days=LOCK_DAYS)
        young = (
            each for each in position.lots if today < date.fromisoformat(each.held_since) + lock
        )
        return sum(each.quantity for each in young)

    def held_of(self, security: str) -> dict[str, Position]:
        return {
            account.holder: position
            for account, position in self.positions(TOKEN).items()
            if account == Account(security, account.holder)
        }


def holders(positions: dict[str, Position]) -> int:
    return sum(1 for each in positions.values() if each.quantity)


class RulesInDepth(RuledMachine):
    """The same at greater length."""


TestRules = RuledMachine.TestCase
TestRules.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)

TestRulesInDepth = pytest.mark.slow(RulesInDepth.TestCase)
TestRulesInDepth.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
