"""The bytes on disk, as docs/formats.md has them: whatever fails here breaks existing ledgers."""

from __future__ import annotations

import struct
import zlib
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.ledger.conftest import Tx

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.wire.hashing import block_header_hash, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ledger.conftest import Chain

DIGEST_ID = sha256(b"transaction").hex()


async def test_a_block_file_is_a_sequence_of_records(tmp_path: Path, chain: Chain) -> None:
    with closing(Ledger.open(tmp_path, MemoryStore())) as ledger:
        await ledger.commit(chain.config(ledger))
        await ledger.commit(chain.committable(ledger, chain.transaction("t1", {"k": b"v"})))
        payloads = [ledger.read_bytes(0), ledger.read_bytes(1)]
    expected = b""
    for payload in payloads:
        length = struct.pack(">I", len(payload))
        checksum = struct.pack(">I", zlib.crc32(length + payload))
        expected += b"TLY\x01" + length + checksum + payload
    assert (tmp_path / "000000.blocks").read_bytes() == expected


async def test_the_views_of_a_small_ledger(tmp_path: Path, chain: Chain) -> None:
    store = MemoryStore()
    kept = chain.transaction("t1", {"k": b"v"}, private={"p": b"secret"})
    waiting = chain.transaction("t4", private={"q": b"later"})
    with closing(Ledger.open(tmp_path, store, lambda *_: 500)) as ledger:
        await ledger.commit(chain.config(ledger))
        await ledger.commit(
            chain.committable(
                ledger,
                kept,
                chain.transaction(DIGEST_ID, {"gone": None}, code=11),
                chain.transaction("t3", guards=["k"]),
            )
        )
        ledger.transient.save("t4", waiting.private_results(), height=300)
        ledger.inspection.go_on_at(300)
        sizes = [len(ledger.read_bytes(number)) for number in range(2)]
        hashes = [block_header_hash(ledger.block(number).header) for number in range(2)]
        commit_hash = ledger.last_commit_hash()

    metadata = b"\x12\x09\x0a\x04rule\x12\x01r"
    newest, oldest = b"\xfe\xfe\xfe\xfd", b"\xfe\xfe\xff"  # (1, 2) and (1, 0), inverted
    first = struct.pack(">QI", 1, 0)
    second_offset = 12 + sizes[0] + 12
    assert dict(store.range(b"", b"")) == {
        b"mformat": b"2",
        b"mhead": b"\x02\x00\x20" + hashes[1] + b"\x20" + hashes[0] + b"\x20" + commit_hash,
        b"mindexed": b"\x02",
        b"minspected": uvarint(300),
        b"b\x00": b"\x00\x0c" + uvarint(sizes[0]),
        b"b\x01": b"\x00" + uvarint(second_offset) + uvarint(sizes[1]),
        b"x" + hashes[0]: b"\x00",
        b"x" + hashes[1]: b"\x01",
        b"t\x00t1": b"\x01\x00\x00",
        b"t\x01" + bytes.fromhex(DIGEST_ID): b"\x01\x01\x0b",
        b"t\x00t3": b"\x01\x02\x00",
        b"sbasic\x00k": b"\x01\x02" + uvarint(len(metadata)) + metadata + b"v",
        b"sbasic$$hcoll\x00" + sha256(b"p"): b"\x01\x00\x00" + sha256(b"secret"),
        b"sbasic$$pcoll\x00p": b"\x01\x00\x00secret",
        b"hbasic\x00\x01k" + newest: b"",
        b"hbasic\x00\x01k" + oldest: b"",
        b"pt4\x00basic\x00coll\x00" + sha256(waiting.private_set()): (
            b"\xac\x02" + waiting.private_set()
        ),
        b"v" + first + b"basic\x00coll": kept.private_set(),
        b"kbasic\x00coll\x00" + sha256(b"p") + first: b"",
        b"e" + struct.pack(">QQ", 502, 1) + b"basic\x00coll": sha256(b"p"),
    }


async def test_the_records_of_what_is_missing_and_purged(tmp_path: Path, chain: Chain) -> None:
    store = MemoryStore()
    missing = chain.transaction("t1", private={"p": b"secret", "q": b"kept", "r": b"kept"})
    purge = Tx("t2", private={"p": None}, purges=["p"])
    with closing(Ledger.open(tmp_path, store)) as ledger:
        await ledger.commit(replace(chain.committable(ledger, missing, purge), private={}))
    place, kept = b"basic\x00coll\x00", sha256(b"kept")
    assert dict(store.range(b"g", b"h")) == {
        b"g" + place + struct.pack(">QI", 0, 0): (
            sha256(missing.private_set()) + b"\x02" + sha256(b"q") + kept + sha256(b"r") + kept
        ),
        b"g" + place + struct.pack(">QI", 0, 1): sha256(purge.private_set()) + b"\x02",
    }
    assert dict(store.range(b"u", b"v")) == {b"u" + place + sha256(b"p"): struct.pack(">QI", 0, 1)}


def uvarint(value: int) -> bytes:
    """Return ``value``, below 2^14, in the notation of the document."""
    return bytes((value,)) if value < 128 else bytes((value & 127 | 128, value >> 7))
