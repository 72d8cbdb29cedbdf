"""Whose clients a server lets in follows the channels, connection by connection: wire.md §1."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest, Purpose
from tallystick.node.transport.channels import open_channel
from tallystick.node.transport.credentials import ClientTls, KeyPair, ServerTls
from tallystick.node.transport.ports import Caller
from tallystick.node.transport.server import add_stream_services, new_server, serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRANGERS = 1_500
AT_ONCE = 24


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


async def is_let_in(port: int, server: CertificateAuthority, client: KeyPair) -> bool:
    async with open_channel(f"localhost:{port}", ClientTls(pem(server), client)) as channel:
        echo_call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        echo_call = channel.unary_stream("/test.Service/Echo")
        call = echo_call(b"", timeout=5)
        try:
            return [answer async for answer in call] != []
        except grpc.aio.AioRpcError:
            return False


def stranger(material: Path, client: KeyPair) -> ssl.SSLContext:
    """Return how somebody connects who shows a certificate of nobody's."""
    (material / "cert.pem").write_bytes(client.certificate)
    (material / "key.pem").write_bytes(client.private_key)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(material / "cert.pem", material / "key.pem")
    return context


async def test_strangers_that_connect_side_by_side_do_not_end_the_process(
    authorities: list[CertificateAuthority], tmp_path: Path
) -> None:
    """They did, through gRPC, when it was given a configuration for each of them."""
    ours, theirs = authorities
    tls = ServerTls(key_pair(ours), pem(ours), requires_client_certificate=True)
    server = new_server()
    add_stream_services(server, "test.Service", {"Echo": echo})
    context = stranger(tmp_path, key_pair(theirs))

    async def connect(port: int) -> None:
        for _ in range(STRANGERS // AT_ONCE):
            with suppress(OSError):
                _, writer = await asyncio.open_connection("localhost", port, ssl=context)
                writer.close()

    async with serving(server, "localhost:0", tls=tls, grace_s=0) as port:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(connect(port))
        assert await is_let_in(port, ours, key_pair(ours))


def test_grpc_is_given_another_configuration_only_when_the_authorities_have_changed(
    authorities: list[CertificateAuthority], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = authorities
    given: list[Callable[[], object]] = []
    monkeypatch.setattr(
        grpc, "dynamic_ssl_server_credentials", lambda _, change, **__: given.append(change)
    )
    trusted = [b""]
    ServerTls(key_pair(old), pem(old), True, lambda: trusted[-1]).credentials()  # noqa: FBT003
    (change,) = given
    assert change() is None
    trusted.append(pem(new))
    assert change() is not None
    assert change() is None


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
        first, second = key_pair(old), key_pair(new)

        async def let_in() -> list[bool]:
            return [await is_let_in(port, old, client) for client in (first, second)]

        assert await let_in() == [True, False]
        trusted.append(pem(new))
        assert await let_in() == [True, True]
        trusted.append(b"")
        assert await let_in() == [True, False]
