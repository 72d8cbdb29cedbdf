"""Writes blocks and state in forms that other programs read."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from tallystick.node.ledger.committed import (
    channel_header_of_entry,
    recorded_codes,
    recorded_commit_hash,
)
from tallystick.node.repair.compare import blocks_from
from tallystick.node.repair.folder import LedgerFolder
from tallystick.node.repair.rows import rows
from tallystick.protos.common.common_pb2 import Block, HeaderType
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.hashing import block_header_hash


def blocks_between(folder: LedgerFolder, first: int, last: int | None) -> Iterator[Block]:
    """Yield the blocks from ``first`` to ``last``, both included; None means to the end.

    Raises:
        LedgerError: A block file cannot be read.
    """
    for block in blocks_from(folder, first):
        if last is not None and block.header.number > last:
            return
        yield block


def write_block_files(blocks: Iterator[Block], directory: Path) -> int:
    """Write each block as Fabric's programs do, ``NUMBER.block``; return how many.

    Raises:
        FileExistsError: There is a file of that name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    count = 0
    for block in blocks:
        with (directory / f"{block.header.number}.block").open("xb") as file:
            file.write(block.SerializeToString())
        count += 1
    return count


def block_line(block: Block, *, is_peer: bool) -> str:
    """Return a block as one line of JSON; envelopes as they are, in base64.

    Args:
        block: The block.
        is_peer: Whether it carries a peer's verdicts.
    """
    header = block.header
    codes = recorded_codes(block) if is_peer else b""
    document: dict[str, object] = {
        "number": header.number,
        "hash": block_header_hash(header).hex(),
        "previous_hash": header.previous_hash.hex(),
        "data_hash": header.data_hash.hex(),
        "transactions": [
            _transaction(entry, codes[index] if index < len(codes) else None)
            for index, entry in enumerate(block.data.data)
        ],
    }
    if is_peer:
        document["commit_hash"] = recorded_commit_hash(block).hex()
    return json.dumps(document)


def state_lines(folder: LedgerFolder, namespace: str, first: str, end: str) -> Iterator[str]:
    """Yield what the state holds as lines of JSON, private values left out.

    Args:
        folder: A peer's ledger.
        namespace: The only chaincode; empty for all.
        first: The first key.
        end: The first key that is not wanted any more; empty for none.

    Raises:
        StoreUnavailableError: The node runs.
        NoStoreError: There is no store.
    """
    lowest, highest = first.encode(), end.encode()
    with folder.opened() as store:
        for row in rows(store):
            if row.is_private or (namespace and row.namespace != namespace):
                continue
            if lowest <= row.key and (not highest or row.key < highest):
                yield row.as_json()


def _transaction(entry: bytes, code: int | None) -> dict[str, object]:
    header = channel_header_of_entry(entry)
    shown: dict[str, object] = {"envelope": base64.b64encode(entry).decode()}
    if header is not None:
        shown["id"] = header.tx_id
        shown["type"] = _known(HeaderType, header.type)
        shown["timestamp"] = _moment(header.timestamp)
    if code is not None:
        shown["code"] = _known(TxValidationCode, code)
    return shown


def _moment(timestamp: Timestamp) -> str | dict[str, int]:
    """Return a client's time; whoever may write to a channel may send any number."""
    try:
        return timestamp.ToJsonString()
    except ValueError:
        return {"seconds": timestamp.seconds, "nanos": timestamp.nanos}


def _known(names: "type[HeaderType | TxValidationCode]", number: int) -> str | int:
    try:
        return str(names.Name(number))  # type: ignore[arg-type]  # numbers are open
    except ValueError:
        return number
