"""``python -m bench.long_chain``: what a peer's start costs that has many blocks.

Chains of several lengths are made, without validation. Each is opened in a process of its own, as a
peer that starts does it; then the search for damaged blocks runs for a while, and nothing else.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import psutil

from bench.report import add_output, save
from tallystick.node.cluster.channels import begin
from tallystick.node.cluster.material import Founding, generate_material
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.topology import default_topology
from tallystick.node.committer import ChannelStorage, open_channel
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.ledger.ledger import CommittableBlock, Ledger
from tallystick.node.ledger.state import UpdateBatch
from tallystick.node.ledger.version import Version
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.process import load_block
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader
from tallystick.wire.hashing import block_data_hash, sha256
from tallystick.wire.txid import NONCE_SIZE

TRANSACTIONS = 16
TRANSACTION_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Start:
    """What one start cost.

    Attributes:
        opened_s: Seconds by the clock until the channel was open.
        opened_cpu_s: In CPU seconds.
        resident_mib: Resident memory then.
        inspecting: Which part of a processor the search for damage took after that.
    """

    opened_s: float
    opened_cpu_s: float
    resident_mib: float
    inspecting: float


async def make_chain(folder: Path, genesis: Block, blocks: int) -> None:
    """Commit blocks of opaque transactions, each of which writes a key of its own."""
    with (
        # Durable it need not be.
        patch.object(os, "fsync", lambda _: None),
        open_store("leveldb", folder / "store") as store,
        closing(Ledger.open(folder / "blocks", store)) as ledger,
    ):
        first = CommittableBlock(
            block=genesis, codes=b"\0", updates=UpdateBatch(), transaction_ids=[""]
        )
        await ledger.commit(first)
        while (number := ledger.height) < blocks:
            updates = UpdateBatch()
            ids = [sha256(b"%d %d" % (number, each)).hex() for each in range(TRANSACTIONS)]
            for place, identifier in enumerate(ids):
                updates.put("keyvalue", identifier, b"x" * 100, Version(number, place))
            data = [os.urandom(TRANSACTION_BYTES) for _ in ids]
            header = BlockHeader(
                number=number,
                previous_hash=ledger.info().currentBlockHash,
                data_hash=block_data_hash(data),
            )
            await ledger.commit(
                CommittableBlock(
                    block=Block(header=header, data=BlockData(data=data)),
                    codes=bytes(TRANSACTIONS),
                    updates=updates,
                    transaction_ids=ids,
                )
            )


async def start(folder: Path, genesis: Path, inspect_s: float) -> Start:
    """Open the channel in ``folder``, and look through its blocks for ``inspect_s`` seconds."""
    block = load_block(genesis)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    with open_store("leveldb", folder / "store") as store:
        channel = await open_channel(
            block,
            ChannelStorage(folder / "blocks", store),
            msp_id="ATSMSP",
            checker=SignatureChecker(),
            metrics=PeerMetrics(),
        )
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        resident = psutil.Process().memory_info().rss
        with closing(channel.ledger):
            inspecting_s = time.process_time()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(channel.source.inspect())
                await asyncio.sleep(inspect_s)
                inspecting_s = time.process_time() - inspecting_s
                channel.close()
    return Start(
        opened_s=round(wall_s, 3),
        opened_cpu_s=round(cpu_s, 3),
        resident_mib=round(resident / 2**20, 1),
        inspecting=round(inspecting_s / inspect_s, 4),
    )


def starts(folder: Path, arguments: argparse.Namespace) -> dict[int, list[Start]]:
    """Return several starts of each chain, by the number of its blocks."""
    network = Network(folder, default_topology())
    founding = Founding(time.time_ns(), os.urandom(NONCE_SIZE))  # noqa: TID251 - a composition root
    generate_material(network.topology, network.material, now_ns=founding.now_ns)
    begin(network, network.topology.channel, founding)
    results: dict[int, list[Start]] = {}
    for blocks in arguments.blocks:
        chain = folder / str(blocks)
        asyncio.run(make_chain(chain, load_block(network.genesis_block), blocks))
        child = (sys.executable, "-m", "bench.long_chain", "--inspect-s", str(arguments.inspect_s))
        command = (*child, "--start", str(chain), str(network.genesis_block))
        results[blocks] = []
        for _ in range(arguments.starts):
            answer = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - this program
            results[blocks].append(Start(**json.loads(answer.stdout)))
            sys.stderr.write(f"{blocks} blocks: {results[blocks][-1]}\n")
    return results


def main() -> None:
    """Measure and write the result as JSON; or, for ``--start``, start once."""
    parser = argparse.ArgumentParser(prog="python -m bench.long_chain", description=__doc__)
    parser.add_argument("--blocks", nargs="+", type=int, default=[1_000, 20_000])
    parser.add_argument("--starts", type=int, default=3, help="of each chain")
    parser.add_argument("--inspect-s", type=float, default=10.0, help="time after the start")
    parser.add_argument("--start", nargs=2, type=Path, help="for the program itself")
    add_output(parser)
    arguments = parser.parse_args()
    if arguments.start:
        chain, genesis = arguments.start
        sys.stdout.write(
            json.dumps(asdict(asyncio.run(start(chain, genesis, arguments.inspect_s))))
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        results = starts(Path(folder), arguments)
    figures = {str(blocks): list(map(asdict, each)) for blocks, each in results.items()}
    sys.stdout.write(f"Written to {save({'starts': figures}, arguments.output, 'long-chain')}\n")


if __name__ == "__main__":
    main()
