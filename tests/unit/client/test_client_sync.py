"""The synchronous face, from plain functions that know of no event loop."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.client.conftest import Authorities, Client, FakePeer, serving

from tallystick.client import sync
from tallystick.client.errors import CommitError, ConnectError
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.protos.peer.transaction_pb2 import TxValidationCode


@pytest.fixture
def address(peer: FakePeer, authorities: Authorities) -> Iterator[str]:
    """A peer that is served by another thread."""
    started: concurrent.futures.Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]
    started = concurrent.futures.Future()

    async def serve() -> None:
        stopping = asyncio.Event()
        async with serving(peer, authorities) as served_at:
            started.set_result((served_at, asyncio.get_running_loop(), stopping))
            await stopping.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    served_at, loop, stopping = started.result()
    yield served_at
    loop.call_soon_threadsafe(stopping.set)
    thread.join()


@pytest.fixture
def gateway(address: str, authorities: Authorities, tmp_path: Path) -> Iterator[sync.Gateway]:
    """A gateway at that peer."""
    with sync.Gateway.from_profile(authorities.write_profile(tmp_path, address)) as connected:
        yield connected


def test_a_plain_function_evaluates_and_submits(gateway: sync.Gateway) -> None:
    contract = gateway.network().contract("token")

    assert contract.evaluate("balance_of", "ACME", "alice") == b"answer"
    assert contract.submit("transfer", "ACME", "alice", "bob", 5) == b"result"


def test_connect_takes_the_same_arguments(
    address: str, client: Client, authorities: Authorities
) -> None:
    with sync.connect(
        address,
        tls_root_certificates=authorities.root_pem,
        identity=client.identity,
        signer=client.signer,
    ) as gateway:
        assert gateway.network("securities").contract("token").evaluate("balance_of") == b"answer"


def test_the_single_steps_are_there_too(gateway: sync.Gateway, client: Client) -> None:
    proposal = gateway.network().contract("token").new_proposal("transfer")
    proposal.add_signature(client.signer.sign_digest(proposal.digest))
    transaction = gateway.proposal(proposal.to_bytes()).endorse()
    transaction.add_signature(client.signer.sign_digest(transaction.digest))
    commit = gateway.transaction(transaction.to_bytes()).submit()
    commit.add_signature(client.signer.sign_digest(commit.digest))

    assert transaction.result == b"result"
    assert gateway.commit(commit.to_bytes()).status().is_valid
    assert gateway.network().commit(proposal.transaction_id).status().is_valid


def test_errors_are_the_same(gateway: sync.Gateway, peer: FakePeer) -> None:
    peer.codes.append(TxValidationCode.BAD_RWSET)

    with pytest.raises(CommitError, match="BAD_RWSET"):
        gateway.network().contract("token").submit("transfer")


def test_events_are_a_plain_iterator(gateway: sync.Gateway, peer: FakePeer) -> None:
    event = ChaincodeEvent(chaincode_id="token", tx_id="a", event_name="e", payload=b"{}")
    peer.events = [gateway_pb2.ChaincodeEventsResponse(block_number=3, events=[event])]

    with gateway.network().chaincode_events("token", start_block=3) as events:
        assert next(events).transaction_id == "a"


def test_blocks_are_a_plain_iterator(gateway: sync.Gateway, peer: FakePeer) -> None:
    whole, filtered = DeliverResponse(), DeliverResponse()
    whole.block.header.number = 4
    filtered.filtered_block.number = 4

    peer.blocks = [whole]
    with gateway.network().block_events(start_block=4) as blocks:
        assert next(blocks).header.number == 4
    peer.blocks = [filtered]
    with gateway.network().filtered_block_events(start_block=4) as filtered_blocks:
        assert next(filtered_blocks).number == 4


def test_blocks_with_private_data_are_a_plain_iterator(
    gateway: sync.Gateway, peer: FakePeer
) -> None:
    response = DeliverResponse()
    response.block_and_private_data.block.header.number = 4
    peer.blocks = [response]
    with gateway.network().block_and_private_data_events(start_block=4) as blocks:
        assert next(blocks).block.header.number == 4


def test_requests_for_events_can_be_signed_elsewhere(
    gateway: sync.Gateway, peer: FakePeer, client: Client
) -> None:
    network = gateway.network()
    event = ChaincodeEvent(chaincode_id="token", tx_id="a", event_name="e", payload=b"{}")
    peer.events = [gateway_pb2.ChaincodeEventsResponse(block_number=3, events=[event])]
    draft = gateway.chaincode_events_request(
        network.new_chaincode_events_request("token", start_block=3).to_bytes()
    )
    draft.add_signature(client.signer.sign_digest(draft.digest))
    with gateway.chaincode_events_request(draft.to_bytes()).events() as events:
        assert next(events).transaction_id == "a"


def test_requests_for_blocks_can_be_signed_elsewhere(
    gateway: sync.Gateway, peer: FakePeer, client: Client
) -> None:
    network, response = gateway.network(), DeliverResponse()
    whole = gateway.block_events_request(network.new_block_events_request().to_bytes())
    filtered = gateway.filtered_block_events_request(
        network.new_filtered_block_events_request().to_bytes()
    )
    both = gateway.block_and_private_data_events_request(
        network.new_block_and_private_data_events_request().to_bytes()
    )
    for request in (whole, filtered, both):
        request.add_signature(client.signer.sign_digest(request.digest))

    response.block.header.number = 4
    peer.blocks = [response]
    with whole.events() as blocks:
        assert next(blocks).header.number == 4
    response.filtered_block.number = 5
    with filtered.events() as filtered_blocks:
        assert next(filtered_blocks).number == 5
    response.block_and_private_data.block.header.number = 6
    with both.events() as blocks_and_data:
        assert next(blocks_and_data).block.header.number == 6


def test_another_thread_can_end_the_iteration(gateway: sync.Gateway, peer: FakePeer) -> None:
    event = ChaincodeEvent(chaincode_id="token", tx_id="a", event_name="e", payload=b"{}")
    peer.events = [gateway_pb2.ChaincodeEventsResponse(block_number=3, events=[event])]
    events = gateway.network().chaincode_events("token", start_block=3)
    first_came = threading.Event()
    received: list[str] = []

    def listen() -> None:
        for event in events:
            received.append(event.transaction_id)
            first_came.set()

    listener = threading.Thread(target=listen)
    listener.start()
    first_came.wait()
    events.close()
    listener.join()

    assert received == ["a"]
    assert next(events, None) is None


def test_a_failed_connection_leaves_no_thread_behind(
    client: Client, authorities: Authorities
) -> None:
    with pytest.raises(ConnectError):
        sync.connect(
            "localhost:1", tls_root_certificates=authorities.root_pem, identity=client.identity
        )

    assert "tallystick-client" not in {thread.name for thread in threading.enumerate()}


async def test_on_an_event_loop_it_is_refused(client: Client, authorities: Authorities) -> None:
    with pytest.raises(sync.EventLoopError, match=r"use tallystick\.client, and await it"):
        sync.connect(
            "localhost:1", tls_root_certificates=authorities.root_pem, identity=client.identity
        )


def test_after_closing_it_says_so(gateway: sync.Gateway) -> None:
    contract = gateway.network().contract("token")
    gateway.close()

    with pytest.raises(sync.EventLoopError, match="this gateway is closed"):
        contract.evaluate("balance_of")
