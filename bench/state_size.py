"""``python -m bench.state_size``: what a large state adds to committing a transaction.

A network in one process makes a chain of transactions, each of which reads and writes one of the
keys that both ledgers have, spread over the whole range. The same blocks are then committed, as a
peer does it, signatures and all, by two ledgers on disk that differ in how many keys lie between,
each in a process of its own, in turns. The first turn of each is not counted.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Self

import plyvel
from pydantic import JsonValue

from bench.__main__ import ALL_THREE
from bench.report import add_output, save
from tallystick.client.contract import Contract
from tallystick.node.cluster.topology import ChaincodeTopology, default_topology
from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.ledger.committed import recorded_codes, recorded_commit_hash
from tallystick.node.ledger.history import history_entries
from tallystick.node.ledger.key_value_store import KeyValueStore, open_store
from tallystick.node.ledger.leveldb import options
from tallystick.node.ledger.state import UpdateBatch, state_entries
from tallystick.node.ledger.transaction_index import bare_entry
from tallystick.node.ledger.version import Version
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import sha256

MSP_ID = "ATSMSP"
CHAINCODE = "keyvalue"
KEYS_TO_A_BATCH = 10_000
KEYS_TO_A_TRANSACTION = 1_000
IN_FLIGHT = 128
VALUE = b"1"
LEVELS = 7
"""Of LevelDB."""
QUIET_S = 5.0
"""LevelDB is done with a store whose files it has left alone for so long."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of one ledger: seconds by the clock, and of all threads on processors."""

    transactions: int
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured; the shares are those by which the larger state is slower.

    Attributes:
        transactions: How many each ledger committed, all of them valid.
        slower: By the clock: the median over the turns.
        more_cpu: In CPU time: likewise.
        small: The turns of the ledger with few keys.
        large: Those of the other.
    """

    few_keys: int
    many_keys: int
    transactions: int
    slower: float
    more_cpu: float
    small: Sequence[Turn]
    large: Sequence[Turn]


def key(number: int) -> str:
    """Return the key of a number; keys sort as numbers do."""
    return f"holding/{number:012}"


async def make_chain(folder: Path, arguments: argparse.Namespace) -> int:
    """Write the blocks of a chain as files; return the first after all common keys are there."""
    default = default_topology()
    contract = ChaincodeTopology(
        name=CHAINCODE, entry="bench.keyvalue:KeyValueContract", endorsement=ALL_THREE
    )
    step = arguments.many // arguments.few
    common = range(0, step * arguments.few, step)
    topology = default.model_copy(update={"chaincodes": (contract,)})
    async with LocalNetwork(topology) as network:
        client = network.contract(MSP_ID, CHAINCODE)
        for some in _parts(common):
            keys: JsonValue = [key(number) for number in some]
            await client.submit("fill", keys, VALUE.decode())
        ledger = network.peers[MSP_ID].channels[network.channel_id].ledger
        first = ledger.height
        chosen = Random(1).sample(common, arguments.transactions)  # noqa: S311 - to be repeated
        await _load(client, iter(chosen))
        for number in range(ledger.height):
            (folder / f"{number}.block").write_bytes(ledger.read_bytes(number))
    return first


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(numbers), KEYS_TO_A_TRANSACTION):
        yield numbers[at : at + KEYS_TO_A_TRANSACTION]


async def _load(client: Contract, numbers: Iterator[int]) -> None:
    async def one_after_another() -> None:
        for number in numbers:
            await client.submit("increment", key(number))

    async with asyncio.TaskGroup() as callers:
        for _ in range(IN_FLIGHT):
            callers.create_task(one_after_another())


async def take_turns(chain: Path, ledger: Path) -> None:
    """Commit up to the block that each line names, and print what that took."""
    with open_store("leveldb", ledger / "store") as store:
        channel = await _opened(chain, ledger, store)
        with closing(channel.ledger):
            for line in sys.stdin:
                blocks = [_block(chain, each) for each in range(channel.ledger.height, int(line))]
                print(json.dumps(asdict(await commit(channel, blocks))), flush=True)


async def commit(channel: PeerChannel, blocks: Sequence[Block]) -> Turn:
    """Commit blocks, and measure that alone.

    Raises:
        RuntimeError: A transaction is not valid, or a block has another outcome than before.
    """
    expected = [recorded_commit_hash(block) for block in blocks]
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    for block in blocks:
        await channel.commit(block)
    turn = Turn(
        transactions=sum(len(block.data.data) for block in blocks),
        wall_s=time.perf_counter() - wall_s,
        cpu_s=time.process_time() - cpu_s,
    )
    if [recorded_commit_hash(block) for block in blocks] != expected:
        raise RuntimeError("a block has another outcome than in the network")
    if any(any(recorded_codes(block)) for block in blocks):
        raise RuntimeError("not every transaction is valid")
    return turn


async def _opened(chain: Path, ledger: Path, store: KeyValueStore) -> PeerChannel:
    return await open_channel(
        _block(chain, 0),
        ChannelStorage(ledger / "blocks", store),
        msp_id=MSP_ID,
        checker=SignatureChecker(),
        metrics=PeerMetrics(),
    )


def _block(chain: Path, number: int) -> Block:
    return Block.FromString((chain / f"{number}.block").read_bytes())


def fill(ledger: Path, few: int, many: int) -> None:
    """Put the keys that only the larger ledger has into its store, with history and transactions.

    No transaction reads them, so the outcome of blocks stays the same.
    """
    step = many // few
    numbers = (number for number in range(step * few) if number % step)
    with open_store("leveldb", ledger / "store") as store:
        while some := list(itertools.islice(numbers, KEYS_TO_A_BATCH)):
            batch = UpdateBatch()
            for number in some:
                batch.put(CHAINCODE, key(number), VALUE, Version(1, number % 500))
            ids = dict(bare_entry(sha256(number.to_bytes(8, "big")).hex()) for number in some)
            store.write(state_entries(batch) | history_entries(batch.writes) | ids)


def settle(ledger: Path) -> None:
    """Let LevelDB put a filled store in order, as one that grew slowly has been put in order.

    Else its thread works on that during the turns.
    """
    with closing(plyvel.DB(str(ledger / "store"), **options())) as store:
        store.compact_range()
        before: list[bytes] = []
        while (now := _files_by_level(store)) != before:
            before = now
            time.sleep(QUIET_S)


def _files_by_level(store: plyvel.DB) -> list[bytes]:
    return [store.get_property(b"leveldb.num-files-at-level%d" % level) for level in range(LEVELS)]


class Committer:
    """A ledger in a process of its own, to be entered as a context."""

    def __init__(self, chain: Path, ledger: Path) -> None:
        module = (sys.executable, "-m", "bench.state_size")
        self._command = [*module, "--ledger", str(chain), str(ledger)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def up_to(self, end: int) -> Turn:
        """Let it commit the blocks before ``end``, and return what that took."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        print(end, file=self._process.stdin, flush=True)
        return Turn(**json.loads(self._process.stdout.readline()))


def compare(chain: Path, small: Path, large: Path, edges: Sequence[int]) -> list[list[Turn]]:
    """Return the turns of the small and of the large ledger, but the first of each."""
    turns: list[list[Turn]] = [[], []]
    with Committer(chain, small) as one, Committer(chain, large) as other:
        for number, edge in enumerate(edges):
            for which in (0, 1) if number % 2 else (1, 0):
                turns[which].append((one, other)[which].up_to(edge))
                _say(f"{('small', 'large')[which]}: {turns[which][-1]}")
    return [each[1:] for each in turns]


async def run(arguments: argparse.Namespace, folder: Path) -> Result:
    """Measure once."""
    chain, base, larger = (folder / name for name in ("chain", "small", "large"))
    chain.mkdir()
    first = await make_chain(chain, arguments)
    with open_store("leveldb", base / "store") as store:
        channel = await _opened(chain, base, store)
        with closing(channel.ledger):
            await commit(channel, [_block(chain, number) for number in range(1, first)])
    shutil.copytree(base, larger)
    fill(larger, arguments.few, arguments.many)
    for ledger in (base, larger):
        settle(ledger)
    _say("both ledgers are ready")
    blocks, turns = len(list(chain.iterdir())) - first, arguments.turns + 1
    edges = [first + blocks * turn // turns for turn in range(1, turns + 1)]
    small, large = compare(chain, base, larger, edges)
    pairs = list(zip(small, large, strict=True))
    return Result(
        few_keys=arguments.few,
        many_keys=arguments.many,
        transactions=sum(turn.transactions for turn in small),
        slower=round(statistics.median(b.wall_s / a.wall_s for a, b in pairs) - 1, 3),
        more_cpu=round(statistics.median(b.cpu_s / a.cpu_s for a, b in pairs) - 1, 3),
        small=small,
        large=large,
    )


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the result as JSON and keep it; or, for ``--turn``, take one turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=10_000, help="keys of the small ledger")
    parser.add_argument("--many", type=int, default=1_000_000, help="keys of the large one")
    parser.add_argument(
        "--transactions", type=int, default=8_000, help="to commit; at most as many as keys"
    )
    parser.add_argument("--turns", type=int, default=20, help="of each ledger")
    parser.add_argument("--ledger", nargs=2, type=Path, help="for the program itself")
    add_output(parser)
    arguments = parser.parse_args()
    if arguments.ledger:
        asyncio.run(take_turns(*arguments.ledger))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(arguments, Path(folder)))
    print(json.dumps(asdict(result), indent=2))
    print(save(asdict(result), arguments.output, "state-size"))


if __name__ == "__main__":
    main()
