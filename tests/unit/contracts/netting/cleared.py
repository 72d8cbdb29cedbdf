"""A market that clears in cycles: members with units and money, and short ways to trade."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.money import grant_credit, reserve
from tests.unit.contracts.netting.books import MEMBERS, For

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.netting.models import CycleTerms, CycleView, DefaultNotice, Report
from tallystick.contracts.netting.removal import Removal
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.register.splits import SplitOrder
from tallystick.contracts.statements import MoneyReserved, ReservationUse
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import DvpModel, TradeTerms

SETTLEMENT = Chaincode.SETTLEMENT
CLEARING = Participant.CLEARING
HOUR = timedelta(hours=1)
SALT = "5" * 32


def listed(names: Sequence[str]) -> JsonValue:
    """Return names as an argument."""
    return [*names]


class ClearedMarket(Market):
    """Acts of netting, each by whoever is entitled to it."""

    def trade(
        self,
        name: str,
        seller: str,
        buyer: str,
        about: For | None = None,
        model: DvpModel = DvpModel.NET,
    ) -> TradeTerms:
        """Return terms that both sides have consented to."""
        quantity, amount, security = about or For()
        terms = self.terms(name, quantity=quantity, amount=amount).model_copy(
            update={
                "price": price_of(amount, quantity),
                "security": security,
                "seller": seller,
                "buyer": buyer,
                "model": model,
            }
        )
        self.agree(terms)
        return terms

    def cycle_terms(self, cycle: str = "C-1", model: DvpModel = DvpModel.NET) -> CycleTerms:
        """Return the rules of a cycle that takes trades for an hour and then settles."""
        return CycleTerms(
            cycle=cycle,
            venue=Participant.ATS,
            model=model,
            removal=Removal.LATEST,
            cut_off_at=self.after(HOUR),
            settles_from=self.after(HOUR),
        )

    def open_cycle(self, terms: CycleTerms) -> Outcome:
        return self.submit(CLEARING, SETTLEMENT, "open_cycle", terms)

    def accept(self, *trades: str, cycle: str = "C-1") -> Outcome:
        return self.submit(CLEARING, SETTLEMENT, "accept_trades", cycle, listed(trades))

    def settle_cycle(self, cycle: str = "C-1") -> Outcome:
        """Settle a cycle right after its cut-off."""
        self.ledger.advance(HOUR)
        return self.submit(CLEARING, SETTLEMENT, "settle_cycle", cycle)

    def cycle(self, cycle: str = "C-1") -> CycleView:
        return self.evaluate(SETTLEMENT, "cycle", cycle).load(CycleView)

    def report(self, cycle: str = "C-1") -> Report:
        report = self.cycle(cycle).report
        assert report is not None, "the cycle has ended, and the regulator may read"
        return report

    def dropped(self, cycle: str = "C-1") -> dict[str, tuple[str, ...]]:
        """Return the trades that a cycle did not settle, with the codes of the reasons."""
        return {
            each.trade: tuple(finding.code for finding in each.findings)
            for each in self.report(cycle).dropped
        }

    def bind(self, *rules: Binding) -> None:
        """Bind rules to ACME; that its parties are verified, its terms ask for anyway."""
        given = RulesGiven(security="ACME", home="US", rules=rules)
        self.submit(Participant.TRANSFER_AGENT, Chaincode.TOKEN, "bind_rules", given)

    def lend(self, member: str, cap: int) -> None:
        """Let the bank lend a member up to a cap, for this day."""
        grant_credit(self, cap, member, 24 * HOUR)

    def pledge(self, member: str, amount: int, cash: str = "USD") -> None:
        """Let a member reserve money as collateral, for who clears."""
        self._reserve((member, cash), amount, CLEARING, "margin", ReservationUse.COLLATERAL)

    def commit(self, member: str, amount: int, order: str) -> None:
        """Let a member commit money to an order, for the venue."""
        self._reserve((member, "USD"), amount, Participant.ATS, order, ReservationUse.ORDER)

    def _reserve(
        self,
        account: tuple[str, str],
        amount: int,
        keeper: str,
        name: str,
        use: ReservationUse,
    ) -> None:
        member, cash = account
        said = MoneyReserved(
            cash=cash,
            holder=member,
            keeper=keeper,
            reservation=name,
            use=use,
            amount=amount,
            expires_at=self.after(24 * HOUR),
        )
        reserve(self, said)

    def split(self, new: int, old: int = 1) -> None:
        """Split ACME, which is paused for it."""
        agent, token = Participant.TRANSFER_AGENT, Chaincode.TOKEN
        order = SplitOrder(security="ACME", new=new, old=old, document_hash=EVIDENCE)
        self.submit(agent, token, "pause", "ACME", "a split")
        self.submit(agent, token, "split", order)
        self.submit(agent, token, "resume", "ACME")

    def holdings(self) -> dict[str, tuple[int, int, int]]:
        """Return the units of ACME, of BETA and the money of each member who has any."""
        found = {
            each: (self.units(each), self.units(each, "BETA"), self.money(each)) for each in MEMBERS
        }
        return {member: each for member, each in found.items() if any(each)}

    def status(self, trade: str) -> str:
        return self.evaluate(SETTLEMENT, "trade", trade).load(TradeView).trade.status

    def notice(self, member: str) -> DefaultNotice:
        return DefaultNotice(
            member=member, venue=Participant.ATS, evidence_hash=EVIDENCE, salt=SALT
        )


def cleared_of(market: Market) -> ClearedMarket:
    """Return a market as one that clears; both share one ledger."""
    return ClearedMarket(
        ledger=market.ledger,
        clients=market.clients,
        wallets=market.wallets,
        nonces=market.nonces,
    )
