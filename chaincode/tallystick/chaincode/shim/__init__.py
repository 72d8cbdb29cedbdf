"""Contracts in a process of their own, over the stream that Fabric's peers speak.

``serving`` lets peers dial in (chaincode as a service), ``stay_registered`` dials a peer; both run
the same contracts as a peer of this project runs embedded. ``session`` holds the protocol without
I/O, ``stub`` what a contract sees, ``stream`` joins the two. Source: wire.md §9.
"""

from tallystick.chaincode.shim.client import stay_registered
from tallystick.chaincode.shim.server import serving
from tallystick.chaincode.shim.settings import PeerSettings, ServerSettings
from tallystick.chaincode.shim.stream import Host, MessageStream, PeerStream

__all__ = [
    "Host",
    "MessageStream",
    "PeerSettings",
    "PeerStream",
    "ServerSettings",
    "serving",
    "stay_registered",
]
