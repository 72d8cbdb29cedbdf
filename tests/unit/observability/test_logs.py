import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # no stubs reach there

from tallystick.node.observability.context import log_about
from tallystick.node.observability.logs import configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # the test runner's own would be closed
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_carry_time_level_logger_and_message(stream: io.StringIO) -> None:
    configure_logging("json", "INFO", stream=stream)
    logging.getLogger("tallystick.node").info("channel %s: %d blocks", "securities", 3)
    entry = json.loads(stream.getvalue())
    assert entry["time"].endswith("+00:00")
    del entry["time"]
    assert entry == {
        "level": "INFO",
        "logger": "tallystick.node",
        "message": "channel securities: 3 blocks",
    }


def test_json_lines_stay_lines_when_there_is_an_exception(stream: io.StringIO) -> None:
    configure_logging("json", "INFO", stream=stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("tallystick.node").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_text_is_for_people(stream: io.StringIO) -> None:
    configure_logging("text", "WARNING", stream=stream)
    logging.getLogger("tallystick.node").info("not shown")
    logging.getLogger("tallystick.node").warning("shown")
    assert stream.getvalue().endswith("WARNING tallystick.node: shown\n")
    assert "not shown" not in stream.getvalue()


@pytest.mark.parametrize(("level", "lines"), [("INFO", 1), ("WARNING", 0)])
def test_a_client_that_leaves_in_mid_stream_is_no_error_of_the_node(
    stream: io.StringIO, level: str, lines: int
) -> None:
    configure_logging("json", level, stream=stream)
    error = cygrpc.ExecuteBatchError("Failed to send")
    logging.getLogger("grpc._cython.cygrpc").error("raised by %s", "Deliver", exc_info=error)
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(entries) == lines
    for entry in entries:
        assert entry["level"] == "INFO"
        assert entry["message"].endswith("before its answer was sent: raised by Deliver")
        assert "exception" not in entry


async def test_lines_say_which_channel_and_transaction_they_are_about(stream: io.StringIO) -> None:
    configure_logging("json", "INFO", stream=stream)

    async def call(transaction_id: str) -> None:
        log_about(channel="market", transaction_id=transaction_id)
        await asyncio.sleep(0)
        logging.getLogger("tallystick.node").info("simulated")

    async with asyncio.TaskGroup() as calls:
        calls.create_task(call("a1"))
        calls.create_task(call("b2"))
    logging.getLogger("tallystick.node").info("between calls")
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each.get("transaction_id") for each in entries] == ["a1", "b2", None]
    assert [each.get("channel") for each in entries] == ["market", "market", None]


async def test_lines_for_people_end_with_what_they_are_about(stream: io.StringIO) -> None:
    configure_logging("text", "INFO", stream=stream)

    async def call() -> None:
        log_about(channel="market")
        logging.getLogger("tallystick.node").info("committed")

    async with asyncio.TaskGroup() as calls:
        calls.create_task(call())
    assert stream.getvalue().endswith("tallystick.node: committed [channel=market]\n")
