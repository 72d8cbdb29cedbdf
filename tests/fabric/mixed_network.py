"""Peers of Fabric and ours on one channel, with a contract that one of each endorses."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fabric.foundation import HOST, ONE, TWO, Foundation, Ports, found, new_ports
from tests.fabric.real_nodes import (
    ChaincodeTerms,
    OurPeer,
    RealPeer,
    deploy,
    invoke,
    our_orderer,
    service_package,
    serving_contract,
)

StartOrderer = Callable[[Foundation, Ports, Path], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class MixedNetwork:
    """The peers, all of which run.

    Attributes:
        theirs: A peer of Fabric that endorses.
        ours: One of ours that does.
        late: Another one of Fabric, on no channel yet.
        our_late: Another one of ours, on no channel yet.
        ports: Where everybody listens.
    """

    theirs: RealPeer
    ours: OurPeer
    late: RealPeer
    our_late: OurPeer
    ports: Ports

    async def invoke(self, *calls: str) -> None:
        """Submit transactions that both endorse; return once each is valid at both."""
        for arguments in calls:
            await invoke((self.theirs, self.ours), self.ports, arguments)


@asynccontextmanager
async def mixed_network(
    directory: Path, start: StartOrderer = our_orderer
) -> AsyncIterator[MixedNetwork]:
    """Run four peers, an orderer, and the contract ``probe``."""
    ports = new_ports()
    foundation = found(directory / "crypto", ports)

    def at(msp_id: str, name: str) -> tuple[Foundation, str, str, Path, int]:
        return foundation, msp_id, name, directory / msp_id / name, ports.peers[msp_id, name]

    network = MixedNetwork(
        RealPeer(*at(ONE, "peer0")),
        OurPeer(*at(TWO, "peer0")),
        RealPeer(*at(ONE, "peer1")),
        OurPeer(*at(TWO, "peer1")),
        ports,
    )
    both = (network.theirs, network.ours)
    address = f"{HOST}:{ports.chaincode}"
    package = service_package("probe_1", address)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(start(foundation, ports, directory / "orderer"))
        await stack.enter_async_context(serving_contract(package, address, directory / "cc.log"))
        for peer in (*both, network.late, network.our_late):
            await stack.enter_async_context(peer.running())
        for peer in both:
            await peer.join()
        policy = f"AND('{ONE}.peer','{TWO}.peer')"
        await deploy(both, ports, [package, package], ChaincodeTerms("probe", policy))
        yield network
