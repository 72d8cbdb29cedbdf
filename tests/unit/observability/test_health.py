import asyncio
import json

import pytest

from tallystick.node.observability.health import HealthChecks, respond, serving_health


def parsed(response: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = response.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return int(head.split(b" ")[1]), json.loads(body)


@pytest.mark.parametrize(
    ("request_line", "checks", "status", "body"),
    [
        pytest.param(b"GET /healthz HTTP/1.1", {}, 200, {"status": "OK"}, id="nothing to check"),
        pytest.param(
            b"GET /healthz?verbose=1 HTTP/1.1",
            {"ledger": lambda: ""},
            200,
            {"status": "OK"},
            id="all is well",
        ),
        pytest.param(
            b"GET /healthz HTTP/1.1",
            {"ledger": lambda: "", "ordering": lambda: "no leader"},
            503,
            {
                "status": "Service Unavailable",
                "failed_checks": [{"component": "ordering", "reason": "no leader"}],
            },
            id="one check fails",
        ),
        pytest.param(
            b"GET / HTTP/1.1", {}, 404, {"error": "only /healthz is here"}, id="elsewhere"
        ),
        pytest.param(b"PUT /healthz HTTP/1.1", {}, 405, {"error": "use GET"}, id="not GET"),
        pytest.param(b"\xff", {}, 404, {"error": "only /healthz is here"}, id="not HTTP"),
    ],
)
def test_a_request_is_answered(
    request_line: bytes, checks: HealthChecks, status: int, body: dict[str, object]
) -> None:
    assert parsed(respond(request_line + b"\r\n\r\n", checks)) == (status, body)


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
    async with serving_health("127.0.0.1:0", {}) as port:
        answer = await ask(port, b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET /healthz", id="cut short"),
        pytest.param(b"GET /" + b"x" * 10_000 + b"\r\n\r\n", id="far too long"),
    ],
)
async def test_who_does_not_ask_properly_gets_no_answer(request_bytes: bytes) -> None:
    async with serving_health("127.0.0.1:0", {}) as port:
        assert await ask(port, request_bytes) == b""
        assert (await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")
