"""Makes blocks of what the log holds: every orderer the same ones, but for the signatures."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_update import check_succession, verify_delivered
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.ledger.write_watch import OVERDUE_S
from tallystick.node.ordering.etcd.records import UntrustedBatchError
from tallystick.node.ordering.sequencer import OrderingRules
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    Block,
    ChannelHeader,
    Envelope,
    Payload,
)
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch
from tallystick.wire.envelope import is_well_formed
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.messages import decode


def overdue(number: int) -> str:
    """Return what is wrong with a block that has not come to the disk in time."""
    return (
        f"block {number} has been ordered for {OVERDUE_S:g} s and is not on the disk of this"
        " orderer: see whether its disk answers"
    )


class LinkedWriter(Protocol):
    """What turns batches into blocks that refer to the block before."""

    @property
    def height(self) -> int:
        """How many blocks there are."""

    @property
    def last_hash(self) -> bytes:
        """Header hash of the last block."""

    async def write(self, envelopes: Sequence[bytes]) -> Block:
        """Return a block with ``envelopes`` that is durable."""

    async def write_config(self, envelope: bytes) -> Block:
        """Return a config block with ``envelope`` that is durable."""


class Copyist:
    """The only one who adds blocks to an orderer's copy of the chain.

    Checked is what all orderers can check alike: the place in the chain, the form of the
    envelopes, and that a configuration follows from the one in force. Who may write was judged by
    the leader, and every peer checks the signatures again.
    """

    def __init__(
        self, writer: LinkedWriter, rules: OrderingRules, on_height: Callable[[int], None]
    ) -> None:
        """Write into ``writer``; tell ``on_height`` the new height once a block is durable."""
        self._writer = writer
        self._rules = rules
        self._on_height = on_height

    @property
    def height(self) -> int:
        """How many blocks are durable."""
        return self._writer.height

    @property
    def last_hash(self) -> bytes:
        """Header hash of the last block."""
        return self._writer.last_hash

    async def copy(self, number: int, batch: OrderedBatch) -> None:
        """Return once the block of a batch is durable.

        Raises:
            UntrustedBatchError: It cannot be the next block here.
        """
        if number != self.height or batch.previous_hash != self.last_hash:
            raise UntrustedBatchError(
                number,
                f"it follows a block with hash {batch.previous_hash.hex()}, and block"
                f" {self.height - 1} here has hash {self.last_hash.hex()}",
            )
        await self._write(number, batch.envelopes, is_config=batch.is_config)

    async def copy_block(self, block: Block) -> None:
        """Return once a block that another orderer delivered, and that was verified, is durable.

        Raises:
            UntrustedBatchError: It cannot be the next block here.
        """
        number, envelopes = block.header.number, block.data.data
        await self._write(number, envelopes, is_config=_is_lone_config(envelopes))
        assert self.last_hash == block_header_hash(block.header), "the block was verified"

    async def _write(self, number: int, envelopes: Sequence[bytes], *, is_config: bool) -> None:
        _check_form(number, envelopes, is_config=is_config)
        if is_config:
            config = _following(self._rules.config, envelopes[0], number)
            await self._writer.write_config(envelopes[0])
            # Before anybody reads the block: who has lost the right to read shall not get it.
            self._rules.adopt(config)
        else:
            await self._writer.write(envelopes)
        self._on_height(self.height)


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """One orderer's own copy of a channel.

    Attributes:
        copyist: Adds blocks to it.
        block: Returns a block.
        size_of: Returns the size of a block in bytes.
        rules: What may be ordered.
        orderers: Returns the addresses of the orderers that the channel names.
    """

    copyist: Copyist
    block: Callable[[int], Block]
    size_of: Callable[[int], int]
    rules: OrderingRules
    orderers: Callable[[], Collection[str]]


def _check_form(number: int, envelopes: Sequence[bytes], *, is_config: bool) -> None:
    if not envelopes:
        raise UntrustedBatchError(number, "it is empty")
    if is_config and len(envelopes) > 1:
        raise UntrustedBatchError(number, "a configuration travels alone")
    for index, entry in enumerate(envelopes):
        if not is_well_formed(entry):
            raise UntrustedBatchError(number, f"entry {index} is no envelope in its one encoding")
    if not is_config and _is_lone_config(envelopes):
        raise UntrustedBatchError(number, "it holds a configuration and does not say so")


def _is_lone_config(envelopes: Sequence[bytes]) -> bool:
    """Return whether a block is a config block: among others, nobody looks for configurations."""
    if len(envelopes) != 1:
        return False
    try:
        payload = decode(Payload, decode(Envelope, envelopes[0]).payload)
        return decode(ChannelHeader, payload.header.channel_header).type == CONFIG
    except WireError:
        return False


def _following(current: ChannelConfig, entry: bytes, number: int) -> ChannelConfig:
    """Return the configuration in an envelope, which must follow from the one in force."""
    try:
        payload = decode(Payload, decode(Envelope, entry).payload)
        delivered = decode(ConfigEnvelope, payload.data)
        problem = verify_delivered(current, delivered)
        if problem:
            raise UntrustedBatchError(number, problem)
        following = ChannelConfig.from_config(current.channel_id, delivered.config)
    except (WireError, ChannelConfigError) as error:
        raise UntrustedBatchError(number, str(error)) from error
    problem = check_succession(current, following)
    if problem:
        raise UntrustedBatchError(number, problem)
    return following
