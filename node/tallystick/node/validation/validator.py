"""Validating a block: every check on every transaction, in Fabric's order.

First each transaction is taken apart and its endorsements checked, against the state before the
block. Then repeated transaction ids are marked. Then conflicts are looked for, while the writes of
the transactions found valid accumulate. Source: wire.md §12.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_update import check_succession, verify_delivered
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.committed import transaction_id_of_entry
from tallystick.node.ledger.state import StateView, UpdateBatch
from tallystick.node.ledger.version import Version
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.validation.block_view import BlockView
from tallystick.node.validation.codes import FIRST_COUNTS, Rejection
from tallystick.node.validation.endorsement import EndorsementCheck
from tallystick.node.validation.endorsement_policies import DefinitionSource, EndorsementPolicies
from tallystick.node.validation.mvcc import find_conflict
from tallystick.node.validation.structure import (
    ConfigTransaction,
    ParsedTransaction,
    parse_transaction,
)
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.configtx_pb2 import Config, ConfigEnvelope
from tallystick.protos.peer.transaction_pb2 import DUPLICATE_TXID, VALID
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

_YIELD_EVERY: Final = 8
"""Transactions between two chances for other tasks to run."""

Judged = ParsedTransaction | ConfigTransaction | Rejection


class UnacceptableConfigError(LedgerError):
    """A block carries a channel configuration that does not follow from the current one.

    There is no code for this: the block must not be committed, and the channel stops here.

    Attributes:
        block_number: The block.
        problem: What is wrong with the configuration.
    """

    def __init__(self, block_number: int, problem: str) -> None:
        super().__init__(
            f"block {block_number} cannot be committed: its channel configuration {problem};"
            " compare it with what the orderers have"
        )
        self.block_number = block_number
        self.problem = problem


class CommittedLedger(Protocol):
    """What validation asks of the ledger: the state before the block, and known transactions."""

    @property
    def state(self) -> StateView:
        """The committed state."""

    def transaction_exists(self, transaction_id: str) -> bool:
        """Return whether a committed block has a transaction with this id, valid or not."""


@dataclass(frozen=True, slots=True)
class ValidatedBlock:
    """A block and the verdict on each of its transactions.

    Attributes:
        block: The block, as it was given.
        codes: One byte for each transaction, in order: its validation code.
        updates: What the valid transactions change.
        transaction_ids: The ids that the transactions claim, in order; "" where there is none.
        transactions: The transactions, in order; None where the entry is not a well-formed endorser
            transaction.
        rejections: Why transactions are not valid, by their place in the block.
        config: The channel's configuration from this block on; None if it stays the same.
    """

    block: Block = field(repr=False)
    codes: bytes
    updates: UpdateBatch
    transaction_ids: tuple[str, ...]
    transactions: tuple[ParsedTransaction | None, ...] = field(repr=False)
    rejections: Mapping[int, Rejection]
    config: Config | None

    @property
    def governs_next(self) -> bool:
        """Whether the next block can be validated only once this one is committed.

        It changes a rule by which that goes, or private data, of which not all is told before.
        """
        updates = self.updates
        return bool(self.config or updates.hashed or LIFECYCLE_NAMESPACE in updates.public)


class Validator:
    """Validates the blocks of one channel, one after the other.

    Before a block is validated, the one before it must have been committed, or have been accepted
    and not govern it; all earlier ones must have been committed.
    """

    def __init__(
        self,
        channel: Callable[[], ChannelConfig],
        definitions: DefinitionSource,
        checker: SignatureChecker,
        ledger: CommittedLedger,
    ) -> None:
        """Prepare to validate; nothing is read before the first block.

        Args:
            channel: Returns the configuration in force.
            definitions: The committed chaincode definitions.
            checker: Verifies signatures.
            ledger: What has been committed.
        """
        self._channel = channel
        self._definitions = definitions
        self._checker = checker
        self._ledger = ledger
        self._policies: EndorsementPolicies | None = None
        self._view = BlockView(ledger.state)
        self._accepted_ids: frozenset[str] = frozenset()
        self._next = 0  # the block that the view is for

    async def validate(self, block: Block) -> ValidatedBlock:
        """Return the verdict on every transaction of ``block``; nothing is changed.

        The block itself (its number, links, hashes and signatures) must have been verified.

        Raises:
            UnacceptableConfigError: The block carries a configuration that cannot come next.
        """
        if block.header.number == 0:
            return _genesis(block)
        channel = self._channel()
        view = self._view_for(block.header.number)
        judged = await self._judge_alone(block, channel, view)
        _reject_repeated_ids(judged)
        updates = await _apply(block.header.number, judged, view)
        return ValidatedBlock(
            block=block,
            codes=bytes(entry.code if isinstance(entry, Rejection) else VALID for entry in judged),
            updates=updates,
            transaction_ids=tuple([entry.transaction_id for entry in judged]),
            transactions=tuple(
                [entry if isinstance(entry, ParsedTransaction) else None for entry in judged]
            ),
            rejections={
                index: entry for index, entry in enumerate(judged) if isinstance(entry, Rejection)
            },
            config=_next_config(block.header.number, channel, judged),
        )

    async def _judge_alone(
        self, block: Block, channel: ChannelConfig, view: StateView
    ) -> list[Judged]:
        """Return what each entry is, judged by itself and the state before the block."""
        endorsement = EndorsementCheck(
            self._policies_of(channel), self._definitions, self._checker, view
        )
        judged: list[Judged] = []
        for index, entry in enumerate(block.data.data):
            if index % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            parsed = parse_transaction(entry, channel, self._checker, self._is_known)
            if isinstance(parsed, ParsedTransaction):
                judged.append(endorsement.reject(parsed) or parsed)
            else:
                judged.append(parsed)
        return judged

    def accepted(self, validated: ValidatedBlock) -> None:
        """Take note that a block is or will be committed as it was validated.

        Whoever does not say so, and commits it, pays for it: the next block finds nothing that is
        remembered.
        """
        self._view.accepted(validated.updates)
        self._accepted_ids = frozenset(validated.transaction_ids)
        self._next = validated.block.header.number + 1

    def _is_known(self, transaction_id: str) -> bool:
        return transaction_id in self._accepted_ids or self._ledger.transaction_exists(
            transaction_id
        )

    def _view_for(self, block_number: int) -> BlockView:
        """Return the state before a block, and look it up anew unless it has gone on from here."""
        if block_number != self._next:
            self._view = BlockView(self._ledger.state)
            self._accepted_ids = frozenset()
        self._next = -1  # until this block is committed, too
        return self._view

    def _policies_of(self, channel: ChannelConfig) -> EndorsementPolicies:
        if self._policies is None or self._policies.channel is not channel:
            self._policies = EndorsementPolicies(channel)
        return self._policies


def _reject_repeated_ids(judged: list[Judged]) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(judged):
        if not isinstance(entry, ParsedTransaction):
            continue
        if entry.transaction_id in seen:
            judged[index] = Rejection(
                DUPLICATE_TXID,
                f"this block has an earlier one with this id: {FIRST_COUNTS}",
                entry.transaction_id,
            )
        seen.add(entry.transaction_id)


async def _apply(block_number: int, judged: list[Judged], view: StateView) -> UpdateBatch:
    """Return the changes of the transactions without conflicts; reject the others."""
    updates = UpdateBatch()
    for index, entry in enumerate(judged):
        if index % _YIELD_EVERY == 0:
            await asyncio.sleep(0)
        if not isinstance(entry, ParsedTransaction):
            continue
        conflict = find_conflict(entry.rwset, updates, view)
        if conflict is None:
            entry.rwset.apply_to(updates, Version(block_number, index), view)
        else:
            judged[index] = replace(conflict, transaction_id=entry.transaction_id)
    return updates


def _next_config(
    block_number: int, channel: ChannelConfig, judged: Sequence[Judged]
) -> Config | None:
    found = [entry for entry in judged if isinstance(entry, ConfigTransaction)]
    if not found:
        return None
    if len(judged) != 1:
        raise UnacceptableConfigError(block_number, "is not alone in the block")
    try:
        delivered = decode(ConfigEnvelope, found[0].data)
        problem = verify_delivered(channel, delivered)
        if problem:
            raise UnacceptableConfigError(block_number, f"was not agreed to: {problem}")
        following = ChannelConfig.from_config(channel.channel_id, delivered.config)
    except (MalformedMessageError, ChannelConfigError) as error:
        raise UnacceptableConfigError(block_number, f"cannot be used: {error}") from error
    problem = check_succession(channel, following)
    if problem:
        raise UnacceptableConfigError(block_number, f"cannot come next: {problem}")
    _check_rules(block_number, following)
    return delivered.config


def _genesis(block: Block) -> ValidatedBlock:
    """Return the first block as valid: nothing comes before it that could judge it."""
    try:
        channel = ChannelConfig.from_block(block)
    except ChannelConfigError as error:
        raise UnacceptableConfigError(0, f"cannot be used: {error}") from error
    _check_rules(0, channel)
    return ValidatedBlock(
        block=block,
        codes=bytes((VALID,)),
        updates=UpdateBatch(),
        transaction_ids=(transaction_id_of_entry(block.data.data[0]),),
        transactions=(None,),
        rejections={},
        config=channel.config,
    )


def _check_rules(block_number: int, channel: ChannelConfig) -> None:
    """Raise UnacceptableConfigError if Fabric would judge this channel by rules not found here."""
    if not channel.capabilities.new_lifecycle:
        raise UnacceptableConfigError(
            block_number,
            f"asks for application capability {channel.capabilities.application or 'none'}, and "
            "this node has the rules of V2_0 and later only",
        )
