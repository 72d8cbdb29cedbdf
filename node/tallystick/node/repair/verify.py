"""Checks a ledger on disk by its blocks, and what its peer made of them by doing it again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.deliver.verification import (
    ChainTip,
    Previous,
    UntrustedBlockError,
    verify_block,
)
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.chain_start import (
    HEADERS,
    START,
    DamagedStartError,
    pruned_headers,
)
from tallystick.node.ledger.committed import (
    is_config_block,
    recorded_codes,
    recorded_commit_hash,
)
from tallystick.node.ledger.key_value_store import (
    OpenStore,
    StoreDamagedError,
    StoreUnavailableError,
    open_store,
)
from tallystick.node.ledger.segments import TornRecordError
from tallystick.node.ledger.snapshot_import import BLOCKS, STORE, import_snapshot
from tallystick.node.ledger.snapshot_metadata import SnapshotMetadata
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.repair.folder import LedgerFolder, NoStoreError, WrongBlockError
from tallystick.node.repair.rows import first_difference
from tallystick.node.repair.snapshot import NoSnapshotError, fitting_snapshot
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.protos.common.common_pb2 import Block, BlockHeader
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.messages import decode

_COPY: Final = "copy"


class WrongStateError(LedgerError):
    """The store holds another state than the blocks give.

    Attributes:
        place: Namespace and key of the first difference.
    """

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the state is not what the blocks give: {place}; `tally ledger rebuild` makes it anew"
        )
        self.place = place


@dataclass(slots=True)
class Findings:
    """What was found to be in order.

    Attributes:
        first_block: Number of the first block that is here.
        headers: How many headers of blocks before it are here.
        blocks: How many blocks.
        transactions: How many entries they have.
        genesis_hash: Header hash of the first block or header, which nothing vouches for but
            whoever trusts it.
        last_hash: Header hash of the last block.
        commit_hash: The commit hash that it records; empty if it records none.
        notes: What could not be looked at, and why.
    """

    first_block: int = 0
    headers: int = 0
    blocks: int = 0
    transactions: int = 0
    genesis_hash: bytes = b""
    last_hash: bytes = b""
    commit_hash: bytes = b""
    notes: list[str] = field(default_factory=list)


def checked(folder: LedgerFolder, findings: Findings) -> Iterator[Block]:
    """Yield the blocks of a ledger as long as chain, data hashes and signatures are in order.

    Args:
        folder: The ledger.
        findings: Brought up to date before each block is yielded.

    Raises:
        WrongBlockError: A block breaks a rule.
        EmptyLedgerError: There is no block.
        LostStartError: It began with a snapshot, and nothing beside its blocks says so any more.
        LedgerError: A block file cannot be read.
    """
    config, last = _before(folder, findings)
    for block in _read_to_the_end(folder):
        if config is None:
            config = _config_of(folder, block)
        else:
            try:
                verify_block(block, last, config)
            except UntrustedBlockError as error:
                raise _wrong(folder, error.number, error.problem) from error
            if is_config_block(block):
                config = _config_of(folder, block)
        last = block.header
        findings.genesis_hash = findings.genesis_hash or block_header_hash(last)
        findings.blocks += 1
        findings.transactions += len(block.data.data)
        findings.last_hash = block_header_hash(last)
        if folder.is_peer:
            findings.commit_hash = _commit_hash_of(folder, block)
        yield block
    folder.check_has_blocks(findings.first_block + findings.blocks)


def _read_to_the_end(folder: LedgerFolder) -> Iterator[Block]:
    number = folder.start.block_number
    try:
        for block in folder.read():
            yield block
            number += 1
    except TornRecordError as error:
        place = f"{error.path} ends at byte {error.offset}, in the middle of it"
        folder.check_end(number, place)
        raise
    folder.check_end(number, f"{folder.blocks} ends before it")


async def verify_deep(
    folder: LedgerFolder, scratch: Path, findings: Findings, snapshot: Path | None = None
) -> None:
    """Validate and commit all blocks of a peer again, and compare what comes of it.

    Args:
        folder: The peer's ledger.
        scratch: An empty folder, for a second copy of the ledger.
        findings: Brought up to date block by block.
        snapshot: What to begin with in place of the first blocks, which may not be here.

    Raises:
        WrongBlockError: A block breaks a rule, or records other flags or another commit hash.
        WrongStateError: The store holds another state.
        NoSnapshotError: The first blocks are not here, and nothing stands in for them.
        ForeignSnapshotError: The snapshot is of something else.
        SnapshotDamagedError: It is not whole.
        LedgerError: A block file cannot be read.
    """
    copy = scratch / _COPY
    base = _base(folder, copy, snapshot)
    with ExitStack() as lifetime:
        store = lifetime.enter_context(open_store("leveldb", copy / STORE))
        channel: PeerChannel | None = None
        if base is not None:
            channel = await _opened(base.channel_id, copy, store)
            lifetime.callback(channel.ledger.close)
        for block in checked(folder, findings):
            codes, commit_hash = recorded_codes(block), _commit_hash_of(folder, block)
            if base is not None and block.header.number <= base.last_block:
                continue  # the snapshot stands in for it
            if channel is None:
                channel = await _opened(block, copy, store)
                lifetime.callback(channel.ledger.close)
            else:
                await _commit(folder, channel, block)
            _compare(folder, channel, block, codes, commit_hash)
        _compare_state(folder, store, findings)


def _base(folder: LedgerFolder, copy: Path, snapshot: Path | None) -> SnapshotMetadata | None:
    """Begin the copy with a snapshot, and return what that is; None for block 0."""
    if snapshot is None:
        if folder.start.block_number:
            raise NoSnapshotError(folder.start.block_number)
        return None
    metadata = fitting_snapshot(folder, snapshot)
    import_snapshot(snapshot, copy, "leveldb", blocks_to_live)
    return metadata


async def _opened(beginning: Block | str, copy: Path, store: OpenStore) -> PeerChannel:
    storage = ChannelStorage(copy / BLOCKS, store)
    # Whose approvals a peer reads by itself does not touch what is valid, so nobody's are.
    return await open_channel(
        beginning, storage, msp_id="", checker=SignatureChecker(), metrics=PeerMetrics()
    )


async def _commit(folder: LedgerFolder, channel: PeerChannel, block: Block) -> None:
    number = block.header.number
    try:
        await channel.commit(block)
    except LedgerError as error:
        raise _wrong(folder, number, f"it cannot be committed: {error}") from error


def _compare(
    folder: LedgerFolder, channel: PeerChannel, block: Block, codes: bytes, commit_hash: bytes
) -> None:
    number, now = block.header.number, recorded_codes(block)
    if now != codes:
        raise _wrong(folder, number, _code_difference(codes, now))
    if channel.ledger.last_commit_hash() != commit_hash:
        raise _wrong(
            folder,
            number,
            f"it records commit hash {commit_hash.hex() or 'none'}, and what it writes gives"
            f" {channel.ledger.last_commit_hash().hex()}",
        )


def _code_difference(recorded: bytes, found: bytes) -> str:
    if len(recorded) != len(found):
        return f"it records {len(recorded)} validation codes for {len(found)} transactions"
    index = next(index for index, code in enumerate(found) if recorded[index] != code)
    return (
        f"it records {_name(recorded[index])} for transaction {index}, which is"
        f" {_name(found[index])}"
    )


def _name(code: int) -> str:
    known: Sequence[int] = TxValidationCode.values()
    return TxValidationCode.Name(TxValidationCode.ValueType(code)) if code in known else str(code)


def _compare_state(folder: LedgerFolder, rebuilt: OpenStore, findings: Findings) -> None:
    try:
        with folder.opened() as store:
            place = first_difference(store, rebuilt)
    except StoreDamagedError:
        raise
    except (NoStoreError, StoreUnavailableError) as error:
        findings.notes.append(f"the state was not compared: {error}")
        return
    if place:
        raise WrongStateError(place)


def _before(folder: LedgerFolder, findings: Findings) -> tuple[ChannelConfig | None, Previous]:
    """Return the configuration and the block that the first block builds on; None before block 0.

    Raises:
        DamagedStartError: What is known of earlier blocks does not lead to the first one here.
    """
    start = folder.start
    findings.first_block = start.block_number
    if not start.block_number:
        return None, BlockHeader()
    number, last_hash = -1, b""
    for header in pruned_headers(folder.blocks):
        if findings.headers and (header.number, header.previous_hash) != (number + 1, last_hash):
            raise DamagedStartError(folder.blocks / HEADERS)
        number, last_hash = header.number, block_header_hash(header)
        findings.headers += 1
        findings.genesis_hash = findings.genesis_hash or last_hash
    if findings.headers and (number + 1, last_hash) != (start.block_number, start.previous_hash):
        raise DamagedStartError(folder.blocks / HEADERS)
    try:
        config = ChannelConfig.from_config(
            folder.directory.name, decode(ConfigEnvelope, start.config).config
        )
    except (ChannelConfigError, WireError) as error:
        raise DamagedStartError(folder.blocks / START) from error
    return config, ChainTip(start.block_number - 1, start.previous_hash)


def _config_of(folder: LedgerFolder, block: Block) -> ChannelConfig:
    try:
        return ChannelConfig.from_block(block)
    except ChannelConfigError as error:
        raise _wrong(folder, block.header.number, f"its configuration: {error}") from error


def _commit_hash_of(folder: LedgerFolder, block: Block) -> bytes:
    try:
        return recorded_commit_hash(block)
    except (IndexError, WireError) as error:
        problem = f"its commit hash cannot be read: {error}"
        raise _wrong(folder, block.header.number, problem) from error


def _wrong(folder: LedgerFolder, number: int, problem: str) -> WrongBlockError:
    return WrongBlockError(number, problem, folder.remedy(number))
