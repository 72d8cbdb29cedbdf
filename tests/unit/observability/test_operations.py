"""What a node shows of itself over HTTP."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.observability.log_spec import current_log_spec, set_log_spec
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.observability.operations import (
    HealthChecks,
    Operations,
    Request,
    respond,
    serving_operations,
)

LEVELS = State("the log levels are as they were", current_log_spec)
PATHS = "only /healthz, /metrics, /logspec, /version are here"


@pytest.fixture(autouse=True)
def same_levels_afterwards() -> Iterator[None]:
    before = current_log_spec()
    yield
    set_log_spec(before)


def parsed(response: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = response.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return int(head.split(b" ")[1]), json.loads(body) if body else {}


@pytest.mark.parametrize(
    ("request_line", "checks", "status", "body"),
    [
        pytest.param("GET /healthz", {}, 200, {"status": "OK"}, id="nothing to check"),
        pytest.param(
            "GET /healthz", {"ledger": lambda: ""}, 200, {"status": "OK"}, id="all is well"
        ),
        pytest.param(
            "GET /healthz",
            {"ledger": lambda: "", "ordering": lambda: "no leader"},
            503,
            {
                "status": "Service Unavailable",
                "failed_checks": [{"component": "ordering", "reason": "no leader"}],
            },
            id="one check fails",
        ),
        pytest.param("GET /version", {}, 200, {"Version": "1.2.3"}, id="version"),
        pytest.param("GET /", {}, 404, {"error": PATHS}, id="elsewhere"),
        pytest.param("PUT /healthz", {}, 405, {"error": "use GET"}, id="not GET"),
        pytest.param("DELETE /logspec", {}, 405, {"error": "use GET or PUT"}, id="neither"),
    ],
)
def test_a_request_is_answered(
    request_line: str, checks: HealthChecks, status: int, body: dict[str, object]
) -> None:
    method, _, path = request_line.partition(" ")
    operations = Operations(checks, version="1.2.3")
    assert parsed(respond(Request(method, path), operations)) == (status, body)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET /", 404), ("PUT /healthz", 405), ("DELETE /logspec", 405), ("GET /healthz", 503)],
)
def test_a_node_that_is_asked_for_what_is_not_there_or_not_well_says_so(
    outcome: Outcome, request_line: str, status: int
) -> None:
    method, _, path = request_line.partition(" ")
    with outcome.leaves(LEVELS):
        answered, answer = parsed(
            respond(Request(method, path), Operations({"ordering": lambda: "no leader"}))
        )
    outcome.saw(f"{answered}: {answer.get('error', answer)}")
    assert answered == status


def put_log_spec(body: bytes, *, is_local: bool = True) -> tuple[int, dict[str, object]]:
    request = Request("PUT", "/logspec", body, is_local=is_local)
    return parsed(respond(request, Operations({})))


def test_log_levels_are_set_and_shown() -> None:
    assert put_log_spec(b'{"spec": "gateway,tallystick.client=debug:warn"}') == (204, {})
    assert logging.getLogger("tallystick.node.gateway").level == logging.DEBUG
    assert logging.getLogger("tallystick.client").level == logging.DEBUG
    assert logging.getLogger("tallystick.node.ordering").getEffectiveLevel() == logging.WARNING
    _, shown = parsed(respond(Request("GET", "/logspec"), Operations({})))
    assert shown == {"spec": "tallystick.client=debug:gateway=debug:warning"}


def test_levels_that_are_not_named_again_are_those_of_all_others() -> None:
    put_log_spec(b'{"spec": "gateway=debug:info"}')
    put_log_spec(b'{"spec": "info"}')
    assert logging.getLogger("tallystick.node.gateway").level == logging.NOTSET


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b"", 'send {"spec": "info"}', id="nothing"),
        pytest.param(b'{"level": "info"}', 'send {"spec": "info"}', id="another key"),
        pytest.param(b"[1]", 'send {"spec": "info"}', id="no object"),
        pytest.param(b'{"spec": "loud"}', "'loud' is none of the levels", id="no level"),
        pytest.param(b'{"spec": "a b=info"}', "'a b' is no name of a logger", id="no logger"),
        pytest.param(b'{"spec": "info:debug"}', "only one level", id="two levels for all"),
        pytest.param(b'{"spec": "%s"}' % (b"a=info:" * 70), "more than 64", id="too long"),
        pytest.param(b"[" * 4_000, "spec", id="nested without end"),
    ],
)
def test_a_bad_specification_of_log_levels_changes_nothing(
    outcome: Outcome, body: bytes, told: str
) -> None:
    with outcome.leaves(LEVELS):
        status, answer = put_log_spec(body)
    outcome.saw(f"{status}: {answer['error']}")
    assert status == 400
    assert told in str(answer["error"])


def test_log_levels_are_set_from_another_machine(outcome: Outcome) -> None:
    with outcome.leaves(LEVELS):
        status, answer = put_log_spec(b'{"spec": "debug"}', is_local=False)
    outcome.saw(f"{status}: {answer['error']}")
    assert status == 403


def test_metrics_come_in_the_text_form_of_prometheus() -> None:
    metrics = PeerMetrics()
    metrics.show_heights(lambda: {"market": 7})
    metrics.proposal_received()
    response = respond(Request("GET", "/metrics"), Operations({}, metrics.registry))
    assert b"Content-Type: text/plain" in response
    assert b'\nledger_blockchain_height{channel="market"} 7.0\n' in response
    assert b"\nendorser_proposals_received_total 1.0\n" in response


async def ask(port: int, request: bytes) -> bytes:
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


async def test_the_answer_comes_over_http() -> None:
    async with serving_operations("127.0.0.1:0", Operations({})) as port:
        answer = await ask(port, b"GET /healthz?verbose=1 HTTP/1.1\r\nHost: node\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_body_is_read_as_long_as_it_says() -> None:
    body = b'{"spec": "error"}'
    request = b"PUT /logspec HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    async with serving_operations("127.0.0.1:0", Operations({})) as port:
        assert (await ask(port, request)).startswith(b"HTTP/1.1 204 No Content\r\n")
    assert current_log_spec() == "error"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET /healthz", id="cut short"),
        pytest.param(b"GET /" + b"x" * 10_000 + b"\r\n\r\n", id="far too long"),
        pytest.param(b"PUT /logspec HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}", id="body cut short"),
        pytest.param(
            b"PUT /logspec HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", id="body far too long"
        ),
        pytest.param(
            b"PUT /logspec HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
            id="a length that Python refuses to read",
        ),
    ],
)
async def test_who_does_not_ask_properly_gets_no_answer(request_bytes: bytes) -> None:
    async with serving_operations("127.0.0.1:0", Operations({})) as port:
        assert await ask(port, request_bytes) == b""
        assert (await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_what_is_no_http_is_told_what_there_is() -> None:
    async with serving_operations("127.0.0.1:0", Operations({})) as port:
        assert (await ask(port, b"\xff\r\n\r\n")).startswith(b"HTTP/1.1 404")
