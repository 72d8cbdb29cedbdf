"""What an application may choose, and the sources of time and chance that it may replace."""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Final

from tallystick.client.retry import RetryPolicy
from tallystick.wire.txid import NONCE_SIZE


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How many seconds each phase may take; None is forever.

    The first three are a little more than a peer allows itself, whose own answer says more. A peer
    waits for a commit without end, so that deadline is the client's alone.
    """

    evaluate_s: float | None = 35.0
    endorse_s: float | None = 35.0
    submit_s: float | None = 35.0
    commit_status_s: float | None = 60.0


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What the client shows to a server that asks for mutual TLS, both PEM."""

    certificate: bytes
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """Where time and chance come from.

    Attributes:
        now_ns: The time, in nanoseconds since the epoch.
        nonce: Draws a nonce; no two may be equal.
        random: Spreads repeated attempts.
        sleep: Waits for a number of seconds.
    """

    now_ns: Callable[[], int]
    nonce: Callable[[], bytes]
    random: Random
    sleep: Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What may differ from one application to the next.

    Attributes:
        deadlines: For each phase.
        retry: What ``submit`` does when another transaction got in between.
        busy_retry: What evaluation and endorsement do when the peer turns them away because it has
            too much to do. They wait at least as long as it says, within the deadline.
        connect_s: How long a connection may take.
        server_name: The name in the server's certificate, where the address is another.
        client_certificate: For mutual TLS.
        environment: None for the operating system's.
    """

    deadlines: Deadlines = Deadlines()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    busy_retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(attempts=10))
    connect_s: float = 10.0
    server_name: str = ""
    client_certificate: ClientCertificate | None = None
    environment: Environment | None = None


DEFAULTS: Final = ClientOptions()


def system_environment(sleep: Callable[[float], Awaitable[object]]) -> Environment:
    """Return the operating system's clock and randomness, with the event loop's ``sleep``."""
    return Environment(
        now_ns=time.time_ns,  # noqa: TID251 -- connect is the client's composition root
        nonce=lambda: secrets.token_bytes(NONCE_SIZE),
        random=SystemRandom(),
        sleep=sleep,
    )
