"""How a failed call reads (wire.md §5.3): as one of Fabric's nodes would put it."""

import grpc
import pytest

from tallystick.node.transport.failures import in_words


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Unavailable"),
        (grpc.StatusCode.UNKNOWN, "Unknown"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DeadlineExceeded"),
        (grpc.StatusCode.CANCELLED, "Canceled"),
    ],
)
def test_codes_have_their_names_in_go(code: grpc.StatusCode, name: str) -> None:
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="why")
    assert in_words(error) == f"rpc error: code = {name} desc = why"
