"""How channels are set up, where a test of the behaviour would take minutes."""

from collections import Counter

import pytest

from tallystick.node.transport.options import Options, client_options, server_options

MINUTE_MS = 60_000


def test_a_server_that_was_away_for_long_is_found_within_a_minute_of_its_return() -> None:
    options = dict(client_options())
    assert options["grpc.max_reconnect_backoff_ms"] < MINUTE_MS
    assert options["grpc.initial_reconnect_backoff_ms"] < options["grpc.max_reconnect_backoff_ms"]


@pytest.mark.parametrize(
    "options",
    [
        client_options(),
        client_options(ping_interval_ms=1),
        server_options(max_concurrent_streams=1),
    ],
)
def test_no_option_is_there_twice_since_the_first_alone_would_count(options: Options) -> None:
    assert set(Counter(name for name, _ in options).values()) == {1}
