"""``protos.Snapshot``, the service behind `peer snapshot`, which this peer does not offer yet."""

from typing import Final, NoReturn, cast

import grpc

SERVICE: Final = "protos.Snapshot"
METHODS: Final = ("Generate", "Cancel", "QueryPendings")
REASON: Final = (
    "this peer does not support ledger snapshots yet; a new peer joins with the channel's genesis "
    "block, by `peer channel join`"
)

_Context = grpc.aio.ServicerContext[bytes, bytes]


def refuse_snapshots(server: grpc.aio.Server) -> None:
    """Answer every request for a snapshot with UNIMPLEMENTED and what to do instead."""

    async def refuse(_: bytes, context: _Context) -> NoReturn:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, REASON)

    # Without serializers, gRPC hands over the bytes themselves.
    handler = cast(
        "grpc.RpcMethodHandler[bytes, bytes]", grpc.unary_unary_rpc_method_handler(refuse)
    )
    handlers = dict.fromkeys(METHODS, handler)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
