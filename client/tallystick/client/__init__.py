"""What an application imports to propose transactions, wait for their commit, and hear events.

``connect`` opens a `Gateway`; from there, ``gateway.network("channel").contract("chaincode")``
evaluates and submits. Everything is asyncio; `tallystick.client.sync` offers the same names to
plain functions. Errors are in `tallystick.client.errors`.
"""

from tallystick.client.gateway import Gateway, connect
from tallystick.client.identity import Identity, PrivateKeySigner
from tallystick.client.options import ClientOptions, Deadlines
from tallystick.client.retry import NO_RETRY, RetryPolicy

__all__ = [
    "NO_RETRY",
    "ClientOptions",
    "Deadlines",
    "Gateway",
    "Identity",
    "PrivateKeySigner",
    "RetryPolicy",
    "connect",
]
