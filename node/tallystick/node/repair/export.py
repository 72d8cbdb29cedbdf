"""Writes blocks and state in forms that other programs read."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.committed import (
    channel_header_of_entry,
    recorded_codes,
    recorded_commit_hash,
)
from tallystick.node.repair.compare import blocks_from
from tallystick.node.repair.folder import LedgerFolder
from tallystick.node.repair.rows import namespaces, rows
from tallystick.protos.common.common_pb2 import Block, HeaderType
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.hashing import block_header_hash


class ExportRefusedError(LedgerError):
    """What is to be exported is not there, or the place for it is taken; says what to do."""


def check_range(folder: LedgerFolder, first: int, last: int | None) -> None:
    """Raise unless there are blocks from ``first`` to ``last``; None means to the end.

    Blocks are read up to the last one that is asked for: damage behind it is not in the way. It
    is no fault that the ledger begins behind ``first``, if it has others of them.

    Raises:
        ExportRefusedError: The range is none, or the ledger does not reach so far.
        LedgerError: A block file cannot be read.
    """
    if last is not None and last < first:
        raise ExportRefusedError(
            f"--first {first} is behind --last {last}: name a first block that is not"
        )
    start = folder.start.block_number
    if last is not None and last < start:
        raise ExportRefusedError(
            f"the ledger begins with block {start}, behind --last {last}: name a later one"
        )
    wanted = first if last is None else last
    end = None
    for block in folder.read():
        end = block.header.number
        if end >= wanted:
            return
    if end is None:
        raise ExportRefusedError(
            f"{folder.directory} holds no blocks: export once the node has committed some"
        )
    raise ExportRefusedError(
        f"the ledger ends with block {end}, before block {wanted}: name blocks up to that one"
    )


def check_state(folder: LedgerFolder, namespace: str, first: str, end: str) -> None:
    """Raise unless the arguments of `state_lines` make sense for what the state holds.

    Raises:
        ExportRefusedError: No key is from ``first`` to before ``end``, or none of that chaincode.
        StoreUnavailableError: The node runs.
        NoStoreError: There is no store.
    """
    if end and _bytes_of(first) >= _bytes_of(end):
        raise ExportRefusedError(
            f"--start-key {first!r} is not before --end-key {end!r}, where the export stops: name a"
            " later end"
        )
    if not namespace:
        return
    with folder.opened() as store:
        there = list(namespaces(store))
    if namespace not in there:
        advice = f"name one of {', '.join(there)}" if there else "it holds nothing at all"
        raise ExportRefusedError(f"the state holds nothing of {namespace!r}: {advice}")


def blocks_between(folder: LedgerFolder, first: int, last: int | None) -> Iterator[Block]:
    """Yield the blocks from ``first`` to ``last``, both included; None means to the end.

    Raises:
        LedgerError: A block file cannot be read.
    """
    for block in blocks_from(folder, first):
        if last is None or block.header.number <= last:
            yield block
        if last is not None and block.header.number >= last:
            return  # what follows may be damaged


def write_block_files(blocks: Iterator[Block], directory: Path) -> int:
    """Write each block as Fabric's programs do, ``NUMBER.block``; return how many.

    If that fails, no file is left.

    Raises:
        ExportRefusedError: ``directory`` is there, and is no empty folder.
    """
    is_new = not directory.exists()
    if not is_new and (not directory.is_dir() or any(directory.iterdir())):
        raise ExportRefusedError(
            f"{directory} is there already, and is no empty folder: name another folder"
        )
    directory.mkdir(parents=True, exist_ok=True)
    count = 0
    with ExitStack() as unless_whole:
        unless_whole.callback(_remove_block_files, directory, and_folder=is_new)
        for block in blocks:
            with (directory / f"{block.header.number}.block").open("xb") as file:
                file.write(block.SerializeToString())
            count += 1
        unless_whole.pop_all()
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
    lowest, highest = _bytes_of(first), _bytes_of(end)
    with folder.opened() as store:
        for row in rows(store):
            if row.is_private or (namespace and row.namespace != namespace):
                continue
            if lowest <= row.key and (not highest or row.key < highest):
                yield row.as_json()


def _remove_block_files(directory: Path, *, and_folder: bool) -> None:
    for path in directory.glob("*.block"):
        path.unlink()
    if and_folder:
        directory.rmdir()


def _bytes_of(key: str) -> bytes:
    """Return a key that was typed; it need not be text."""
    return key.encode(errors="surrogateescape")


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
