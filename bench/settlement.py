"""``python -m bench.settlement``: trades settled on a network, gross in real time and in one cycle.

The network is that of ``tally cluster up``. Both kinds of trades are agreed on beforehand; what is
measured is the settlement: one transaction for each trade, or one for all of them.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psutil
from pydantic import JsonValue

from bench.market import BROKER, SECURITY, Setup, holder, prepare
from bench.processes import Usage, usage
from bench.report import add_output, save
from tallystick.client import Gateway
from tallystick.client.contract import Contract
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.instants import instant
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.models import Model
from tallystick.contracts.netting.models import CycleTerms, CycleView, Report
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.statements import Consent
from tallystick.contracts.trades.terms import DvpModel, Order, TradeTerms
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network
from tallystick.node.cluster.topology import default_topology

CASH = "USD"
CENTS_EACH = 100_000_000
CYCLE = "C-1"
ACCEPTED_AT_ONCE = 250
PEERS = (Participant.ATS, Participant.CLEARING, Participant.TRANSFER_AGENT)


@dataclass(frozen=True, slots=True)
class Settled:
    """What it took to settle some trades.

    Attributes:
        seconds: From the first submission until the last commit that a client was told of.
        cpu_ms: Of all nodes and the client, for each trade.
        transactions: In which they settled.
    """

    trades: int
    transactions: int
    seconds: float
    per_second: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Netted:
    """What it took to settle trades in one cycle.

    Attributes:
        accepted: Taking them into the cycle.
        settled: Settling them.
        trades: How many of them settled.
        due_gross: Money due in those, in minor units.
        due_net: What of it went over.
    """

    accepted: Settled
    settled: Settled
    trades: int
    due_gross: int
    due_net: int


class Settlements:
    """Members of a market on a running network, who trade and settle."""

    def __init__(self, network: Network, in_flight: int) -> None:
        self._network = network
        self._members = 4 * in_flight
        self._in_flight = in_flight
        launcher = Launcher(network)
        self._processes = {node.name: psutil.Process(launcher.pid(node)) for node in network.nodes}
        self._processes["client"] = psutil.Process(os.getpid())
        self._gateways: dict[str, Gateway] = {}

    async def gross(self, trades: int) -> Settled:
        """Settle so many trades one by one."""
        async with self._opened() as setup:
            book = await self._agreed(setup, self._pairs(trades), DvpModel.GROSS)
            return await self._settled_gross(book)

    async def net(self, trades: int) -> Netted:
        """Settle so many trades in one cycle."""
        async with self._opened() as setup:
            book = await self._agreed(setup, self._random(trades), DvpModel.NET)
            accepted, settled = await self._settled_net(book)
            answer = await self._contract(Participant.CLEARING).evaluate("cycle", CYCLE)
            view = CycleView.model_validate_json(answer)
            assert view.report is not None, "the cycle has settled, and who clears may read"
            return Netted(accepted, settled, view.report.settled, *_money_of(view.report))

    # --- the market ---

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Setup]:
        """Let all participants be connected and the market be open for the length of the block."""
        async with AsyncExitStack() as stack:
            profiles = self._network.directory / "profiles"
            for name in Participant:
                gateway = await Gateway.from_profile(profiles / f"{name}.json")
                self._gateways[name] = await stack.enter_async_context(gateway)
            yield await self._open()

    async def _open(self) -> Setup:
        agent = self._gateways[Participant.TRANSFER_AGENT]
        setup = await prepare(
            self._gateways[BROKER],
            agent,
            channel=self._network.channel_id,
            holders=self._members,
        )
        listing = ListingTerms(security=SECURITY, due_diligence_hash="0" * 64)
        await self._contract(Participant.ATS).submit("list_security", listing)
        cash = self._gateways[Participant.BANK].network().contract("cash")
        await cash.submit("open_cash", CASH, CASH)
        await self._all(
            cash.submit("deposit", CASH, holder(number), CENTS_EACH)
            for number in range(self._members)
        )
        return setup

    def _pairs(self, trades: int) -> list[tuple[str, str]]:
        """Return sides of which those in flight at once have no member in common.

        Each place in flight has two pairs in turn: one rests until all peers have committed its
        last trade, since peers at different heights would endorse different versions of its rows.
        """
        pairs = 2 * self._in_flight
        return [(holder(2 * (n % pairs)), holder(2 * (n % pairs) + 1)) for n in range(trades)]

    def _random(self, trades: int) -> list[tuple[str, str]]:
        random = Random(1)  # noqa: S311 -- no secret
        names = [holder(number) for number in range(self._members)]
        return [
            (names[a], names[b])
            for a, b in (random.sample(range(self._members), 2) for _ in range(trades))
        ]

    async def _agreed(
        self, setup: Setup, sides: Iterable[tuple[str, str]], model: DvpModel
    ) -> list[TradeTerms]:
        """Propose trades and let both sides consent; return their terms."""
        now = datetime.now(UTC)
        book = [
            TradeTerms(
                trade=f"{model}-{number}",
                security=SECURITY,
                quantity=10,
                cash=CASH,
                price=price_of(1_000 + number, 10),
                amount=1_000 + number,
                buyer=buyer,
                seller=seller,
                venue=Participant.ATS,
                buy=Order(order=f"{model}-{number}-buy", broker=BROKER),
                sell=Order(order=f"{model}-{number}-sell", broker=BROKER),
                settlement_day=now.date().isoformat(),
                expires_at=instant(now + timedelta(days=1)),
                salt=secrets.token_hex(32),
                model=model,
            )
            for number, (seller, buyer) in enumerate(sides)
        ]
        await self._all(self._agree(setup, terms) for terms in book)
        return book

    async def _everywhere(
        self, participant: str, function: str, *arguments: str, **secret: Model
    ) -> None:
        """Submit a call; return once every peer has committed it, so that the next may meet any."""
        transient = {name: secret_argument_of(each) for name, each in secret.items()}
        proposal = self._contract(participant).new_proposal(
            function, *arguments, transient=transient
        )
        transaction = await proposal.endorse()
        (await (await transaction.submit()).status()).raise_if_invalid()
        for peer in PEERS:
            await self._gateways[peer].network().commit(transaction.transaction_id).status()

    async def _agree(self, setup: Setup, terms: TradeTerms) -> None:
        await self._everywhere(Participant.ATS, "propose_trade", terms=terms)
        for side, party in (("buyer", terms.buyer), ("seller", terms.seller)):
            said = Consent(trade=terms.trade, side=side, party=party, terms_hash=terms.digest)
            intent = setup.sign(party, said)
            await self._everywhere(BROKER, "consent", terms.trade, side, intent=intent)

    # --- settling ---

    async def _settled_gross(self, book: list[TradeTerms]) -> Settled:
        clearing = self._contract(Participant.CLEARING)

        async def settle(place: int) -> None:
            for terms in book[place :: self._in_flight]:
                await clearing.submit("settle_at_once", terms.trade)

        work = self._all(settle(place) for place in range(self._in_flight))
        return await self._measured(work, len(book), len(book))

    async def _settled_net(self, book: list[TradeTerms]) -> tuple[Settled, Settled]:
        clearing = self._contract(Participant.CLEARING)
        names = [terms.trade for terms in book]
        batches: list[JsonValue] = [
            [*names[start : start + ACCEPTED_AT_ONCE]]
            for start in range(0, len(names), ACCEPTED_AT_ONCE)
        ]
        cut_off = datetime.now(UTC) + timedelta(seconds=5 + len(batches) * 10)
        terms = CycleTerms(
            cycle=CYCLE,
            venue=Participant.ATS,
            model=DvpModel.NET,
            cut_off_at=instant(cut_off),
            settles_from=instant(cut_off),
        )
        await clearing.submit("open_cycle", terms)

        async def accept() -> None:
            for batch in batches:
                await clearing.submit("accept_trades", CYCLE, batch)

        accepting = await self._measured(accept(), len(book), len(batches))
        await asyncio.sleep(max(0.0, (cut_off - datetime.now(UTC)).total_seconds()))
        settling = clearing.submit("settle_cycle", CYCLE)
        return accepting, await self._measured(settling, len(book), 1)

    # --- how ---

    async def _measured(self, work: Awaitable[object], trades: int, transactions: int) -> Settled:
        before, start = usage(self._processes), time.perf_counter()
        await work
        seconds, after = time.perf_counter() - start, usage(self._processes)
        return Settled(
            trades=trades,
            transactions=transactions,
            seconds=round(seconds, 3),
            per_second=round(trades / seconds, 1),
            cpu_ms=round(_cpu_ms(before, after) / trades, 3),
        )

    async def _all(self, work: Iterable[Awaitable[object]]) -> None:
        """Do everything, so many things at once."""
        places = asyncio.Semaphore(self._in_flight)

        async def one(each: Awaitable[object]) -> None:
            async with places:
                await each

        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(one(each))

    def _contract(self, participant: str) -> Contract:
        return self._gateways[participant].network().contract("settlement")


def _cpu_ms(before: Usage, after: Usage) -> float:
    return sum(after.cpu_ms_since(before, 1).values())


def _money_of(report: Report) -> tuple[int, int]:
    cents = next(each for each in report.assets if each.asset == CASH)
    return cents.gross, cents.net


@asynccontextmanager
async def settlements(in_flight: int) -> AsyncIterator[Settlements]:
    """Run a network for the length of the block, with a market that is not open yet."""
    with tempfile.TemporaryDirectory() as directory:
        topology = on_free_ports(default_topology())
        path = Path(directory) / "network"
        async with running_network(topology, path, lambda _: None) as network:
            yield Settlements(network, in_flight)


async def measure(trades: int, in_flight: int) -> tuple[Settled, Netted]:
    """Return what it takes to settle so many trades each way, each on a network of its own."""
    async with settlements(in_flight) as market:
        gross = await market.gross(trades)
    async with settlements(in_flight) as market:
        return gross, await market.net(trades)


def main() -> None:
    """Measure, print and write the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.settlement", description=__doc__)
    parser.add_argument("--trades", type=int, default=1_000)
    parser.add_argument("--in-flight", type=int, default=32, help="with four members each")
    add_output(parser)
    arguments = parser.parse_args()
    gross, net = asyncio.run(measure(arguments.trades, arguments.in_flight))
    figures = {
        "gross": asdict(gross),
        "net": asdict(net),
    }
    output = save(figures, arguments.output, "settlement")
    kinds = (("gross", gross), ("accepted", net.accepted), ("net", net.settled))
    for name, each in kinds:
        sys.stdout.write(
            f"{name:8} {each.trades} trades in {each.transactions} transactions:"
            f" {each.seconds:.2f} s, {each.per_second:.0f}/s, {each.cpu_ms:.2f} CPU ms each\n"
        )
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
