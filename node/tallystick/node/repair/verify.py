"""Checks a ledger on disk by its blocks, and what its peer made of them by doing it again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.deliver.verification import UntrustedBlockError, verify_block
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.committed import (
    is_config_block,
    recorded_codes,
    recorded_commit_hash,
)
from tallystick.node.ledger.key_value_store import OpenStore, StoreUnavailableError, open_store
from tallystick.node.ledger.segments import TornRecordError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.repair.folder import LedgerFolder, NoStoreError, WrongBlockError
from tallystick.node.repair.rows import first_difference
from tallystick.protos.common.common_pb2 import Block, BlockHeader
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import block_header_hash


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
        blocks: How many blocks.
        transactions: How many entries they have.
        genesis_hash: Header hash of block 0, which nothing vouches for but whoever trusts it.
        last_hash: Header hash of the last block.
        commit_hash: The commit hash that it records; empty if it records none.
        notes: What could not be looked at, and why.
    """

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
        LedgerError: A block file cannot be read.
    """
    config: ChannelConfig | None = None
    last = BlockHeader()
    for block in _read_to_the_end(folder):
        if config is None:
            config = _config_of(folder, block, findings)
        else:
            try:
                verify_block(block, last, config)
            except UntrustedBlockError as error:
                raise _wrong(folder, error.number, error.problem) from error
            if is_config_block(block):
                config = _config_of(folder, block, findings)
        last = block.header
        findings.blocks += 1
        findings.transactions += len(block.data.data)
        findings.last_hash = block_header_hash(last)
        if folder.is_peer:
            findings.commit_hash = _commit_hash_of(folder, block)
        yield block


def _read_to_the_end(folder: LedgerFolder) -> Iterator[Block]:
    number = 0
    try:
        for block in folder.read():
            yield block
            number += 1
    except TornRecordError as error:
        place = f"{error.path} ends at byte {error.offset}, in the middle of it"
        folder.check_end(number, place)
        raise
    folder.check_end(number, f"{folder.blocks} ends before it")


async def verify_deep(folder: LedgerFolder, scratch: Path, findings: Findings) -> None:
    """Validate and commit all blocks of a peer again, and compare what comes of it.

    Args:
        folder: The peer's ledger.
        scratch: An empty folder, for a second copy of the ledger.
        findings: Brought up to date block by block.

    Raises:
        WrongBlockError: A block breaks a rule, or records other flags or another commit hash.
        WrongStateError: The store holds another state.
        LedgerError: A block file cannot be read.
    """
    with ExitStack() as lifetime:
        store = lifetime.enter_context(open_store("leveldb", scratch / "store"))
        channel: PeerChannel | None = None
        for block in checked(folder, findings):
            codes, commit_hash = recorded_codes(block), _commit_hash_of(folder, block)
            if channel is None:
                channel = await _opened(block, scratch, store)
                lifetime.callback(channel.ledger.close)
            else:
                await _commit(folder, channel, block)
            _compare(folder, channel, block, codes, commit_hash)
        _compare_state(folder, store, findings)


async def _opened(genesis: Block, scratch: Path, store: OpenStore) -> PeerChannel:
    storage = ChannelStorage(scratch / "blocks", store)
    # Whose approvals a peer reads by itself does not touch what is valid, so nobody's are.
    return await open_channel(
        genesis, storage, msp_id="", checker=SignatureChecker(), metrics=PeerMetrics()
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
    except (NoStoreError, StoreUnavailableError) as error:
        findings.notes.append(f"the state was not compared: {error}")
        return
    if place:
        raise WrongStateError(place)


def _config_of(folder: LedgerFolder, block: Block, findings: Findings) -> ChannelConfig:
    try:
        config = ChannelConfig.from_block(block)
    except ChannelConfigError as error:
        raise _wrong(folder, block.header.number, f"its configuration: {error}") from error
    findings.genesis_hash = findings.genesis_hash or block_header_hash(block.header)
    return config


def _commit_hash_of(folder: LedgerFolder, block: Block) -> bytes:
    try:
        return recorded_commit_hash(block)
    except (IndexError, WireError) as error:
        problem = f"its commit hash cannot be read: {error}"
        raise _wrong(folder, block.header.number, problem) from error


def _wrong(folder: LedgerFolder, number: int, problem: str) -> WrongBlockError:
    return WrongBlockError(number, problem, folder.remedy(number))
