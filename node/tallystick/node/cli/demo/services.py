"""The three services of the story, each a thin layer over the ledger.

The explainer that the demo follows names them MarketMakerMatcher, TradeManager and
SettlementManager.
"""

from dataclasses import dataclass

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import PlacedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import OrderPlaced
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.rules import SIDES
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cli.demo import trades
from tallystick.node.cli.demo.cast import INVESTORS, firm_name
from tallystick.node.cli.demo.channel import Committed, Notice
from tallystick.node.cli.demo.narration import units
from tallystick.node.cli.demo.stage import DemoFailedError, Stage

MARKET = Participant.ISSUER
"""Any firm that has no part in a trade; the demo lets the issuer's eyes stand for the market's."""


@dataclass(frozen=True, slots=True)
class MarketMakerMatcher:
    """Finds orders that fit each other. The trading venue runs it."""

    stage: Stage
    name = "MarketMakerMatcher"

    async def trade_match(self, trade: str, sell: str, buy: str) -> TradeTerms:
        """Return the terms of the trade that two orders on the ledger make.

        Raises:
            DemoFailedError: The orders do not fit each other.
        """
        sells, buys = await self.order(sell), await self.order(buy)
        try:
            return trades.filling(self.stage.wallets, trade, sell=sells, buy=buys)
        except ValueError as error:
            raise DemoFailedError(f"no trade was matched: {error}") from error

    async def order(self, order: str) -> OrderPlaced:
        """Return an order as the ledger has it."""
        answer = await self.stage.channel.query(
            Participant.ATS, Chaincode.SETTLEMENT, "order", Participant.ATS, order
        )
        return PlacedOrder.model_validate_json(answer).statement


@dataclass(frozen=True, slots=True)
class TradeManager:
    """Records trades and tells everybody. It is the contract of trades, which every node runs."""

    stage: Stage
    name = "TradeManager"

    async def create_trade(self, terms: TradeTerms) -> Committed:
        """Record a trade, once and for ever."""
        return await self.stage.act(
            f"creates trade {terms.trade} and records it: {trades.in_words(terms)}. It has checked"
            " that the trade fits both orders, and that its number is new.",
            trades.record(terms),
            self.name,
        )

    async def notify(self, terms: TradeTerms, committed: Committed) -> None:
        """Show who is notified of a step of a trade, of what, and what each may look up.

        Raises:
            DemoFailedError: Somebody is told too much or too little.
        """
        seller, buyer = (terms.parties[side].title() for side in ("seller", "buyer"))
        broker = Participant.BROKER_DEALER
        rows = [
            await self._row(f"{seller}, the seller", broker, terms, committed, terms.seller),
            await self._row(f"{buyer}, the buyer", broker, terms, committed, terms.buyer),
            await self._row("SettlementManager", Participant.CLEARING, terms, committed),
            await self._row("the market", MARKET, terms, committed),
        ]
        self.stage.narrator.table(
            ("who is notified", "through", "of what", "what it may look up"), rows
        )

    async def view(self, reader: Participant, trade: str, party: str = "") -> TradeView:
        """Return a trade as a firm may see it."""
        answer = await self.stage.channel.query(reader, Chaincode.SETTLEMENT, "trade", trade, party)
        return TradeView.model_validate_json(answer)

    async def _row(
        self,
        who: str,
        reader: Participant,
        terms: TradeTerms,
        committed: Committed,
        party: str = "",
    ) -> tuple[str, str, str, str]:
        notice = _about_the_trade(await self.stage.channel.notices(reader, committed), terms)
        seen = (await self.view(reader, terms.trade, party)).terms
        expected = None if reader is MARKET else terms
        if seen != expected:
            raise DemoFailedError(f"{reader} should look up {expected}, but: {seen}")
        said = "nothing" if seen is None else trades.in_words(seen)
        return who, firm_name(reader), f"{terms.trade} {notice}", said


def _about_the_trade(notices: list[Notice], terms: TradeTerms) -> str:
    """Return in a word what became of a trade, once it is clear that it names nobody.

    Raises:
        DemoFailedError: There is no notice of the trade, or it names an investor.
    """
    said = {"settlement.TradeProposed": "created", "settlement.TradeSettled": "completed"}
    for each in notices:
        if each.kind in said and each.facts["trade"] == terms.trade:
            if any(name in str(each.facts) for name in INVESTORS):
                raise DemoFailedError(f"a notice to all names an investor: {each}")
            return said[each.kind]
    raise DemoFailedError(f"there is no notice of {terms.trade}: {notices}")


@dataclass(frozen=True, slots=True)
class SettlementManager:
    """Exchanges shares against money. The clearing firm runs it."""

    stage: Stage
    manager: TradeManager
    name = "SettlementManager"

    async def validate(self, terms: TradeTerms) -> None:
        """Check what was agreed and who has signed it, and tell it.

        Raises:
            DemoFailedError: Something is missing.
        """
        seen = await self.manager.view(Participant.CLEARING, terms.trade)
        if seen.terms is None or seen.terms.digest != seen.trade.terms_hash:
            raise DemoFailedError(f"{terms.trade} is not what was recorded: {seen}")
        if set(seen.consents) != set(SIDES):
            raise DemoFailedError(f"not everybody has consented to {terms.trade}: {seen.consents}")
        self.stage.narrator.say(
            f"{self.name} validates: {units(seen.terms.quantity)} shares at the price agreed, still"
            " with the fingerprint that was recorded; the buyer's signature is under it, and the"
            " seller's. That every firm is licensed and both investors are checked, the contracts"
            " ask by themselves, now and again at the release."
        )
        self.stage.narrator.pause()

    async def escrow(self, terms: TradeTerms) -> Committed:
        """Put the seller's shares and the buyer's money in escrow."""
        return await self.stage.act(
            f"puts {terms.seller.title()}'s shares and {terms.buyer.title()}'s money in escrow for"
            f" {terms.trade}: both, or neither.",
            trades.lock(terms),
            self.name,
        )

    async def release(self, terms: TradeTerms) -> Committed:
        """Give the shares to the buyer and the money to the seller, in one transaction."""
        return await self.stage.act(
            f"releases the shares to {terms.buyer.title()} and the money to"
            f" {terms.seller.title()}, in one transaction: both move, or neither.",
            trades.settle(terms),
            self.name,
        )
