"""Whose clients a server lets in follows the channels, connection by connection: wire.md §1."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest

from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest, Purpose
from tallystick.node.transport.channels import open_channel
from tallystick.node.transport.credentials import ClientTls, KeyPair, ServerTls
from tallystick.node.transport.ports import Caller
from tallystick.node.transport.server import add_stream_services, new_server, serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authorities() -> list[CertificateAuthority]:
    """Two of one name, as before and after a change of keys."""
    return [CertificateAuthority.create("tlsca", "one", now=NOW) for _ in range(2)]


def key_pair(authority: CertificateAuthority) -> KeyPair:
    request = CertificateRequest("node", hosts=("localhost",), purpose=Purpose.TLS)
    issued = authority.issue(request, now=NOW)
    return KeyPair(issued.certificate_pem, issued.key_pem)


def pem(authority: CertificateAuthority) -> bytes:
    return authority.to_pem().certificate_pem


async def echo(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
    async for _ in requests:
        yield caller.tls_certificate_hash


async def test_an_authority_that_joins_a_channel_is_trusted_without_a_restart(
    authorities: list[CertificateAuthority],
) -> None:
    old, new = authorities
    trusted = [b""]
    tls = ServerTls(
        key_pair(old), pem(old), requires_client_certificate=True, channel_roots=lambda: trusted[-1]
    )
    server = new_server()
    add_stream_services(server, "test.Service", {"Echo": echo})
    async with serving(server, "localhost:0", tls=tls, grace_s=0) as port:

        async def is_let_in(client: KeyPair) -> bool:
            async with open_channel(f"localhost:{port}", ClientTls(pem(old), client)) as channel:
                echo_call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
                echo_call = channel.unary_stream("/test.Service/Echo")
                call = echo_call(b"", timeout=5)
                try:
                    return [answer async for answer in call] != []
                except grpc.aio.AioRpcError:
                    return False

        first, second = key_pair(old), key_pair(new)
        assert [await is_let_in(client) for client in (first, second)] == [True, False]
        trusted.append(pem(new))
        assert [await is_let_in(client) for client in (first, second)] == [True, True]
        trusted.append(b"")
        assert [await is_let_in(client) for client in (first, second)] == [True, False]
