"""The recorded channel: what a peer of Fabric made of it, and the same blocks on a peer of ours."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.version import Version
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.protos.common.common_pb2 import COMMIT_HASH, TRANSACTIONS_FILTER, Block
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

FOLDER = Path(__file__).parent / "replay"
PRIVATE = json.loads((FOLDER / "private.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class StateRow:
    """A row of the state as a peer of Fabric wrote it down; ``key`` may be a hash."""

    namespace: str
    key: bytes
    value: bytes
    metadata: bytes
    version: Version


def recorded_blocks() -> Iterator[Block]:
    content = gzip.decompress((FOLDER / "blocks.gz").read_bytes())
    while content:
        size = int.from_bytes(content[:4], "big")
        yield Block.FromString(content[4 : 4 + size])
        content = content[4 + size :]


def notes() -> dict[tuple[int, int], str]:
    """Return what each transaction is, by block and place."""
    found = {}
    for line in (FOLDER / "notes.txt").read_text(encoding="utf-8").splitlines():
        number, _, rest = line.partition(" ")
        for index, note in enumerate(rest.split(" | ")):
            found[int(number), index] = note
    return found


def names(flags: bytes) -> list[str]:
    by_code = {code: name for name, code in TxValidationCode.items()}
    return [by_code[TxValidationCode.ValueType(code)] for code in flags]


def flags_of(block: Block) -> list[str]:
    return names(block.metadata.metadata[TRANSACTIONS_FILTER])


def undecided(block: Block) -> Block:
    """Return the block as the orderer delivered it: without what a peer adds."""
    fresh = Block()
    fresh.CopyFrom(block)
    fresh.metadata.metadata[TRANSACTIONS_FILTER] = b""
    fresh.metadata.metadata[COMMIT_HASH] = b""
    return fresh


async def begun(genesis: Block, directory: Path, msp_id: str) -> PeerChannel:
    """Return a channel of ours that holds the first block."""
    storage = ChannelStorage(directory / "blocks", MemoryStore())
    return await open_channel(
        undecided(genesis),
        storage,
        msp_id=msp_id,
        checker=SignatureChecker(),
        metrics=PeerMetrics(),
    )


def private_results(moment: str) -> dict[tuple[int, int], bytes]:
    """Return ``TxPvtReadWriteSet`` bytes by block and place, as the peer held them at a moment."""
    return {
        (entry["block"], entry["transaction"]): bytes.fromhex(entry["rwset"])
        for entry in PRIVATE[moment]
    }


def snapshot_rows(name: str) -> Iterator[StateRow]:
    """Yield the rows of a snapshot's file. Source: hyperledger/fabric, snapshot.go of its state."""
    data = iter((FOLDER / "snapshot" / f"{name}.data").read_bytes())
    metadata = iter((FOLDER / "snapshot" / f"{name}.metadata").read_bytes())
    assert (next(data), next(metadata)) == (1, 1), "the format that this reads"
    for _ in range(_number(metadata)):
        namespace = _bytes(metadata).decode()
        for _ in range(_number(metadata)):
            yield _row(namespace, _bytes(data))
    assert not list(data), "the metadata say how many rows there are"


def _row(namespace: str, record: bytes) -> StateRow:
    fields = {1: b"", 2: b"", 3: b"", 4: b""}
    rest = iter(record)
    for tag in rest:
        fields[tag >> 3] = _bytes(rest)
    version = iter(fields[4])
    block_number, index = (
        int.from_bytes(bytes(islice(version, _number(version))), "big") for _ in range(2)
    )
    return StateRow(namespace, fields[1], fields[2], fields[3], Version(block_number, index))


def _number(data: Iterator[int]) -> int:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value


def _bytes(data: Iterator[int]) -> bytes:
    return bytes(islice(data, _number(data)))
