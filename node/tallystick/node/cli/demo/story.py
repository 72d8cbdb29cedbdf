"""The story of one trade, in the order given, when, then."""

import asyncio
from typing import Final

from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import OrderPlaced, OrderSide
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cli.demo import trades
from tallystick.node.cli.demo.cast import (
    ALICE,
    BOB,
    HIGHEST_PRICE,
    NODES,
    PRICE,
    SHARE,
    firm_name,
)
from tallystick.node.cli.demo.given import tell_given
from tallystick.node.cli.demo.narration import dollars, units
from tallystick.node.cli.demo.netting import tell_netting
from tallystick.node.cli.demo.refusals import tell_refusals
from tallystick.node.cli.demo.secrecy import tell_secrets
from tallystick.node.cli.demo.services import (
    MarketMakerMatcher,
    SettlementManager,
    TradeManager,
)
from tallystick.node.cli.demo.stage import (
    SHORT_ID_LENGTH,
    DemoFailedError,
    Stage,
    check_conservation,
)
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.protos.common.common_pb2 import Block

SHARES_SOLD: Final = 250
_TRADE: Final = "T-1"
_FINGERPRINT_LENGTH: Final = 16
_IN_WORDS: Final = {
    Status.PROPOSED: "recorded",
    Status.LOCKED: "in escrow",
    Status.SETTLED: "completed",
}


async def tell_story(stage: Stage) -> None:
    """Tell and do everything that follows once the network is up.

    Raises:
        DemoFailedError: The ledger did something else than the story says.
        ClientError: The network failed.
    """
    manager = TradeManager(stage)
    await tell_given(stage)
    matched = await _match(stage)
    await _record(stage, manager, matched)
    await _settle(stage, manager, matched)
    await _sum_up(stage, manager, matched)
    await tell_secrets(stage, matched)
    await tell_refusals(stage)
    await tell_netting(stage)
    await _compare_copies(stage)


async def _match(stage: Stage) -> TradeTerms:
    """Tell how two orders come in and fit each other; return the terms of the trade."""
    narrator, matcher = stage.narrator, MarketMakerMatcher(stage)
    narrator.chapter("When the MarketMakerMatcher finds two orders that fit each other")
    placed = [
        await _place(stage, ALICE, OrderSide.SELL, "at least", PRICE),
        await _place(stage, BOB, OrderSide.BUY, "at most", HIGHEST_PRICE),
    ]
    narrator.say(
        "The clearing firm's node judged each of them before, in a question of which the ledger"
        " keeps nothing, and sealed its answer. So no other venue can tell whose orders these are."
    )
    narrator.table(
        ("order", "side", "of", "shares", "limit", "broker"),
        [_line(await matcher.order(each)) for each in placed],
    )
    terms = await matcher.trade_match(_TRADE, *placed)
    narrator.say(
        f"They fit: as many of the same share, and Bob pays up to {dollars(HIGHEST_PRICE)} where"
        f" Alice asks for {dollars(PRICE)}. It is a match: {trades.in_words(terms)},"
        f" {dollars(PRICE)} a share, and both orders and both brokers are part of it."
    )
    return terms


async def _place(stage: Stage, holder: str, side: OrderSide, bound: str, limit: int) -> str:
    """Tell and do the placing of an order; return its name."""
    call = trades.order(stage.wallets, holder, side, quantity=SHARES_SOLD, limit=limit)
    permit = await stage.channel.ask(trades.question(call))
    await stage.act(
        f"places the order that {holder.title()}'s wallet has signed: {side} {units(SHARES_SOLD)}"
        f" {SHARE} for {bound} {dollars(limit)} a share.",
        trades.permitted(call, permit),
    )
    return trades.placed_by(call).order


def _line(placed: OrderPlaced) -> tuple[str, str, str, str, str, str]:
    limit = dollars(int(placed.limit or 0))
    broker = firm_name(placed.broker)
    return placed.order, placed.side, placed.holder.title(), units(placed.quantity), limit, broker


async def _record(stage: Stage, manager: TradeManager, terms: TradeTerms) -> None:
    """Tell and do what the TradeManager does, and what the parties answer."""
    narrator, wallets = stage.narrator, stage.wallets
    narrator.chapter("Then the TradeManager records the trade and notifies everybody")
    created = await manager.create_trade(terms)
    narrator.pause()
    narrator.say(
        f"One notice reaches everybody: {terms.trade} is created. It names nobody and no price."
        " Who has a part in the trade looks up the rest; the market, here with the issuer's eyes,"
        " may not:"
    )
    await manager.notify(terms, created)
    for side in ("buyer", "seller"):
        name = terms.parties[side].title()
        await stage.act(
            f"enters the {side}'s consent. {name} has read the terms, and {name}'s wallet has"
            " signed exactly these.",
            trades.consent(wallets, terms, side),
        )


async def _settle(stage: Stage, manager: TradeManager, terms: TradeTerms) -> None:
    """Tell and do what the SettlementManager does."""
    narrator, settlement = stage.narrator, SettlementManager(stage, manager)
    narrator.chapter("Then the SettlementManager settles it: both sides, or neither")
    await settlement.validate(terms)
    await settlement.escrow(terms)
    narrator.pause()
    narrator.say(
        "Escrow here means set aside, not handed over. Nobody holds it for them: Alice still owns"
        " the shares and Bob the money, but neither can use them elsewhere:"
    )
    stage.show(await stage.books())
    released = await settlement.release(terms)
    narrator.pause()
    narrator.say(f"Again one notice reaches everybody: {terms.trade} is completed.")
    await manager.notify(terms, released)
    narrator.say(
        "What the market sees beside that is the register: so many shares passed from one holder to"
        " another, under names that tell nobody who they are. What was paid is not there."
    )


async def _sum_up(stage: Stage, manager: TradeManager, terms: TradeTerms) -> None:
    """Show the books after the trade, and the record that stays of it."""
    narrator = stage.narrator
    narrator.chapter("So the trade is complete, and nobody was at risk")
    narrator.say("The books AFTER the trade:")
    books = await stage.books()
    stage.show(books)
    check_conservation(narrator, books)
    narrator.pause()
    narrator.say(f"The record that stays of {terms.trade}, step by step:")
    seen = await manager.view(Participant.REGULATOR, terms.trade)
    narrator.table(
        ("the trade is", "since", "by transaction"),
        [
            (_IN_WORDS[each.status], each.at, each.transaction_id[:SHORT_ID_LENGTH])
            for each in seen.history
        ],
    )


async def _compare_copies(stage: Stage) -> None:
    stage.narrator.chapter("Three copies, one ledger")
    tips = await asyncio.gather(*map(stage.channel.chain_info, NODES))
    last = [
        Block.FromString(await stage.channel.block(node, tip.height - 1))
        for node, tip in zip(NODES, tips, strict=True)
    ]
    fingerprints = [
        (str(tip.height), tip.currentBlockHash.hex(), recorded_commit_hash(block).hex())
        for tip, block in zip(tips, last, strict=True)
    ]
    stage.narrator.table(
        ("node of", "blocks", "fingerprint of the last", "fingerprint of all changes"),
        [
            (firm_name(node), height, block[:_FINGERPRINT_LENGTH], state[:_FINGERPRINT_LENGTH])
            for node, (height, block, state) in zip(NODES, fingerprints, strict=True)
        ],
    )
    if len(set(fingerprints)) > 1:
        raise DemoFailedError("the nodes' copies of the ledger differ")
    stage.narrator.say(
        "The two fingerprints cover all blocks before, and what each of them changed in the books:"
        " the three copies agree in every step told above, and nobody can change one of them"
        " unnoticed."
    )
