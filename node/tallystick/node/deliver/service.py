"""Answers deliver requests, on peers and orderers alike. Source: wire.md §6."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Protocol, Self

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.access import (
    DeliverRequest,
    SessionAccess,
    check_binding,
    check_freshness,
    read_request,
)
from tallystick.node.deliver.height import WatchClosedError
from tallystick.node.deliver.responses import BlockForm, private_data_response, status_response
from tallystick.node.deliver.seek import BlockRange, SeekRefused, resolve
from tallystick.node.deliver.source import BlockSource
from tallystick.node.ledger.block_store import CorruptBlockError
from tallystick.node.limits.streams import ClientStreams, TooManyStreamsError
from tallystick.node.membership.identity import Identity
from tallystick.node.settings import NodeSettings
from tallystick.node.transport.ports import Caller
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.protos.orderer.ab_pb2 import SeekInfo
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_log = logging.getLogger(__name__)

_LOGGED_CHARACTERS: Final = 1000
"""Of what a request may name at any length: it fits into a log."""

PrivateDataReader = Callable[[str, int, Identity], Mapping[int, TxPvtReadWriteSet]]
"""Channel, block number and reader to the private values that this reader may see."""


class DeliverableChannel(Protocol):
    """A channel whose blocks can be delivered."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""

    @property
    def source(self) -> BlockSource:
        """Its blocks."""

    @property
    def fault(self) -> str:
        """Why blocks must not be relied on at the moment; empty when all is well."""


@dataclass(frozen=True, slots=True)
class DeliverRules:
    """What a request must fulfil.

    Attributes:
        policy: Path of the policy that a reader of blocks in some form must satisfy.
        clock: Now, in nanoseconds since the epoch.
        time_window_s: How far a request's timestamp may be off.
        binds_to_tls: Whether requests must name the client certificate of their connection, which
            is so exactly when the server requires one.
    """

    policy: Callable[[ChannelConfig, BlockForm], str]
    clock: Callable[[], int]
    time_window_s: float = 15 * 60
    binds_to_tls: bool = False

    @classmethod
    def from_settings(
        cls,
        settings: NodeSettings,
        policy: Callable[[ChannelConfig, BlockForm], str],
        clock: Callable[[], int],
    ) -> Self:
        """Return the rules of a node with ``settings``."""
        return cls(
            policy=policy,
            clock=clock,
            time_window_s=settings.connections.deliver_time_window_s,
            binds_to_tls=settings.tls is not None and settings.tls.client_certificate_required,
        )


def policy_of_readers(config: ChannelConfig, form: BlockForm) -> str:
    """Return what the readers of a peer's blocks must satisfy."""
    resource = "event/FilteredBlock" if form is BlockForm.FILTERED else "event/Block"
    return config.acl(resource)


def nothing_private(
    channel_id: str,  # noqa: ARG001 - the signature of a PrivateDataReader
    number: int,  # noqa: ARG001
    reader: Identity,  # noqa: ARG001
) -> Mapping[int, TxPvtReadWriteSet]:
    """Return no private values: for nodes that keep none."""
    return {}


class DeliverService:
    """The streaming methods of ``orderer.AtomicBroadcast/Deliver`` and ``protos.Deliver``."""

    def __init__(
        self,
        channels: Callable[[str], DeliverableChannel | None],
        rules: DeliverRules,
        streams: ClientStreams,
        private_data: PrivateDataReader = nothing_private,
    ) -> None:
        """Serve ``channels``.

        Args:
            channels: By id; they may change at any time.
            rules: What a request must fulfil.
            streams: How many each client has open.
            private_data: What a reader may see of private values.
        """
        self._channels = channels
        self._rules = rules
        self._streams = streams
        self._private_data = private_data

    def deliver(
        self, requests: AsyncIterator[bytes], caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """Yield whole blocks, or headers where the request says so, and statuses."""
        return self._serve(requests, caller, BlockForm.WHOLE)

    def deliver_filtered(
        self, requests: AsyncIterator[bytes], caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """Yield filtered blocks and statuses."""
        return self._serve(requests, caller, BlockForm.FILTERED)

    def deliver_with_private_data(
        self, requests: AsyncIterator[bytes], caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """Yield blocks with the private values that the reader may see, and statuses."""
        return self._serve(requests, caller, BlockForm.WITH_PRIVATE_DATA)

    async def _serve(
        self, requests: AsyncIterator[bytes], caller: Caller, form: BlockForm
    ) -> AsyncGenerator[bytes, None]:
        with ExitStack() as place:
            async for envelope in requests:
                request = read_request(envelope)
                if isinstance(request, SeekRefused):
                    yield _refusal(request, caller.address)
                    return
                channel_id = request.channel_id[:_LOGGED_CHARACTERS]
                reader = f"{caller.address} on channel {channel_id!r}"
                delivery = self._placed(self._accept(request, caller, form), place)
                if isinstance(delivery, SeekRefused):
                    yield _refusal(delivery, reader)
                    return
                for number in range(delivery.range.start, delivery.range.stop + 1):
                    refusal = await delivery.wait_for(number)
                    if refusal is not None:
                        yield _refusal(refusal, reader)
                        return
                    try:
                        response = delivery.response(number)
                    except CorruptBlockError as error:
                        yield _refusal(SeekRefused(Status.SERVICE_UNAVAILABLE, str(error)), reader)
                        return
                    yield response
                yield status_response(Status.SUCCESS)

    def _placed(
        self, delivery: "_Delivery | SeekRefused", place: ExitStack
    ) -> "_Delivery | SeekRefused":
        """Give the stream back whom it counted for, and count it for who asks now."""
        place.close()
        if isinstance(delivery, SeekRefused):
            return delivery
        try:
            place.enter_context(self._streams.opened(delivery.client))
        except TooManyStreamsError as error:
            return SeekRefused(Status.SERVICE_UNAVAILABLE, str(error))
        return delivery

    def _accept(
        self, request: DeliverRequest, caller: Caller, form: BlockForm
    ) -> "_Delivery | SeekRefused":
        """Judge a request; the order of the checks decides which status a bad one gets."""
        refusal = self._check_connection(request, caller)
        if refusal is not None:
            return refusal
        channel = self._channels(request.channel_id)
        if channel is None:
            return SeekRefused(Status.NOT_FOUND, f"channel {request.channel_id!r} is not here")
        try:
            seek = decode(SeekInfo, request.seek)
        except WireError as error:
            return SeekRefused(Status.BAD_REQUEST, str(error))
        if channel.fault and seek.error_response != SeekInfo.BEST_EFFORT:
            return SeekRefused(Status.SERVICE_UNAVAILABLE, channel.fault)
        return self._open(request, channel, seek, form)

    def _check_connection(self, request: DeliverRequest, caller: Caller) -> SeekRefused | None:
        refusal = check_freshness(
            request, now_ns=self._rules.clock(), time_window_s=self._rules.time_window_s
        )
        if refusal is None and self._rules.binds_to_tls:
            refusal = check_binding(request, caller.tls_certificate_hash)
        return refusal

    def _open(
        self,
        request: DeliverRequest,
        channel: DeliverableChannel,
        seek: SeekInfo,
        form: BlockForm,
    ) -> "_Delivery | SeekRefused":
        access = SessionAccess(request.signed, lambda config: self._rules.policy(config, form))
        refusal = access.evaluate(channel.config, now_ns=self._rules.clock())
        if refusal is not None:
            return refusal
        blocks = resolve(seek, channel.source.watch.height, channel.source.first_block)
        if isinstance(blocks, SeekRefused):
            return blocks
        if form is BlockForm.WHOLE and seek.content_type == SeekInfo.HEADER_WITH_SIG:
            form = BlockForm.HEADER
        return _Delivery(
            request=request,
            channel=channel,
            access=access,
            range=blocks,
            form=form,
            waits=seek.behavior == SeekInfo.BLOCK_UNTIL_READY,
            clock=self._rules.clock,
            private_data=self._private_data,
        )


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One accepted request."""

    request: DeliverRequest
    channel: DeliverableChannel
    access: SessionAccess
    range: BlockRange
    form: BlockForm
    waits: bool
    clock: Callable[[], int]
    private_data: PrivateDataReader

    @property
    def client(self) -> Identity:
        """Who asked."""
        return self.channel.config.msps.identity(self.request.signed.identity)

    async def wait_for(self, number: int) -> SeekRefused | None:
        """Return why block ``number`` cannot be sent; None once it can."""
        watch = self.channel.source.watch
        if number >= watch.height:
            if not self.waits:
                return SeekRefused(Status.NOT_FOUND, f"block {number} is not there yet")
            try:
                await watch.wait_for(number + 1)
            except WatchClosedError as error:
                return SeekRefused(Status.SERVICE_UNAVAILABLE, str(error))
        return self.access.evaluate(self.channel.config, now_ns=self.clock())

    def response(self, number: int) -> bytes:
        """Return the response that carries block ``number``."""
        source = self.channel.source
        if self.form is not BlockForm.WITH_PRIVATE_DATA:
            return source.response(number, self.form)
        private = self.private_data(self.request.channel_id, number, self.client)
        return private_data_response(source.read(number), private)


def _refusal(refused: SeekRefused, reader: str) -> bytes:
    # The protocol has room for a status alone: this line is the only place of the reason. Whoever
    # is told that a block is not there, or not yet, may have asked for no more than to learn it.
    is_fault = refused.status in {Status.BAD_REQUEST, Status.FORBIDDEN}
    _log.log(
        logging.WARNING if is_fault else logging.INFO,
        "deliver to %s ends with %s: %s",
        reader,
        Status.Name(refused.status),
        refused.reason[:_LOGGED_CHARACTERS],
    )
    return status_response(refused.status)
