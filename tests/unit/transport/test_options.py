"""How channels are set up, where a test of the behaviour would take minutes."""

from tallystick.node.transport.options import client_options

MINUTE_MS = 60_000


def test_a_server_that_was_away_for_long_is_found_within_a_minute_of_its_return() -> None:
    options = dict(client_options())
    assert options["grpc.max_reconnect_backoff_ms"] < MINUTE_MS
    assert options["grpc.initial_reconnect_backoff_ms"] < options["grpc.max_reconnect_backoff_ms"]
