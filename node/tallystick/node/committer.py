"""One channel on one peer: blocks come in, verdicts and state come out.

A block is validated, then committed, then announced, all in the one thread of the event loop. Who
simulates a transaction therefore sees the state before a block or after it, never in between. While
the disk takes one block, the next is validated if it is there, unless the one before governs it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.puller import BlockPuller
from tallystick.node.deliver.read_ahead import read_ahead
from tallystick.node.deliver.source import BlockSource
from tallystick.node.deliver.verification import ChainTip
from tallystick.node.endorsement.channel import EndorserChannel
from tallystick.node.gateway.commit_notifier import CommitNotifier, CommitOutcome
from tallystick.node.ledger.config_record import config_record
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.head import read_head
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.ledger import CommittableBlock, Ledger
from tallystick.node.ledger.private_data import TransientLimits
from tallystick.node.ledger.write_watch import WriteWatch
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.context import log_about
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.process import GenesisMismatchError
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.node.runtime.lifecycle import DefinitionCache
from tallystick.node.settings import PrivateDataSettings
from tallystick.node.telemetry.spans import BlockStages
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.node.validation.ahead.preparation import NO_SERVICE, CheckedAhead, SignatureService
from tallystick.node.validation.validator import ValidatedBlock, Validator
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.messages import decode

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PeerChannel(EndorserChannel):
    """Everything a peer keeps for one channel; the ledger is written by ``commit`` alone.

    Attributes:
        validator: Judges the next block.
        watch: Wakes those who wait for blocks.
        source: The blocks, for those who fetch them.
        notifier: Wakes those who wait for transactions.
        checker: The peer's memory of signatures.
        metrics: Counts and times.
        signature_service: Checks signatures of blocks that wait.
        writes: Notices that the disk does not take a block.
        fault: Why blocks must not be relied on at the moment; empty when all is well.
        config_listeners: Told each new configuration as soon as it is in force.
        commit_listeners: Called after each block, before the next one.
    """

    validator: Validator
    watch: HeightWatch
    source: BlockSource
    notifier: CommitNotifier
    checker: SignatureChecker
    metrics: PeerMetrics
    signature_service: SignatureService = NO_SERVICE
    writes: WriteWatch = field(default_factory=WriteWatch)
    fault: str = ""
    config_listeners: list[Callable[[ChannelConfig], None]] = field(default_factory=list)
    commit_listeners: list[Callable[[], None]] = field(default_factory=list)

    async def commit(self, block: Block) -> None:
        """Validate ``block``, make it durable, and tell everybody who waits for it.

        The block's place in the chain and its orderer's signature must have been verified.
        """
        validated, stages = await self._validate(block)
        self.validator.accepted(validated)
        await self._commit(validated, stages)

    async def _validate(self, block: Block) -> tuple[ValidatedBlock, BlockStages]:
        stages = BlockStages(self.config.channel_id, asyncio.get_running_loop().time)
        validated = await self.validator.validate(block)
        stages.passed("validation")
        return validated, stages

    async def _commit(self, validated: ValidatedBlock, stages: BlockStages) -> None:
        stages.passed("turn")
        block = validated.block
        committable = CommittableBlock(
            block=block,
            codes=validated.codes,
            updates=validated.updates,
            transaction_ids=validated.transaction_ids,
        )
        with self.writes.writing(block.header.number):
            await self.ledger.commit(committable)
        stages.passed("commit")
        if validated.config is not None:
            self.config = ChannelConfig.from_config(
                self.config.channel_id, validated.config, self.checker
            )
            for listener in self.config_listeners:
                listener(self.config)
        self.definitions.block_committed(validated.updates)
        self.notifier.publish(
            block.header.number, zip(validated.transaction_ids, validated.codes, strict=True)
        )
        stages.tell(block.header.number, validated.transaction_ids, validated.codes)
        for committed in self.commit_listeners:
            committed()
        self.watch.advance(self.ledger.height)
        self.metrics.block_stages(
            self.config.channel_id,
            validation_s=stages.took_s("validation"),
            commit_s=stages.took_s("commit"),
        )
        self.metrics.block_committed(
            self.config.channel_id, validated.codes, validated.transactions
        )
        _report(validated)

    async def follow(self, puller: BlockPuller) -> None:
        """Commit what the orderers deliver, without end."""
        log_about(channel=self.config.channel_id)
        last = ChainTip(self.ledger.height - 1, self.ledger.info().currentBlockHash)
        arriving = read_ahead(
            puller.blocks(last), lambda block: CheckedAhead(block, self.signature_service)
        )
        committing: asyncio.Task[None] | None = None
        async with arriving as blocks, supervised_tasks() as tasks:
            async for each in blocks:
                if each.preparation is not None:
                    self.checker.remember_all(await each.preparation.good_signatures())
                try:
                    validated, stages = await self._validate(each.block)
                finally:
                    if committing is not None:
                        await asyncio.wait([committing])
                self.validator.accepted(validated)
                committing = tasks.create_task(self._commit(validated, stages))
                if self._is_due_before_next(validated):
                    await asyncio.wait([committing])

    def _is_due_before_next(self, validated: ValidatedBlock) -> bool:
        """Return whether a block must be committed before the next one is validated."""
        number = validated.block.header.number
        return validated.governs_next or self.ledger.private_sets.is_end_of_any(number)

    def close(self) -> None:
        """Turn away everybody who waits for blocks or transactions."""
        self.watch.close()
        self.notifier.close()


@dataclass(frozen=True, slots=True)
class ChannelStorage:
    """Where a peer keeps one channel.

    Attributes:
        directory: Its blocks.
        store: Everything else.
        private_data: Among others, what private results may wait for their transaction.
        disk: Has the directory.
    """

    directory: Path
    store: KeyValueStore
    private_data: PrivateDataSettings = field(default_factory=PrivateDataSettings)
    disk: Disk = MACHINE_DISK


async def open_channel(
    beginning: Block | str,
    storage: ChannelStorage,
    *,
    msp_id: str,
    checker: SignatureChecker,
    metrics: PeerMetrics,
) -> PeerChannel:
    """Open a channel, creating or recovering its ledger.

    Args:
        beginning: Its first block; or its id, if its ledger began with a snapshot.
        storage: Where it is kept.
        msp_id: The peer's organisation.
        checker: The peer's memory of signatures.
        metrics: Counts and times.

    Raises:
        GenesisMismatchError: The storage holds a channel with another beginning.
        LedgerError: The blocks or the store are damaged.
    """
    with ExitStack() as opening:
        is_empty = not read_head(storage.store).height
        ledger = Ledger.open(
            storage.directory,
            storage.store,
            blocks_to_live,
            TransientLimits(
                storage.private_data.transient_retention_blocks,
                storage.private_data.transient_max_bytes,
            ),
            storage.disk,
        )
        opening.callback(ledger.close)
        if is_empty and ledger.height:
            _warn_of_lost_store(storage.directory.parent, ledger.height)
        if isinstance(beginning, str):
            channel = _assemble(
                _config_in_force(beginning, ledger, checker), ledger, msp_id, checker, metrics
            )
        else:
            config = ChannelConfig.from_block(beginning, checker)
            if ledger.height:
                _check_begins(ledger, beginning, config.channel_id, storage.directory)
                config = _config_in_force(config.channel_id, ledger, checker)
            channel = _assemble(config, ledger, msp_id, checker, metrics)
            if not ledger.height:
                await channel.commit(beginning)
        opening.pop_all()
    return channel


def _warn_of_lost_store(directory: Path, height: int) -> None:
    _log.warning(
        "the store of %s was missing or empty, and was made anew from %d blocks; private values"
        " come from other members; if the old store is still somewhere, put it back, and"
        " `tally ledger rebuild` keeps what it has",
        directory,
        height,
    )


def _check_begins(ledger: Ledger, genesis: Block, channel_id: str, directory: Path) -> None:
    """Return if the ledger begins with ``genesis``, as far as its blocks are here."""
    if ledger.first_block == 0 and _hash(ledger.block(0)) != _hash(genesis):
        raise GenesisMismatchError(channel_id, directory)


def _config_in_force(channel_id: str, ledger: Ledger, checker: SignatureChecker) -> ChannelConfig:
    envelope = decode(ConfigEnvelope, config_record(ledger).value)
    return ChannelConfig.from_config(channel_id, envelope.config, checker)


def _assemble(
    config: ChannelConfig,
    ledger: Ledger,
    msp_id: str,
    checker: SignatureChecker,
    metrics: PeerMetrics,
) -> PeerChannel:
    definitions = DefinitionCache(ledger.state, msp_id=msp_id)
    watch = HeightWatch(ledger.height)

    def current() -> ChannelConfig:
        return channel.config

    def outcome(transaction_id: str) -> CommitOutcome | None:
        location = ledger.location(transaction_id)
        return None if location is None else CommitOutcome(location.code, location.block_number)

    channel = PeerChannel(
        config=config,
        ledger=ledger,
        definitions=definitions,
        validator=Validator(current, definitions, checker, ledger),
        watch=watch,
        source=BlockSource(ledger, watch, ledger.inspection),
        notifier=CommitNotifier(outcome),
        checker=checker,
        metrics=metrics,
    )
    return channel


def _hash(block: Block) -> bytes:
    return block_header_hash(block.header)


def _report(validated: ValidatedBlock) -> None:
    number = validated.block.header.number
    _log.info("committed block %d with %d transactions", number, len(validated.codes))
    for rejection in validated.rejections.values():
        _log.warning("block %d: %s", number, rejection)
