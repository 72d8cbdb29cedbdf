"""Random cycles among all else that happens in a market: nothing is created, lost or owed twice.

SS-89, SS-93, SS-94. The invariants are those of the market; beside them, what a cycle took is what
it settled and dropped, and nobody gave more in it than in its own trades.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, invariant, rule
from pydantic import JsonValue
from tests.models.register_acts import INVESTORS, SECURITIES
from tests.models.test_contract_conservation import MarketMachine
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.netting.cleared import listed

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting import lifecycle
from tallystick.contracts.netting.models import CycleTerms, CycleView, DefaultNotice
from tallystick.contracts.netting.removal import Removal
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel

SETTLEMENT, CLEARING = Chaincode.SETTLEMENT, Participant.CLEARING

sides = st.lists(st.sampled_from(INVESTORS), min_size=2, max_size=2, unique=True)
dealt = st.tuples(sides, st.sampled_from(SECURITIES), st.integers(1, 90), st.integers(1, 90))
models = st.sampled_from((DvpModel.NET_MONEY, DvpModel.NET))


class NettingMachine(MarketMachine):
    """The market, with cycles."""

    holding = (Status.LOCKED, Status.FAILING, Status.IN_CYCLE)
    batches: Bundle[tuple[str, tuple[str, ...]]] = Bundle("batches")

    def begin(self, market: ListeningMarket) -> None:
        """Let cycles of more than one trade leave batches to be ended."""
        super().begin(market)
        self.few_ended = patch.object(lifecycle, "MAX_ENDED", 1)
        self.few_ended.start()

    def teardown(self) -> None:
        self.few_ended.stop()

    @rule(
        target=batches,
        deals=st.lists(dealt, min_size=1, max_size=4),
        model=models,
        removal=st.sampled_from(Removal),
        keeps_dropped=st.booleans(),
        is_settled=st.booleans(),
    )
    def run_cycle(
        self,
        deals: Sequence[tuple[list[str], str, int, int]],
        model: DvpModel,
        removal: Removal,
        *,
        keeps_dropped: bool,
        is_settled: bool,
    ) -> tuple[str, tuple[str, ...]]:
        """Agree on trades, take them into a cycle, and settle or cancel it; return its batches."""
        cut_off = self.market.after(timedelta(minutes=1))
        cycle = f"C-{self.proposed}"
        terms = CycleTerms(
            cycle=cycle,
            venue=Participant.ATS,
            model=model,
            removal=removal,
            keeps_dropped=keeps_dropped,
            cut_off_at=cut_off,
            settles_from=cut_off,
        )
        self.act(partial(self.submit, CLEARING, SETTLEMENT, "open_cycle", terms))
        taken = [self.accept(cycle, self.agree(deal, model)) for deal in deals]
        self.market.ledger.advance(timedelta(minutes=1))
        if is_settled:
            self.act(partial(self.submit, CLEARING, SETTLEMENT, "settle_cycle", cycle))
        else:
            self.act(partial(self.submit, CLEARING, SETTLEMENT, "cancel_cycle", cycle, "no"))
        return cycle, tuple(each for each in taken if each)

    def accept(self, cycle: str, trade: JsonValue) -> str:
        """Take a trade into a cycle; return the name of its batch, or nothing."""
        taken: list[str] = []
        accept = partial(self.submit, CLEARING, SETTLEMENT, "accept_trades", cycle, trade)
        self.act(lambda: taken.append(accept().transaction_id))
        return "".join(taken)

    @rule(batches=consumes(batches))
    def end_batches(self, batches: tuple[str, tuple[str, ...]]) -> None:
        """Let the trades of a cycle say what became of them, where they have not yet."""
        cycle, names = batches
        for each in names:
            end = (Participant.ISSUER, SETTLEMENT, "end_batch", cycle, each)
            self.act(partial(self.submit, *end))
            assert not self.act(partial(self.submit, *end)), "a batch ends once"

    @rule(member=st.sampled_from(INVESTORS), declares=st.booleans())
    def default(self, member: str, *, declares: bool) -> None:
        notice = DefaultNotice(
            member=member, venue=Participant.ATS, evidence_hash=EVIDENCE, salt="5" * 32
        )
        function = "declare_default" if declares else "lift_default"
        self.act(partial(self.market.submit, CLEARING, SETTLEMENT, function, default=notice))

    @invariant()
    def what_a_cycle_took_it_settled_or_dropped(self) -> None:
        for (cycle,), _ in self.rows_of(SETTLEMENT, "cycle"):
            view = self.market.evaluate(SETTLEMENT, "cycle", cycle).load(CycleView)
            if view.report is None:
                continue
            assert view.trades == view.cycle.settled + view.cycle.dropped
            assert view.cycle.dropped == len(view.report.dropped)
            assert sum(each.net for each in view.report.positions) == 0
            assert all(-each.net <= each.owes for each in view.report.positions)

    def agree(self, deal: tuple[list[str], str, int, int], model: DvpModel) -> JsonValue:
        """Propose a trade and let both sides consent; return its name, as a list."""
        (seller, buyer), security, quantity, amount = deal
        self.proposed += 1
        name = f"T-{self.proposed}"
        terms = self.market.terms(name, quantity=quantity, amount=amount).model_copy(
            update={
                "price": price_of(amount, quantity),
                "security": security,
                "seller": seller,
                "buyer": buyer,
                "model": model,
            }
        )
        self.act(partial(self.market.propose, terms))
        for side in ("buyer", "seller"):
            self.act(partial(self.market.consent, terms, side))
        return listed([name])


class NettingInDepth(NettingMachine):
    """The same at greater length."""


TestNetting = NettingMachine.TestCase
TestNetting.settings = settings(max_examples=4, stateful_step_count=12, deadline=None)

TestNettingInDepth = pytest.mark.slow(NettingInDepth.TestCase)
TestNettingInDepth.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
