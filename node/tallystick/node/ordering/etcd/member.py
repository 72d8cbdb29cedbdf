"""One member of an etcd cluster, reached over gRPC."""

from typing import Final

import grpc

from tallystick.node.ordering.etcd.versions import check_version
from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.options import client_options
from tallystick.protos.etcd.rpc_pb2 import StatusRequest
from tallystick.protos.etcd.rpc_pb2_grpc import (
    KVStub,
    LeaseStub,
    MaintenanceStub,
    WatchStub,
)

REQUIRE_LEADER: Final = (("hasleader", "true"),)
"""Lets a member that is cut off from the others say so at once."""

# Members refuse pings that come more often than every five seconds.
_PING_INTERVAL_MS: Final = 6_000
_PING_TIMEOUT_MS: Final = 2_000


class Member:
    """The services of one member.

    Attributes:
        watching: The streams of changes that are open.
        turns: How often the client has turned away from it.
    """

    def __init__(self, endpoint: str, tls: ClientTls | None) -> None:
        self.endpoint = endpoint
        options = client_options(
            ping_interval_ms=_PING_INTERVAL_MS, ping_timeout_ms=_PING_TIMEOUT_MS
        )
        if tls is None:
            self._channel = grpc.aio.insecure_channel(endpoint, options=options)
        else:
            self._channel = grpc.aio.secure_channel(endpoint, tls.credentials(), options)
        self.kv = KVStub(self._channel)
        self.lease = LeaseStub(self._channel)
        self.watch = WatchStub(self._channel)
        self._maintenance = MaintenanceStub(self._channel)
        self.watching: set[grpc.aio.Call] = set()
        self.turns = 0
        self._is_checked = False

    async def check(self, timeout_s: float) -> None:
        """Return if the member's release may be used; it is asked once while it answers.

        Raises:
            UnsupportedEtcdError: It may not.
            grpc.aio.AioRpcError: It does not answer.
        """
        if not self._is_checked:
            status = await self._maintenance.Status(StatusRequest(), timeout=timeout_s)
            check_version(status.version, self.endpoint)
            self._is_checked = True

    def forget_version(self) -> None:
        """Ask the release again: the member may come back with another one."""
        self._is_checked = False

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()
