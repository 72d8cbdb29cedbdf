"""Limits and keepalive of connections, on both sides. Source: wire.md §1."""

from typing import Final

MAX_MESSAGE_BYTES: Final = 100 * 1024 * 1024
"""Largest message that Fabric's nodes send or take; gRPC for Python stops at 4 MiB by itself."""

LOOKAHEAD_BYTES: Final = 4 * 1024 * 1024
"""How much of a stream may arrive before it is read: the next blocks, while one is committed."""

MAX_RECONNECT_DELAY_MS: Final = 1_000
"""How long a channel may leave a server alone that refused the connection before."""

# By itself gRPC waits a second first and two minutes in the end: a node that had been away for long
# would be back for minutes before the others noticed.
_FIRST_RECONNECT_DELAY_MS = 100

_CLIENT_PING_INTERVAL_MS = 60_000
_CLIENT_PING_TIMEOUT_MS = 20_000
# Clients ping once a minute. A server that insists on a whole minute would count a ping that
# travelled faster than the one before it as abuse.
_SERVER_MIN_PING_INTERVAL_MS = 30_000

Options = list[tuple[str, int]]


def server_options(*, max_concurrent_streams: int) -> Options:
    """Return the options of a server that accepts ``max_concurrent_streams`` per connection."""
    return [
        *_message_options(MAX_MESSAGE_BYTES),
        ("grpc.max_concurrent_streams", max_concurrent_streams),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _SERVER_MIN_PING_INTERVAL_MS),
        # Two processes on one port would share its connections at random.
        ("grpc.so_reuseport", 0),
    ]


def backlog_options(max_concurrent_calls: int | None) -> Options:
    """Return how many calls may have arrived that nobody has begun yet.

    By itself gRPC drops calls by chance beyond 1,000, and all beyond 3,000, with a bare CANCELLED
    that says neither whether to retry nor why. How many calls are open at all is limited anyway,
    and whoever is refused for that is told so.
    """
    if max_concurrent_calls is None:
        return []
    return [
        ("grpc.server.max_pending_requests", max_concurrent_calls),
        ("grpc.server.max_pending_requests_hard_limit", max_concurrent_calls),
    ]


def client_options(
    *,
    ping_interval_ms: int = _CLIENT_PING_INTERVAL_MS,
    ping_timeout_ms: int = _CLIENT_PING_TIMEOUT_MS,
) -> Options:
    """Return the options of a channel that stays open, and sees its server die and return.

    Nothing that is here may be put behind it once more: of an option that is given twice, gRPC
    takes the first.

    Args:
        ping_interval_ms: How long nothing may come before the server's machine is asked for a sign.
        ping_timeout_ms: How long that machine may take to acknowledge what it was sent. A process
            that hangs on a machine that runs has a minute, as gRPC has it by itself.
    """
    return [
        *_message_options(MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", ping_interval_ms),
        ("grpc.keepalive_timeout_ms", ping_timeout_ms),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
        ("grpc.initial_reconnect_backoff_ms", _FIRST_RECONNECT_DELAY_MS),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_DELAY_MS),
    ]


def _message_options(max_bytes: int) -> Options:
    return [
        ("grpc.max_receive_message_length", max_bytes),
        ("grpc.max_send_message_length", max_bytes),
    ]
