"""What an application imports to propose transactions, wait for their commit, and hear events.

``connect`` opens a `Gateway`; from there, ``gateway.network("channel").contract("chaincode")``
evaluates and submits. Everything is asyncio; `tallystick.client.sync` offers the same names to
plain functions. Errors are in `tallystick.client.errors`.
"""

from tallystick.client.gateway import Gateway, connect
from tallystick.client.hsm import HsmSigner
from tallystick.client.identity import Identity, PrivateKeySigner
from tallystick.client.options import ClientOptions, Deadlines
from tallystick.client.pkcs11_key import Pkcs11Key
from tallystick.client.retry import NO_RETRY, RetryPolicy

__all__ = [
    "NO_RETRY",
    "ClientOptions",
    "Deadlines",
    "Gateway",
    "HsmSigner",
    "Identity",
    "Pkcs11Key",
    "PrivateKeySigner",
    "RetryPolicy",
    "connect",
]
