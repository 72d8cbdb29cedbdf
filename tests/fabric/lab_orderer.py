"""An orderer that orders whatever it is given, as one that was taken over might.

It writes and signs blocks as ours does and delivers them as ours does. Only its door is missing:
``cut`` puts any envelopes into one block.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.responses import BlockForm
from tallystick.node.deliver.service import DeliverRules, DeliverService
from tallystick.node.deliver.source import BlockSource
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.inspection_record import InspectionRecord
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.limits.streams import ClientStreams
from tallystick.node.ordering.admission import Refused, Submission, read_submission
from tallystick.node.ordering.block_writer import BlockWriter
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.transport.credentials import ServerTls
from tallystick.node.transport.ports import Caller
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.protos.common.common_pb2 import CONFIG_UPDATE, Block, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.wire.signing import Signer


@dataclass(slots=True)
class LabChannel:
    """What the deliver service asks of a channel."""

    config: ChannelConfig
    source: BlockSource
    fault: str = ""


class LabOrderer:
    """The orderer of one channel."""

    def __init__(self, store: BlockStore, genesis: Block, signer: Signer) -> None:
        """Begin a chain in an empty store."""
        store.append(genesis)
        store.sync()
        config = ChannelConfig.from_block(genesis)
        author = EnvelopeAuthor(signer, lambda: secrets.token_bytes(24), time.time_ns)  # noqa: TID251 - a composition root
        self._admission = ChannelAdmission(config, author)
        self._writer = BlockWriter(store, signer, new_nonce=lambda: secrets.token_bytes(24))
        self._watch = HeightWatch(1)
        source = BlockSource(store, self._watch, InspectionRecord(MemoryStore()))
        self._channel = LabChannel(config, source)
        self._writing = asyncio.Lock()
        rules = DeliverRules(policy=_readers, clock=time.time_ns)  # noqa: TID251 - a composition root
        self._deliver = DeliverService(lambda _: self._channel, rules, ClientStreams(500))

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""
        return self._channel.config

    async def cut(self, envelopes: Sequence[bytes]) -> int:
        """Put envelopes, whatever they are, into the next block; return its number."""
        async with self._writing:
            block = await self._writer.write(envelopes)
            self._watch.advance(self._writer.height)
            return block.header.number

    async def broadcast(
        self,
        requests: AsyncIterator[bytes],
        caller: Caller,  # noqa: ARG002 - the signature of a StreamService
    ) -> AsyncIterator[bytes]:
        """Give each envelope a block of its own; configuration updates are worked out."""
        async for received in requests:
            submission = read_submission(received)
            assert not isinstance(submission, Refused), submission
            if submission.header_type == CONFIG_UPDATE:
                await self.reconfigure(submission)
            else:
                await self.cut([submission.envelope])
            yield BroadcastResponse(status=Status.SUCCESS).SerializeToString()

    async def reconfigure(self, update: Submission) -> int:
        """Put the configuration that ``update`` leads to into the next block."""
        admitted = self._admission.admit(update)
        assert not isinstance(admitted, Refused), admitted
        assert admitted.reconfiguration is not None, "an update of the configuration"
        async with self._writing:
            block = await self._writer.write_config(admitted.envelope)
            self._admission.adopt(admitted.reconfiguration.config)
            self._channel.config = admitted.reconfiguration.config
            self._watch.advance(self._writer.height)
            return block.header.number

    @asynccontextmanager
    async def serving(self, address: str, tls: ServerTls) -> AsyncIterator[None]:
        """Serve for the length of the block."""
        server = new_server()
        methods = {"Broadcast": self.broadcast, "Deliver": self._deliver.deliver}
        add_stream_services(server, "orderer.AtomicBroadcast", methods)
        async with serving(server, address, tls=tls, grace_s=0.2):
            yield
            self._watch.close()


def _readers(config: ChannelConfig, form: BlockForm) -> str:  # noqa: ARG001 - one for all forms
    return "/Channel/Readers"
