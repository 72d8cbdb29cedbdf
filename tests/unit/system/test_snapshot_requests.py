"""Requests for ledger snapshots, which are told that there are none yet (wire.md §8.1)."""

import grpc
import pytest

from tallystick.node.system.snapshots import METHODS, REASON, SERVICE, refuse_snapshots
from tallystick.node.transport.server import new_server, serving


@pytest.mark.parametrize("method", METHODS)
async def test_a_request_is_refused_with_what_to_do_instead(method: str) -> None:
    server = new_server()
    refuse_snapshots(server)
    async with (
        serving(server, "localhost:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"localhost:{port}") as channel,
    ):
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            f"/{SERVICE}/{method}"
        )
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call(b"")
    assert refusal.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert refusal.value.details() == REASON
