"""Blocks and state for other programs."""

import base64
import json
from pathlib import Path

import pytest
from tests.unit.repair.conftest import BLOCKS

from tallystick.node.cli.main import main
from tallystick.node.repair.export import block_line
from tallystick.node.repair.folder import LedgerFolder
from tallystick.protos.common.common_pb2 import Block, ChannelHeader, Envelope, Payload
from tallystick.wire.hashing import block_header_hash


def export(folder: LedgerFolder, output: Path, *options: str) -> int:
    return main(["ledger", "export", str(folder.directory), "--output", str(output), *options])


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_blocks_come_as_lines_with_hashes_verdicts_and_envelopes(
    peer: LedgerFolder, tmp_path: Path
) -> None:
    assert export(peer, tmp_path / "out", "--first", "1", "--last", "2") == 0
    lines = lines_of(tmp_path / "out")
    blocks = list(peer.read())[1:3]
    assert [line["number"] for line in lines] == [1, 2]
    assert [line["hash"] for line in lines] == [
        block_header_hash(block.header).hex() for block in blocks
    ]
    transactions = lines[0]["transactions"]
    assert isinstance(transactions, list)
    (transaction,) = transactions
    assert base64.b64decode(transaction["envelope"]) == blocks[0].data.data[0]
    assert transaction["type"] == "ENDORSER_TRANSACTION"
    assert transaction["code"] == "BAD_PROPOSAL_TXID"


def test_an_orderers_blocks_have_no_verdicts(orderer: LedgerFolder, tmp_path: Path) -> None:
    assert export(orderer, tmp_path / "out") == 0
    lines = lines_of(tmp_path / "out")
    assert len(lines) == BLOCKS
    assert not any("commit_hash" in line for line in lines)


def test_a_time_that_is_none_is_told_as_it_is(peer: LedgerFolder) -> None:
    """Whoever may write to a channel may send it, and all nodes keep it, valid or not."""
    block = list(peer.read())[1]
    envelope = Envelope.FromString(block.data.data[0])
    payload = Payload.FromString(envelope.payload)
    header = ChannelHeader.FromString(payload.header.channel_header)
    header.timestamp.seconds = 10**15
    payload.header.channel_header = header.SerializeToString()
    block.data.data[0] = Envelope(payload=payload.SerializeToString()).SerializeToString()
    (transaction,) = json.loads(block_line(block, is_peer=True))["transactions"]
    assert transaction["timestamp"] == {"seconds": 10**15, "nanos": header.timestamp.nanos}


def test_what_fails_leaves_no_file_behind(peer: LedgerFolder, tmp_path: Path) -> None:
    (path,) = peer.blocks.iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert export(peer, tmp_path / "out") == 1
    assert not (tmp_path / "out").exists()


def test_blocks_come_as_files_that_fabrics_programs_read(
    peer: LedgerFolder, tmp_path: Path
) -> None:
    assert export(peer, tmp_path / "out", "--what", "block-files", "--first", "3") == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["3.block", "4.block"]
    assert [Block.FromString(path.read_bytes()) for path in files] == list(peer.read())[3:]


def test_the_state_comes_as_lines_without_private_values(
    peer: LedgerFolder, tmp_path: Path
) -> None:
    with peer.opened() as store:
        store.write(
            {
                b"scash\x00a": b"\x01\x00\x001",
                b"stoken\x00a": b"\x01\x00\x00\xff",
                b"stoken\x00b": b"\x02\x01\x02MM7",
                b"stoken\x00c": b"\x02\x01\x008",
                b"stoken$$pbank\x00a": b"\x01\x00\x00secret",
            }
        )
    options = ("--what", "state", "--namespace", "token", "--end-key", "c")
    assert export(peer, tmp_path / "out", *options) == 0
    assert lines_of(tmp_path / "out") == [
        {"namespace": "token", "key": "a", "value_hex": "ff", "block": 1, "transaction": 0},
        {
            "namespace": "token",
            "key": "b",
            "value": "7",
            "block": 2,
            "transaction": 1,
            "metadata_hex": "4d4d",
        },
    ]


def test_nothing_is_written_over(
    peer: LedgerFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.write_text("mine", encoding="utf-8")
    assert export(peer, output) == 1
    assert "File exists" in capsys.readouterr().err
    assert output.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("options", [("export", "--what", "state"), ("verify", "--deep")])
def test_an_orderer_has_no_state(
    orderer: LedgerFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
) -> None:
    command, *rest = options
    output = ["--output", str(tmp_path / "out")] if command == "export" else []
    assert main(["ledger", command, str(orderer.directory), *rest, *output]) == 1
    assert "an orderer's" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
