"""``python -m bench.netting``: what one netting cycle costs in chaincode time, and what it saves.

The contracts run on a ledger in memory: no signature of an endorser, no orderer, no disk; only what
chaincode does, that of all four chaincodes together. The trades are put into the cycle beforehand;
what is measured is the one transaction that settles them.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from random import Random

from bench.report import add_output, save
from tallystick.chaincode import Context
from tallystick.chaincode.errors import BAD_REQUEST
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.chaincode.testing.world import MemoryTransaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.rules import Charge
from tallystick.contracts.netting.cycles import Cycles
from tallystick.contracts.netting.models import Batch, BatchContent, CycleTerms, CycleView, Report
from tallystick.contracts.netting.rules import obligation_of
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Allocation
from tallystick.contracts.testing import Market
from tallystick.contracts.trades import underway
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.terms import DvpModel, TradeTerms
from tallystick.contracts.trades.trades import Trades

CYCLE = "C-1"
BATCH = 1_000
UNITS_EACH = 2_000
CENTS_EACH = 3_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """One settled cycle.

    Attributes:
        chaincode_s: CPU seconds of all chaincodes in the transaction that settles.
        written: Rows that it writes.
        written_bytes: Their size.
        event_bytes: Size of its composite event.
        reductions: By asset, what was due gross, what went over net, and the share saved.
    """

    trades: int
    members: int
    securities: int
    settled: int
    dropped: int
    chaincode_s: float
    written: int
    written_bytes: int
    event_bytes: int
    reductions: dict[str, tuple[int, int, float]]


def measure(
    trades: int = 10_000, members: int = 50, securities: int = 10, *, seed: int = 1
) -> Cost:
    """Return what a cycle of random trades costs on this machine, now."""
    names = [f"member-{number:02}" for number in range(members)]
    assets = [f"SEC-{number}" for number in range(securities)]
    market = _funded(names, assets)
    _fill(market, _book(market, Random(seed), names, assets, trades))  # noqa: S311 -- no secret
    stub, transaction = _call(market, "settle_cycle", CYCLE)
    chaincode = market.ledger.world.chaincode(Chaincode.SETTLEMENT)
    start = time.process_time()
    response = chaincode.invoke(stub)
    taken = time.process_time() - start
    assert response.status < BAD_REQUEST, response.message
    transaction.commit()
    values = [
        value or b""
        for writes in transaction.writes.values()
        for rows in (writes.values, writes.private)
        for value in rows.values()
    ]
    report = _report(market)
    return Cost(
        trades=trades,
        members=members,
        securities=securities,
        settled=report.settled,
        dropped=len(report.dropped),
        chaincode_s=round(taken, 3),
        written=len(values),
        written_bytes=sum(map(len, values)),
        event_bytes=0 if stub.event is None else len(stub.event.payload),
        reductions={
            each.asset: (each.gross, each.net, each.reduction / 10_000) for each in report.assets
        },
    )


def _funded(names: Sequence[str], assets: Sequence[str]) -> Market:
    """Return a market whose members have a little of everything."""
    market = Market()
    market.open()
    market.onboard(*names)
    for asset in assets:
        market.create_security(asset)
        allocations = [Allocation(to=name, quantity=UNITS_EACH) for name in names]
        agent = Participant.TRANSFER_AGENT
        market.submit(agent, Chaincode.TOKEN, "issue_to_many", asset, allocations)
    for name in names:
        market.deposit(name, CENTS_EACH)
    terms = CycleTerms(
        cycle=CYCLE,
        venue=Participant.ATS,
        model=DvpModel.NET,
        cut_off_at=market.after(timedelta(hours=1)),
        settles_from=market.after(timedelta(hours=1)),
    )
    market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "open_cycle", terms)
    return market


def _book(
    market: Market, random: Random, names: Sequence[str], assets: Sequence[str], trades: int
) -> list[TradeTerms]:
    """Return random trades between random members."""
    book = []
    for number in range(trades):
        seller, buyer = random.sample(names, 2)
        quantity, price = random.randrange(1, 200), random.randrange(900, 1100)
        terms = market.terms(f"T-{number:05}", quantity=quantity, amount=quantity * price)
        changes = {
            "security": random.choice(assets),
            "seller": seller,
            "buyer": buyer,
            "model": DvpModel.NET,
        }
        book.append(terms.model_copy(update=changes))
    return book


def _fill(market: Market, book: Sequence[TradeTerms]) -> None:
    """Put trades into the cycle as if they had been agreed and accepted, batch by batch."""
    for start in range(0, len(book), BATCH):
        batch = f"{start:064x}"
        stub, transaction = _call(market, "")
        ctx = Context(stub)
        cycles, trades = Cycles(ctx), Trades(ctx)
        obligations = []
        for terms in book[start : start + BATCH]:
            row = Trade(
                trade=terms.trade,
                venue=terms.venue,
                terms_hash=terms.digest,
                settlement_day=terms.settlement_day,
                settles_from=market.after(timedelta(0)),
                expires_at=terms.expires_at,
                proposed_at=market.after(timedelta(0)),
                splits_seen=0,
                status=Status.IN_CYCLE,
                model=terms.model,
                netting_cycle=CYCLE,
            )
            trades.save(row)
            trades.save_terms(row, terms)
            underway.begin(ctx, terms, 0)
            obligations.append(obligation_of(row, terms, market.after(timedelta(0)), Charge()))
        cycles.save_batch(CYCLE, batch, Batch(trades=len(obligations)))
        secret = sha256(batch.encode()).hexdigest()
        content = BatchContent(obligations=tuple(obligations), secret=secret)
        cycles.save_content(cycles.require(CYCLE), batch, content)
        ctx.finish()
        transaction.commit()
    market.ledger.advance(timedelta(hours=1))


def _call(market: Market, function: str, *arguments: str) -> tuple[MemoryStub, MemoryTransaction]:
    client = market.clients[Participant.CLEARING]
    transaction = MemoryTransaction(
        world=market.ledger.world,
        transaction_id=sha256(function.encode()).hexdigest(),
        timestamp_ns=int(market.ledger.now.timestamp()) * 10**9,
        creator=client.creator,
        entry_chaincode=Chaincode.SETTLEMENT,
    )
    args = [each.encode() for each in (function, *arguments)]
    return MemoryStub(transaction, Chaincode.SETTLEMENT, args), transaction


def _report(market: Market) -> Report:
    view = market.evaluate(Chaincode.SETTLEMENT, "cycle", CYCLE).load(CycleView)
    assert view.report is not None, "the regulator may read, and the cycle has settled"
    return view.report


def main() -> None:
    """Measure, print and write the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.netting", description=__doc__)
    parser.add_argument("--trades", type=int, nargs="+", default=(1_000, 10_000))
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--securities", type=int, default=10)
    add_output(parser)
    arguments = parser.parse_args()
    costs = [measure(each, arguments.members, arguments.securities) for each in arguments.trades]
    figures = {
        "cycles": [asdict(each) for each in costs],
    }
    output = save(figures, arguments.output, "netting")
    for each in costs:
        gross, net, saved = each.reductions["USD"]
        sys.stdout.write(
            f"{each.trades} trades among {each.members} members: {each.settled} settled,"
            f" {each.dropped} dropped, in {each.chaincode_s:.2f} s of chaincode time;"
            f" {gross} cents due gross, {net} net: {saved:.1%} less\n"
        )
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
