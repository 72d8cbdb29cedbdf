"""Blocks and state for other programs."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenarios.outcome import files
from tests.unit.repair.conftest import BLOCKS, rewrite

from tallystick.node.cli.main import main
from tallystick.node.repair.export import block_line
from tallystick.node.repair.folder import LedgerFolder
from tallystick.protos.common.common_pb2 import Block, ChannelHeader, Envelope, Payload
from tallystick.wire.hashing import block_header_hash

ROWS = {
    b"scash\x00a": b"\x01\x00\x001",
    b"stoken\x00a": b"\x01\x00\x00\xff",
    b"stoken\x00b": b"\x02\x01\x02MM7",
    b"stoken\x00c": b"\x02\x01\x008",
    b"stoken$$pbank\x00a": b"\x01\x00\x00secret",
}
"""Rows of a state, as a store has them."""


def export(folder: LedgerFolder, output: Path, *options: str) -> int:
    return main(["ledger", "export", str(folder.directory), "--output", str(output), *options])


Told = Callable[[], str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Return what gives the one error that was told, without a traceback."""

    def read() -> str:
        said = capsys.readouterr()
        assert not said.out
        assert said.err.startswith("tally: ")
        return said.err

    return read


def damage(folder: LedgerFolder, *, at: float) -> None:
    """Change a byte of the only block file, at this part of its length."""
    (path,) = folder.blocks.iterdir()
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(content)


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
    damage(peer, at=0.5)
    for what in ("blocks", "block-files"):
        assert export(peer, tmp_path / "out", "--what", what) == 1
        assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    assert export(peer, tmp_path / "out", "--what", "block-files") == 1
    assert not [*(tmp_path / "out").iterdir()]


def test_blocks_before_damage_can_be_had(peer: LedgerFolder, tmp_path: Path) -> None:
    damage(peer, at=0.99)
    assert export(peer, tmp_path / "out", "--last", str(BLOCKS - 1)) == 1
    assert export(peer, tmp_path / "out", "--last", str(BLOCKS - 2)) == 0
    assert len(lines_of(tmp_path / "out")) == BLOCKS - 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--first", "4", "--last", "2"), "--first 4 is behind --last 2"),
        (("--first", "7", "--last", "3"), "--first 7 is behind --last 3"),
        (("--first", "5"), "the ledger ends with block 4, before block 5: name blocks up to"),
        (("--last", "999"), "the ledger ends with block 4, before block 999"),
        (("--first", "1", "--last", "5"), "the ledger ends with block 4, before block 5"),
    ],
)
def test_a_range_that_is_not_there_is_refused_before_anything_is_written(
    peer: LedgerFolder, tmp_path: Path, told: Told, options: tuple[str, ...], says: str
) -> None:
    before = files(tmp_path).read()
    for what in ("blocks", "block-files"):
        assert export(peer, tmp_path / "out", "--what", what, *options) == 1
        assert says in told()
    assert files(tmp_path).read() == before
    assert not (tmp_path / "out").exists()


def test_a_ledger_without_blocks_is_not_exported(
    peer: LedgerFolder, tmp_path: Path, told: Told
) -> None:
    rewrite(peer, lambda blocks: blocks.clear())
    assert export(peer, tmp_path / "out") == 1
    assert "holds no blocks: export once" in told()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--what", "state", "--first", "0", "--last", "3"),
            "`--what state` does not use --first, --last, for a state is that after the newest",
        ),
        (
            ("--what", "blocks", "--namespace", "token", "--start-key", "a"),
            "`--what blocks` does not use --namespace, --start-key, for it writes whole blocks",
        ),
        (("--what", "block-files", "--end-key", "a"), "`--what block-files` does not use --end-"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    peer: LedgerFolder, tmp_path: Path, told: Told, options: tuple[str, ...], says: str
) -> None:
    assert export(peer, tmp_path / "out", *options) == 1
    assert says in told()
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
        store.write(ROWS)
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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--namespace", "nosuch"), "the state holds nothing of 'nosuch': name one of cash, token"),
        (("--namespace", "token$$pbank"), "nothing of 'token$$pbank': name one of cash, token\n"),
        (("--start-key", "z", "--end-key", "a"), "--start-key 'z' is not before --end-key 'a'"),
        (("--start-key", "a", "--end-key", "a"), "--start-key 'a' is not before --end-key 'a'"),
        (("--start-key", "\udcff", "--end-key", "a"), "is not before --end-key 'a'"),
    ],
)
def test_a_state_of_which_there_is_nothing_is_refused(
    peer: LedgerFolder, tmp_path: Path, told: Told, options: tuple[str, ...], says: str
) -> None:
    with peer.opened() as store:
        store.write(ROWS)
    assert export(peer, tmp_path / "out", "--what", "state", *options) == 1
    assert says in told()
    assert not (tmp_path / "out").exists()


def test_a_state_without_any_key_has_no_chaincode_to_name(
    peer: LedgerFolder, tmp_path: Path, told: Told
) -> None:
    assert export(peer, tmp_path / "out", "--what", "state", "--namespace", "token") == 1
    assert "nothing of 'token': it holds nothing at all" in told()


def test_nothing_is_written_over(peer: LedgerFolder, tmp_path: Path, told: Told) -> None:
    output = tmp_path / "out"
    output.write_text("mine", encoding="utf-8")
    assert export(peer, output) == 1
    assert told() == f"tally: {output} is there already: name another file\n"
    assert export(peer, output, "--what", "block-files") == 1
    assert "is no empty folder: name another folder" in told()
    assert output.read_text(encoding="utf-8") == "mine"


def test_block_files_come_into_no_folder_that_holds_others(
    peer: LedgerFolder, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    assert export(peer, output, "--what", "block-files", "--last", "1") == 0
    before = files(output).read()
    assert export(peer, output, "--what", "block-files", "--first", "2") == 1
    assert files(output).read() == before


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
