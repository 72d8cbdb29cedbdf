"""``tally ledger``."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final

from tallystick.client.errors import ClientError
from tallystick.client.network import Network
from tallystick.node.cli.session import channel_of, connect, member_of
from tallystick.node.cluster.access import check_runs_peer
from tallystick.node.cluster.network import open_network
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.key_value_store import StoreUnavailableError
from tallystick.node.repair.compare import (
    Divergence,
    FetchBlock,
    NothingToCompareError,
    first_parting,
    folder_parting,
    state_parting,
)
from tallystick.node.repair.export import (
    ExportRefusedError,
    block_line,
    blocks_between,
    check_range,
    check_state,
    state_lines,
    write_block_files,
)
from tallystick.node.repair.folder import LedgerFolder, NoStoreError, open_folder
from tallystick.node.repair.prune import prune as prune_blocks
from tallystick.node.repair.rebuild import rebuild as rebuild_store
from tallystick.node.repair.verify import Findings, checked, verify_deep
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.wire.errors import WireError

FAILURES = (ClientError, WireError)

_OF_BLOCKS: Final = ("first", "last")
_OF_STATE: Final = ("namespace", "start_key", "end_key")


class NotAPeerError(LedgerError):
    """Something was asked of an orderer's ledger that only a peer's has."""

    def __init__(self, folder: LedgerFolder, wanted: str) -> None:
        super().__init__(
            f"{folder.directory} is an orderer's, which has no {wanted}: name a peer's"
        )


class OnlyDeepError(LedgerError):
    """An option was given that has no meaning without --deep."""

    def __init__(self, option: str) -> None:
        super().__init__(f"{option} has no effect without --deep: add --deep, or leave it away")


class WhichTwoError(LedgerError):
    """It is not clear what to compare.

    Attributes:
        twice: What was named twice, if anything was: it would agree with itself.
    """

    def __init__(self, twice: str = "") -> None:
        told = f"{twice} is named twice: " if twice else ""
        super().__init__(
            f"{told}name two folders, or none and with --with the organisation to compare with"
        )
        self.twice = twice


async def verify(options: argparse.Namespace) -> None:
    """Say whether a ledger on disk is in order, or what the first wrong thing in it is."""
    if options.snapshot is not None and not options.deep:
        raise OnlyDeepError("--snapshot")
    folder = open_folder(options.directory)
    findings = Findings()
    if options.deep:
        if not folder.is_peer:
            raise NotAPeerError(folder, "flags and no state")
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            await verify_deep(folder, Path(scratch), findings, options.snapshot)
    else:
        for _ in checked(folder, findings):
            pass
    _show(findings, deep=options.deep)


def _show(findings: Findings, *, deep: bool) -> None:
    print(f"{findings.blocks} blocks with {findings.transactions} transactions are in order")
    if findings.first_block:
        print(
            f"the blocks begin with block {findings.first_block}, signed by whom the snapshot"
            f" before it names; {findings.headers} headers of earlier blocks are here"
        )
    if findings.genesis_hash:
        print(f"first block {findings.genesis_hash.hex()}: compare it with what others have")
    if findings.blocks:
        print(f"last block  {findings.last_hash.hex()}")
    if findings.commit_hash:
        print(f"commit hash {findings.commit_hash.hex()}")
    what = "chain, data hashes and signatures"
    if deep:
        what += ", flags, commit hashes" if findings.notes else ", flags, commit hashes, state"
    print(f"checked: {what}")
    for note in findings.notes:
        print(note)


async def compare(options: argparse.Namespace) -> int:
    """Say where two copies of a channel part; return 1 if they do."""
    other = getattr(options, "with")
    if len(options.directories) == 2 and not other:  # noqa: PLR2004 -- a pair
        one, two = map(open_folder, options.directories)
        return _compare_folders(one, two)
    if options.directories or not other:
        raise WhichTwoError
    async with AsyncExitStack() as lifetime:
        msp_id = member_of(options)
        _check_pair(options, msp_id, other)
        networks = []
        for each in (msp_id, other):
            caller = argparse.Namespace(**{**vars(options), "as": each})
            gateway = await lifetime.enter_async_context(await connect(caller))
            networks.append(channel_of(gateway, options))
        infos = [await _info(*pair) for pair in zip(networks, (msp_id, other), strict=True)]
        heights = [info.height for info in infos]
        fetch = [_fetcher(*pair) for pair in zip(networks, (msp_id, other), strict=True)]
        firsts = list(map(_first_block, infos))
        first = max(firsts)
        if min(heights) <= first:
            held = map(range, firsts, heights)
            raise NothingToCompareError(dict(zip((msp_id, other), held, strict=True)))
        parting = await first_parting(fetch[0], fetch[1], min(heights), first)
    return _told(parting, min(heights), f"heights {heights[0]} and {heights[1]}")


def rebuild(options: argparse.Namespace) -> None:
    """Make the store of a ledger anew from its blocks."""
    folder = open_folder(options.directory, options.store)
    result = rebuild_store(folder, getattr(options, "from"), options.snapshot)
    for path in result.set_aside:
        print(f"set aside: {path}")
    for note in result.notes:
        print(note)
    print(f"the store, of kind {folder.kind}, shows {result.blocks} blocks")
    if result.kept_private_sets or result.missing_private_sets:
        print(
            f"private sets: {result.kept_private_sets} kept from the old store,"
            f" {result.missing_private_sets} not here, which members give to members"
        )


def prune(options: argparse.Namespace) -> None:
    """Give up the blocks of a stopped peer that a snapshot stands in for."""
    result = prune_blocks(open_folder(options.directory), options.snapshot)
    print(f"the blocks begin with block {result.first_block}")
    print(f"{result.headers} headers of earlier blocks are kept")
    print(f"{result.freed_bytes} bytes were freed")


def export(options: argparse.Namespace) -> None:
    """Write blocks or state to a file or a folder; nothing is, if not all of it can be."""
    _check_used(options)
    folder = open_folder(options.directory)
    output: Path = options.output
    if options.what == "state":
        _write_lines(_state(folder, options), output)
        return
    first = options.first or 0
    check_range(folder, first, options.last)
    if first < folder.start.block_number:
        print(f"the blocks begin with block {folder.start.block_number}")
    blocks = blocks_between(folder, first, options.last)
    if options.what == "block-files":
        print(f"{write_block_files(blocks, output)} blocks in {output}")
        return
    _write_lines((block_line(block, is_peer=folder.is_peer) for block in blocks), output)


def _check_used(options: argparse.Namespace) -> None:
    """Raise ExportRefusedError if an option is given that says nothing of what is exported."""
    is_state = options.what == "state"
    unused = [
        f"--{name.replace('_', '-')}"
        for name in (_OF_BLOCKS if is_state else _OF_STATE)
        if getattr(options, name) not in {None, ""}
    ]
    if unused:
        why = "a state is that after the newest block" if is_state else "it writes whole blocks"
        raise ExportRefusedError(
            f"`--what {options.what}` does not use {', '.join(unused)}, for {why}: leave that out"
        )


def _state(folder: LedgerFolder, options: argparse.Namespace) -> Iterator[str]:
    if not folder.is_peer:
        raise NotAPeerError(folder, "state")
    chosen = (options.namespace, options.start_key, options.end_key)
    check_state(folder, *chosen)
    return state_lines(folder, *chosen)


def _write_lines(lines: Iterator[str], output: Path) -> None:
    """Write a new file, of which nothing is left if that fails, and say how long it is."""
    with output.open("x", encoding="utf-8") as file, ExitStack() as unless_whole:
        unless_whole.callback(output.unlink)
        count = sum(1 for line in lines if file.write(f"{line}\n"))
        unless_whole.pop_all()
    print(f"{count} lines in {output}")


def _check_pair(options: argparse.Namespace, msp_id: str, other: str) -> None:
    """Raise unless two organisations can be compared; a profile does not tell who runs peers.

    Raises:
        WhichTwoError: They are one.
        UnknownMemberError: There is no such organisation.
        NoPeerError: One runs no peer.
    """
    if msp_id == other:
        raise WhichTwoError(other)
    if options.profile is None:
        topology = open_network(options.network).topology
        for each in (msp_id, other):
            check_runs_peer(topology, each)


def _compare_folders(one: LedgerFolder, other: LedgerFolder) -> int:
    if one.directory.samefile(other.directory):
        raise WhichTwoError(str(other.directory))
    parting, heights = folder_parting(one, other)
    shown = f"heights {heights[0]} and {heights[1]}"
    if parting is not None or heights[0] != heights[1] or not (one.is_peer and other.is_peer):
        return _told(parting, min(heights), shown)
    try:
        place = state_parting(one, other)
    except (StoreUnavailableError, NoStoreError) as error:
        _told(None, min(heights), f"{shown}; the states were not compared: {error}")
        return 1  # whoever asks by a script must not take that for the same
    if not place:
        return _told(None, min(heights), f"{shown}, the same state")
    print(f"all {heights[0]} blocks agree, and the states differ: {place}")
    print("`tally ledger verify --deep` says which is wrong")
    return 1


def _told(parting: Divergence | None, common: int, more: str) -> int:
    if parting is None:
        print(f"the first {common} blocks agree ({more})")
        return 0
    print(f"block {parting.number} is the first that differs")
    for line in parting.lines:
        print(line)
    return 1


async def _info(network: Network, msp_id: str) -> BlockchainInfo:
    answer = await network.contract("qscc").evaluate(
        "GetChainInfo", network.channel_id, endorsing_organizations=[msp_id]
    )
    return BlockchainInfo.FromString(answer)


def _first_block(info: BlockchainInfo) -> int:
    snapshot = info.HasField("bootstrappingSnapshotInfo")
    return info.bootstrappingSnapshotInfo.lastBlockInSnapshot + 1 if snapshot else 0


def _fetcher(network: Network, msp_id: str) -> FetchBlock:
    async def fetch(number: int) -> Block:
        answer = await network.contract("qscc").evaluate(
            "GetBlockByNumber",
            network.channel_id,
            str(number),
            endorsing_organizations=[msp_id],
        )
        return Block.FromString(answer)

    return fetch
