"""A coda: trades that settle together, of which each member brings only the difference."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant
from tallystick.contracts.netting.models import AssetReport, CycleTerms, CycleView, Report
from tallystick.contracts.netting.obligations import Kind
from tallystick.contracts.participants import Participant
from tallystick.contracts.trades.rules import SIDES
from tallystick.contracts.trades.terms import DvpModel, TradeTerms
from tallystick.node.cli.demo import trades
from tallystick.node.cli.demo.cast import ALICE, BOB, CAROL, CASH, SHARE
from tallystick.node.cli.demo.channel import Call
from tallystick.node.cli.demo.narration import dollars, units
from tallystick.node.cli.demo.stage import DemoFailedError, Stage, check_conservation
from tallystick.node.cli.demo.trades import Deal

DEALS: Final = (
    Deal(ALICE, BOB, 800),
    Deal(BOB, CAROL, 800),
    Deal(CAROL, ALICE, 490),
    Deal(CAROL, BOB, 300),
    Deal(BOB, ALICE, 280),
)
"""Each of more shares than its seller has."""

_CYCLE: Final = "C-1"
_OPEN_FOR: Final = timedelta(seconds=3)
_SHOWN_PLACES: Final = 100


async def tell_netting(stage: Stage) -> None:
    """Tell and do a netting cycle.

    Raises:
        DemoFailedError: The ledger did something else than the story says.
        ClientError: The network failed.
    """
    narrator = stage.narrator
    narrator.chapter("And many trades at once: only the difference changes hands")
    claim = stage.wallets.claim(CAROL)
    await stage.act(
        "enters that the KYC house has now checked Carol, too.",
        Call(
            Participant.BROKER_DEALER,
            Chaincode.IDENTITY,
            "add_claim",
            (claim.statement, claim.intent),
        ),
    )
    agreed = await _agreed(stage)
    narrator.pause()
    narrator.say(
        f"{len(agreed)} more trades were matched, and signed by both sides. In each of them the"
        " seller sells more than it has, for it buys elsewhere: none of them could settle first."
        " Netting sets off what each of them owes against what it is owed, and only the difference"
        " is left to be handed over."
    )
    narrator.table(
        ("trade", "what was agreed"), [(each.trade, trades.in_words(each)) for each in agreed]
    )
    await _settle(stage, agreed)
    report = await _report(stage)
    narrator.table(
        ("to be handed over", "trade by trade", "the difference", "that is less by"),
        [_line(each) for each in report.assets],
    )
    books = await stage.books()
    stage.show(books)
    check_conservation(narrator, books)


async def _agreed(stage: Stage) -> list[TradeTerms]:
    """Have trades matched and signed, without a word; return their terms."""
    agreed = [
        trades.sale(stage.wallets, f"N-{number}", deal, DvpModel.NET)
        for number, deal in enumerate(DEALS, 1)
    ]
    await asyncio.gather(*(stage.quietly(trades.record(each)) for each in agreed))
    consents = [trades.consent(stage.wallets, each, side) for each in agreed for side in SIDES]
    await asyncio.gather(*map(stage.quietly, consents))
    return agreed


async def _settle(stage: Stage, agreed: list[TradeTerms]) -> None:
    clearing = Participant.CLEARING
    closes_at = stage.wallets.after(_OPEN_FOR)
    cycle = CycleTerms(
        cycle=_CYCLE,
        venue=Participant.ATS,
        model=DvpModel.NET,
        settles_whole=True,
        cut_off_at=closes_at,
        settles_from=closes_at,
    )
    await stage.act(
        "opens a netting cycle, which takes trades for a few seconds.",
        Call(clearing, Chaincode.SETTLEMENT, "open_cycle", (cycle,)),
    )
    names: list[JsonValue] = [each.trade for each in agreed]
    await stage.act(
        f"takes the {len(agreed)} trades into it.",
        Call(
            clearing,
            Chaincode.SETTLEMENT,
            "accept_trades",
            (_CYCLE, names),
        ),
    )
    await _wait_until(stage, closes_at)
    await stage.act(
        "settles the cycle in one transaction, after its end: all trades, or none.",
        Call(clearing, Chaincode.SETTLEMENT, "settle_cycle", (_CYCLE,)),
    )


async def _wait_until(stage: Stage, moment: Instant) -> None:
    left = datetime.fromisoformat(moment) - stage.wallets.now()
    await asyncio.sleep(max(left.total_seconds(), 0))


async def _report(stage: Stage) -> Report:
    """Return what the cycle came to.

    Raises:
        DemoFailedError: A trade did not settle.
    """
    answer = await stage.channel.query(Participant.CLEARING, Chaincode.SETTLEMENT, "cycle", _CYCLE)
    report = CycleView.model_validate_json(answer).report
    if report is None or (report.settled, report.dropped) != (len(DEALS), ()):
        raise DemoFailedError(f"the cycle should have settled {len(DEALS)} trades, but: {report}")
    return report


def _line(asset: AssetReport) -> tuple[str, str, str, str]:
    what, shown = (SHARE, units) if asset.kind is Kind.SECURITY else (CASH, dollars)
    reduction = f"{asset.reduction / _SHOWN_PLACES:.1f} %"
    return what, shown(asset.gross), shown(asset.net), reduction
