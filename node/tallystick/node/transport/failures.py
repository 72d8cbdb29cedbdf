"""How a call to another node failed, in words."""

import grpc

_RPC_ERROR = "rpc error: code = {code} desc = {description}"


def in_words(error: grpc.aio.AioRpcError) -> str:
    """Return what went wrong as Fabric's nodes report it: they are in Go, which names codes so.

    Source: wire.md §5.3; google.golang.org/grpc status.Error and codes.Code.String.
    """
    code = error.code()
    name = code.name.title().replace("_", "")
    if code is grpc.StatusCode.CANCELLED:  # the one that Go spells differently
        name = "Canceled"
    return _RPC_ERROR.format(code=name, description=error.details())


def too_late(timeout_s: float) -> str:
    """Return the like of a call that had no answer within ``timeout_s`` and was given up."""
    description = f"no answer within {timeout_s:g} s"
    return _RPC_ERROR.format(code="DeadlineExceeded", description=description)
