"""The client against a server on a port of its own, with TLS (wire.md §1, §5.3)."""

import asyncio
import json
import socket
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from tests.unit.client.conftest import (
    CHANNEL_ID,
    UNREADABLE,
    Authorities,
    Client,
    FakePeer,
    serving,
)

from tallystick.client import ClientOptions, Gateway, connect
from tallystick.client.errors import (
    ConnectError,
    EndorseError,
    EvaluateError,
    FailureDetail,
    RpcFailure,
)
from tallystick.node.membership.ca import CertificateAuthority
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.wire.envelope import channel_header_of


async def test_a_profile_is_all_it_takes_to_evaluate_and_submit(
    peer: FakePeer, authorities: Authorities, tmp_path: Path
) -> None:
    async with serving(peer, authorities) as address:
        profile = authorities.write_profile(tmp_path, address)

        async with await Gateway.from_profile(profile) as gateway:
            contract = gateway.network().contract("token")

            assert await contract.evaluate("balance_of", "ACME", "alice") == b"answer"
            assert await contract.submit("transfer", "ACME", "alice", "bob", 5) == b"result"


async def test_error_details_arrive_from_the_trailer(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    """§5.3, §19 item 16: details are ``gateway.ErrorDetail`` in ``grpc-status-details-bin``."""
    details = (
        FailureDetail("localhost:7051", "ATSMSP", "chaincode response 400, FROZEN: bob is frozen"),
        FailureDetail("localhost:8051", "ClearingMSP", "timed out"),
    )
    peer.fail("endorse", RpcFailure(grpc.StatusCode.ABORTED, "see attached details", details))
    async with (
        serving(peer, authorities) as address,
        await connect(
            address,
            tls_root_certificates=authorities.root_pem,
            identity=client.identity,
            signer=client.signer,
        ) as gateway,
    ):
        with pytest.raises(EndorseError) as caught:
            await gateway.network(CHANNEL_ID).contract("token").submit("transfer")

    assert caught.value.code is grpc.StatusCode.ABORTED
    assert caught.value.message == "see attached details"
    assert caught.value.details == details


async def test_a_trailer_that_cannot_be_read_does_not_hide_the_failure(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    detail = FailureDetail("localhost:7051", "ATSMSP", "lost on the way")
    peer.fail("evaluate", RpcFailure(grpc.StatusCode.UNKNOWN, UNREADABLE, [detail]))
    async with (
        serving(peer, authorities) as address,
        await connect(
            address,
            tls_root_certificates=authorities.root_pem,
            identity=client.identity,
            signer=client.signer,
        ) as gateway,
    ):
        with pytest.raises(EvaluateError, match=UNREADABLE) as caught:
            await gateway.network(CHANNEL_ID).contract("token").evaluate("balance_of")

    assert caught.value.details == ()


async def test_a_profile_can_bring_a_certificate_for_mutual_tls(
    peer: FakePeer, authorities: Authorities, tmp_path: Path
) -> None:
    profile = authorities.write_profile(tmp_path, "localhost:1")
    settings = json.loads(profile.read_text())
    peer.blocks = [DeliverResponse()]
    peer.blocks[0].block.header.number = 0
    async with serving(peer, authorities, mutual_tls=True) as address:
        settings |= {"gateway": address, "tls_certificate": "user.crt", "tls_key": "user.key"}
        profile.write_text(json.dumps(settings))

        async with (
            await Gateway.from_profile(profile) as gateway,
            gateway.network().block_events() as blocks,
        ):
            await anext(blocks)

    [request] = peer.requests
    assert isinstance(request, Envelope)
    assert channel_header_of(request).tls_cert_hash == authorities.user_certificate_hash


async def test_leaving_a_stream_closes_it_at_the_peer(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    peer.blocks = [DeliverResponse()]
    peer.blocks[0].block.header.number = 3
    async with (
        serving(peer, authorities) as address,
        await connect(
            address,
            tls_root_certificates=authorities.root_pem,
            identity=client.identity,
            signer=client.signer,
        ) as gateway,
    ):
        async with gateway.network(CHANNEL_ID).block_events(start_block=3) as blocks:
            assert (await anext(blocks)).header.number == 3
            assert peer.open_streams == 1

        await peer.all_closed.wait()

    assert peer.open_streams == 0


async def test_closing_the_gateway_fails_calls_rather_than_cancelling_their_callers(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    peer.hangs.add("evaluate")
    async with serving(peer, authorities) as address:
        gateway = await connect(
            address,
            tls_root_certificates=authorities.root_pem,
            identity=client.identity,
            signer=client.signer,
        )
        contract = gateway.network(CHANNEL_ID).contract("token")

        async with asyncio.TaskGroup() as group:
            call = group.create_task(_error_of(contract.evaluate("balance_of")))
            await peer.asked.wait()
            await gateway.close()

        assert call.result() == "the gateway was closed"
        assert await _error_of(contract.evaluate("balance_of")) == "the gateway was closed"


async def _error_of(call: Coroutine[object, object, bytes]) -> str:
    with pytest.raises(EvaluateError) as caught:
        await call
    assert caught.value.code is grpc.StatusCode.CANCELLED
    return caught.value.message


async def test_cancelling_a_call_is_not_mistaken_for_a_failure(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    peer.hangs.add("evaluate")
    async with (
        serving(peer, authorities) as address,
        await connect(
            address,
            tls_root_certificates=authorities.root_pem,
            identity=client.identity,
            signer=client.signer,
        ) as gateway,
        asyncio.TaskGroup() as group,
    ):
        call = group.create_task(gateway.network(CHANNEL_ID).contract("token").evaluate("q"))
        await peer.asked.wait()
        call.cancel()

    assert call.cancelled()


async def test_connecting_where_nobody_listens_fails_at_once_and_names_the_address(
    client: Client, authorities: Authorities
) -> None:
    with socket.socket() as unused:
        unused.bind(("localhost", 0))
        address = f"localhost:{unused.getsockname()[1]}"

        with pytest.raises(ConnectError, match=f"{address}.*is a peer listening there"):
            await connect(
                address, tls_root_certificates=authorities.root_pem, identity=client.identity
            )


async def test_a_connection_that_takes_too_long_is_given_up(
    client: Client, authorities: Authorities
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(ConnectError, match=r"no answer within 0\.05 s"):
            await connect(
                address,
                tls_root_certificates=authorities.root_pem,
                identity=client.identity,
                options=ClientOptions(connect_s=0.05),
            )


async def test_a_server_with_a_certificate_from_elsewhere_is_not_trusted(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    other = CertificateAuthority.create("ca.elsewhere.example", "Elsewhere", now=datetime.now(UTC))
    async with serving(peer, authorities) as address:
        with pytest.raises(ConnectError, match="given root certificates"):
            await connect(
                address,
                tls_root_certificates=other.to_pem().certificate_pem,
                identity=client.identity,
            )
