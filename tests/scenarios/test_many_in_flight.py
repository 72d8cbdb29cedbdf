"""SS-112: transfers between different holders do not get into each other's way.

All are endorsed before the first of them is ordered, so that every one was run on the same state
and none can know of another: the hardest case for a check of what was read.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import pytest
from tests.scenarios.conftest import SECURITY, Market

from tallystick.client import Gateway
from tallystick.client.transaction import Transaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Allocation
from tallystick.contracts.statements import UnitsSent
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network, system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.node.ledger.committed import (
    recorded_codes,
    results_of_entry,
    transaction_id_of_entry,
)
from tallystick.node.ledger.rwset import parse_results
from tallystick.protos.peer.transaction_pb2 import VALID

TRANSFERS: Final = 5_000
MOST_CONFLICTS: Final = TRANSFERS // 100
CALLS_AT_ONCE: Final = 200
"""Of one gateway, which refuses more than 500: what is in flight here are transactions."""
ONBOARDED_AT_ONCE: Final = 100

Key = tuple[str, str]
"""A chaincode and a key of its public state."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.requirement("SS-112")
async def test_five_thousand_transfers_in_flight_do_not_conflict(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(1_800),
        running_network(on_free_ports(default_topology()), tmp_path, lambda _: None) as network,
        Access(network, system_source()) as access,
    ):
        gateways = {str(each): await access.gateway(each) for each in Participant}
        market = Market(network.channel_id, gateways, lambda: datetime.now(UTC))
        await prepare(market)
        broker = gateways[Participant.BROKER_DEALER]
        contract = broker.network().contract(Chaincode.TOKEN)

        async def endorsed(sent: UnitsSent) -> Transaction:
            return await contract.new_proposal("transfer", sent).endorse()

        in_flight = await each(endorsed, map(transfer, range(TRANSFERS)))
        await each(Transaction.submit, in_flight)
        ids = {transaction.transaction_id for transaction in in_flight}
        outcome = await outcome_of(broker, ids)

    assert outcome.codes[VALID] > TRANSFERS - MOST_CONFLICTS, outcome.codes
    assert max(outcome.writers.values()) == 1, "two transfers wrote the same key"
    shared = {key for key, count in outcome.readers.items() if count > 1}
    assert not shared & outcome.writers.keys(), "what many read, one of them wrote"


def transfer(pair: int) -> UnitsSent:
    sender, receiver = f"sender-{pair}", f"receiver-{pair}"
    return UnitsSent(security=SECURITY, sender=sender, receiver=receiver, quantity=1)


async def prepare(market: Market) -> None:
    """Onboard all holders, and give each sender what it will send."""
    await market.open()
    for first in range(0, TRANSFERS, ONBOARDED_AT_ONCE):
        pairs = [transfer(pair) for pair in range(first, first + ONBOARDED_AT_ONCE)]
        await market.onboard(*(name for sent in pairs for name in (sent.sender, sent.receiver)))
        allocations = [Allocation(to=sent.sender, quantity=1) for sent in pairs]
        await market.submit(
            Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue_to_many", SECURITY, allocations
        )


async def each(act: Callable[[Item], Awaitable[Result]], items: Iterable[Item]) -> list[Result]:
    """Return what an act gives for each item, in order; so many acts are under way at once."""
    permits = asyncio.Semaphore(CALLS_AT_ONCE)

    async def permitted(item: Item) -> Result:
        async with permits:
            return await act(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(permitted(item)) for item in items]
    return [task.result() for task in tasks]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of transactions, and how many of them wrote and read each key."""

    codes: Counter[int] = field(default_factory=Counter)
    writers: Counter[Key] = field(default_factory=Counter)
    readers: Counter[Key] = field(default_factory=Counter)

    def note(self, code: int, entry: bytes) -> None:
        self.codes[code] += 1
        for namespace in parse_results(results_of_entry(entry)).namespaces:
            name = namespace.namespace
            self.writers.update((name, key) for key in set(namespace.written_keys()))
            self.readers.update((name, read.key) for read in namespace.reads)


async def outcome_of(gateway: Gateway, transaction_ids: set[str]) -> Outcome:
    """Return what the blocks say of transactions, once all of them are committed."""
    outcome = Outcome()
    async with gateway.network().block_events(start_block=0) as blocks:
        async for block in blocks:
            codes = recorded_codes(block)
            for code, entry in zip(codes, block.data.data, strict=True):
                if transaction_id_of_entry(entry) in transaction_ids:
                    outcome.note(code, entry)
            if outcome.codes.total() == len(transaction_ids):
                return outcome
    raise AssertionError("a stream of blocks has no end")
