"""What a node that wants blocks sends to an orderer. Source: wire.md §6."""

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.protos.common.common_pb2 import DELIVER_SEEK_INFO, ChannelHeader
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekNewest, SeekPosition, SeekSpecified
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER, build_payload, signed_envelope
from tallystick.wire.messages import timestamp_from_ns
from tallystick.wire.signing import Signer


@dataclass(frozen=True, slots=True)
class SeekRequests:
    """Signed requests for the blocks of one channel, as encoded envelopes.

    Attributes:
        channel_id: The channel.
        signer: Who asks; must satisfy the channel's readers policy.
        clock: Now, in nanoseconds since the epoch.
        tls_certificate_hash: Hash of the client certificate, where the orderers require one.
    """

    channel_id: str
    signer: Signer
    clock: Callable[[], int]
    tls_certificate_hash: bytes = b""

    def following(self, start: int) -> bytes:
        """Return the request for block ``start`` and all after it, those to come as well."""
        return self._signed(_between(start, FOREVER_BLOCK_NUMBER, SeekInfo.BLOCK_UNTIL_READY))

    def header_of(self, number: int) -> bytes:
        """Return the request for one block's header and signatures, as soon as there is one."""
        seek = _between(number, number, SeekInfo.BLOCK_UNTIL_READY)
        seek.content_type = SeekInfo.HEADER_WITH_SIG
        return self._signed(seek)

    def those_between(self, start: int, stop: int) -> bytes:
        """Return the request for blocks that are there, both ends included."""
        return self._signed(_between(start, stop, SeekInfo.FAIL_IF_NOT_READY))

    def newest_header(self) -> bytes:
        """Return the request for the header of the newest block."""
        newest = SeekPosition(newest=SeekNewest())
        return self._signed(
            SeekInfo(
                start=newest,
                stop=newest,
                behavior=SeekInfo.FAIL_IF_NOT_READY,
                content_type=SeekInfo.HEADER_WITH_SIG,
            )
        )

    def _signed(self, seek: SeekInfo) -> bytes:
        channel_header = ChannelHeader(
            type=DELIVER_SEEK_INFO,
            channel_id=self.channel_id,
            timestamp=timestamp_from_ns(self.clock()),
            tls_cert_hash=self.tls_certificate_hash,
        )
        payload = build_payload(
            channel_header, seek.SerializeToString(), creator=self.signer.identity
        )
        return signed_envelope(payload, self.signer).SerializeToString()


def _between(start: int, stop: int, behavior: SeekInfo.SeekBehavior.ValueType) -> SeekInfo:
    return SeekInfo(
        start=SeekPosition(specified=SeekSpecified(number=start)),
        stop=SeekPosition(specified=SeekSpecified(number=stop)),
        behavior=behavior,
    )
