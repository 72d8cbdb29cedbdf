"""The client for plain functions: the same names, without ``await``.

Calls run on an event loop in a thread of its own, one per gateway. A gateway may be used from
several threads. Code that runs on an event loop itself should use `tallystick.client` instead:
there, waiting here would stop everything else, so it is refused.
"""

from tallystick.client.sync.contract import Contract
from tallystick.client.sync.events import EventsRequest, EventStream
from tallystick.client.sync.gateway import Gateway, connect
from tallystick.client.sync.loop_thread import EventLoopError
from tallystick.client.sync.network import Network
from tallystick.client.sync.steps import Commit, Proposal, Transaction

__all__ = [
    "Commit",
    "Contract",
    "EventLoopError",
    "EventStream",
    "EventsRequest",
    "Gateway",
    "Network",
    "Proposal",
    "Transaction",
    "connect",
]
