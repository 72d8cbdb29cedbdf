"""Our client through the gateway of Fabric's peers (wire.md §5)."""

import asyncio
from pathlib import Path

import pytest
from tests.fabric.foundation import CHANNEL, HOST, ONE, TWO, found, new_ports
from tests.fabric.real_nodes import (
    ChaincodeTerms,
    client_profile,
    deploy,
    service_package,
    serving_contract,
    two_peers_of_fabric,
)

from tallystick.chaincode.events import unpack
from tallystick.client import Gateway
from tallystick.client.contract import Contract
from tallystick.client.errors import CommitError, EndorseError, EvaluateError
from tallystick.client.network import Network
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

GOSSIP_TIMEOUT_S = 60.0


async def both_peers_known(contract: Contract) -> None:
    """Return once the gateway has heard of a peer that can endorse for the other organisation."""
    async with asyncio.timeout(GOSSIP_TIMEOUT_S):
        while True:
            try:
                await contract.new_proposal("put", "knows", "both").endorse()
            except EndorseError as error:
                if "no combination of peers" not in str(error):
                    raise
                await asyncio.sleep(0.2)
            else:
                return


async def check_transactions(network: Network) -> int:
    """Return the number of the block of an event."""
    probe = network.contract("probe")
    await probe.submit("put", "colour", "green")
    assert await probe.evaluate("get", "colour") == b"green"
    async with network.chaincode_events("probe", start_block=1) as events:
        assert await probe.submit("announce", "hear") == b"hear"
        async with asyncio.timeout(GOSSIP_TIMEOUT_S):
            event = await anext(events)
    assert [record.data for record in unpack(event.payload)] == [{"what": "hear"}]
    return event.block_number


async def check_blocks(network: Network, number: int) -> None:
    async with asyncio.timeout(GOSSIP_TIMEOUT_S):
        async with network.block_events(start_block=number) as whole:
            assert (await anext(whole)).header.number == number
        async with network.filtered_block_events(start_block=number) as filtered:
            (transaction,) = (await anext(filtered)).filtered_transactions
    assert transaction.tx_validation_code == TxValidationCode.VALID


async def check_refusals(probe: Contract) -> None:
    with pytest.raises(EvaluateError, match="paint"):
        await probe.evaluate("paint")
    with pytest.raises(EndorseError) as refused:
        await probe.submit("paint")
    assert {detail.msp_id for detail in refused.value.details} <= {ONE, TWO}
    assert refused.value.details[0].refusal is not None
    late, early = [await probe.new_proposal("append", "row", "x").endorse() for _ in range(2)]
    await (await early.submit()).status()
    status = await (await late.submit()).status()
    assert status.code == TxValidationCode.MVCC_READ_CONFLICT
    with pytest.raises(CommitError):
        status.raise_if_invalid()


async def test_our_client_uses_fabrics_gateway(tmp_path: Path) -> None:
    ports = new_ports()
    foundation = found(tmp_path / "crypto", ports)
    address = f"{HOST}:{ports.chaincode}"
    package = service_package("probe_1", address)
    async with (
        serving_contract(package, address, tmp_path / "cc.log"),
        two_peers_of_fabric(foundation, ports, tmp_path) as peers,
    ):
        terms = ChaincodeTerms("probe", f"AND('{ONE}.peer','{TWO}.peer')")
        await deploy(peers, ports, [package, package], terms)
        async with await Gateway.from_profile(client_profile(peers[0])) as gateway:
            network = gateway.network(CHANNEL)
            await both_peers_known(network.contract("probe"))
            number = await check_transactions(network)
            await check_blocks(network, number)
            await check_refusals(network.contract("probe"))
