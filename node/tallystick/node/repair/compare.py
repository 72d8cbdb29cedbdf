"""Finds where two copies of a channel part."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.committed import (
    is_endorser_transaction,
    recorded_codes,
    recorded_commit_hash,
    results_of_entry,
    transaction_id_of_entry,
)
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.repair.folder import LedgerFolder
from tallystick.node.repair.rows import first_difference
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import block_header_hash

FetchBlock = Callable[[int], Awaitable[Block]]
"""Returns a peer's block of some number."""

_SHOWN_KEYS: Final = 5


class NothingToCompareError(LedgerError):
    """No block is in both of two copies of a channel.

    Attributes:
        held: The numbers of the blocks that each has, by its name.
    """

    def __init__(self, held: Mapping[str, range]) -> None:
        shown = ", ".join(f"{name} has {_numbers(numbers)}" for name, numbers in held.items())
        super().__init__(
            f"nothing was compared, for no block is in both: {shown}; compare again once both have"
            " one, or name another"
        )
        self.held = held


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two ledgers part.

    Attributes:
        number: The first block that differs.
        lines: What differs in it, for people.
    """

    number: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tip:
    """What a block and all before it come to, in the eyes of one peer."""

    header_hash: bytes
    commit_hash: bytes


def tip_of(block: Block) -> Tip:
    """Return what a committed block says of the ledger up to it."""
    return Tip(block_header_hash(block.header), recorded_commit_hash(block))


async def first_parting(
    one: FetchBlock, other: FetchBlock, height: int, first: int = 0
) -> Divergence | None:
    """Return where two peers part in their first ``height`` blocks; None if they do not.

    Each hash covers all before it, so halving finds the block: some 20 look-ups in a million.
    Blocks before ``first``, which a peer does not have, are covered, but cannot be told apart.
    """
    if height <= first or await _agree(one, other, height - 1):
        return None
    low, high = first, height - 1  # all below low agree, or are not here; high does not
    while low < high:
        middle = (low + high) // 2
        if await _agree(one, other, middle):
            low = middle + 1
        else:
            high = middle
    return Divergence(high, tuple(block_differences(await one(high), await other(high))))


def folder_parting(
    one: LedgerFolder, other: LedgerFolder
) -> tuple[Divergence | None, tuple[int, int]]:
    """Return where two ledgers on disk part, and how many blocks each has before that.

    What a peer records of a block is compared only if both are peers. The first blocks that are
    compared are those that both have; their hashes cover what was before.

    Raises:
        NothingToCompareError: No block is in both, nor the hash of one.
        LedgerError: A block file cannot be read.
    """
    judged = one.is_peer and other.is_peer
    first = max(one.start.block_number, other.start.block_number)
    if first:
        before = [_hash_before(each, first) for each in (one, other)]
        if not all(before):
            raise NothingToCompareError(_held(one, other))
        if before[0] != before[1]:
            return Divergence(first - 1, ("header hash: two chains",)), (first - 1, first - 1)
    heights = [first, first]
    for left, right in zip_longest(*(blocks_from(each, first) for each in (one, other))):
        if left is not None and right is not None:
            is_same = tip_of(left) == tip_of(right) if judged else left.header == right.header
            if not is_same:
                parting = Divergence(left.header.number, tuple(block_differences(left, right)))
                return parting, (heights[0], heights[1])
        heights[0] += left is not None
        heights[1] += right is not None
    if not all(heights):
        raise NothingToCompareError(_held(one, other))
    return None, (heights[0], heights[1])


def _hash_before(folder: LedgerFolder, first: int) -> bytes:
    """Return the header hash of the block before ``first``; empty if it is not known."""
    start = folder.start
    if start.block_number == first:
        return start.previous_hash
    return next((block_header_hash(each.header) for each in blocks_from(folder, first - 1)), b"")


def blocks_from(folder: LedgerFolder, first: int) -> Iterator[Block]:
    """Yield the blocks from ``first`` on. Raises LedgerError where a block file cannot be read."""
    return (block for block in folder.read() if block.header.number >= first)


def state_parting(one: LedgerFolder, other: LedgerFolder) -> str:
    """Return how two states differ at their first such key; empty if they do not.

    Raises:
        StoreUnavailableError: A node runs.
        NoStoreError: There is none.
    """
    with one.opened() as left, other.opened() as right:
        return first_difference(left, right)


def block_differences(one: Block, other: Block) -> Iterator[str]:
    """Yield, as lines for people, what two blocks of the same number differ in."""
    if one.header != other.header:
        yield (
            f"header hash {block_header_hash(one.header).hex()} in the first,"
            f" {block_header_hash(other.header).hex()} in the second: two chains"
        )
    pairs = zip_longest(one.data.data, other.data.data)
    codes = zip_longest(recorded_codes(one), recorded_codes(other))
    index = -1
    for index, ((left, right), (code, other_code)) in enumerate(zip(pairs, codes, strict=False)):
        if left != right:
            yield f"transaction {index}: {_id(left)} in the first, {_id(right)} in the second"
        elif code != other_code:
            yield (
                f"transaction {index} ({_id(left)}): {_name(code)} in the first,"
                f" {_name(other_code)} in the second; it writes {_keys(left)}"
            )
        else:
            continue
        return
    if recorded_commit_hash(one) != recorded_commit_hash(other):
        yield (
            f"commit hash {recorded_commit_hash(one).hex() or 'none'} in the first,"
            f" {recorded_commit_hash(other).hex() or 'none'} in the second, with the same verdicts"
            f" on {index + 1} transactions: `tally ledger verify --deep` says which is wrong"
        )


def _held(*folders: LedgerFolder) -> dict[str, range]:
    """Return the numbers of the blocks that ledgers on disk have, by their folders."""
    held = {}
    for folder in folders:
        first = folder.start.block_number
        held[str(folder.directory)] = range(first, first + sum(1 for _ in folder.read()))
    return held


def _numbers(held: range) -> str:
    if not held:
        return "no blocks"
    return f"blocks {held[0]} to {held[-1]}" if len(held) > 1 else f"block {held[0]}"


async def _agree(one: FetchBlock, other: FetchBlock, number: int) -> bool:
    return tip_of(await one(number)) == tip_of(await other(number))


def _id(entry: bytes | None) -> str:
    return "nothing" if entry is None else transaction_id_of_entry(entry) or "one without an id"


def _name(code: int | None) -> str:
    if code is None:
        return "no verdict"
    try:
        return TxValidationCode.Name(TxValidationCode.ValueType(code))
    except ValueError:
        return f"code {code}"


def _keys(entry: bytes | None) -> str:
    if entry is None or not is_endorser_transaction(entry):
        return "nothing"
    try:
        namespaces = parse_results(results_of_entry(entry)).namespaces
    except WireError:
        return "what cannot be read"
    keys = [f"{each.namespace}/{key!r}" for each in namespaces for key in each.written_keys()]
    more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    return ", ".join(keys[:_SHOWN_KEYS]) + more if keys else "no public key"
