"""Who uses the network: clients and administrators of its organisations."""

import asyncio

from simulation.connections import ClientLink, PeerLink
from simulation.hosts import World
from simulation.keys import SeededIdentity, client_identity, nonces
from tallystick.client.contract import Contract
from tallystick.client.gateway import Gateway
from tallystick.client.network import Network
from tallystick.client.options import ClientOptions, Deadlines, Environment
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.member_topology import ADMIN, CLIENT
from tallystick.node.cluster.peer_client import Source

_DEADLINES = Deadlines(evaluate_s=8.0, endorse_s=8.0, submit_s=8.0, commit_status_s=8.0)


class Clients:
    """Connections of users to the peers that serve their organisations."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._nonce = nonces(world.chance("client nonces"))
        self.environment = Environment(
            now_ns=world.now_ns,
            nonce=self._nonce,
            random=world.chance("clients"),
            sleep=asyncio.sleep,
        )

    def gateway(self, msp_id: str, user: str = CLIENT, peer: str = "") -> Gateway:
        """Return a user's connection to the peer that serves the organisation, or to another."""
        network = self._world.network
        identity, signer = client_identity(network.user_material(msp_id, user) / "msp", msp_id)
        source = f"{user}@{msp_id}"
        link = ClientLink(self._world.directory, source, peer or network.peer_of(msp_id).name)
        options = ClientOptions(deadlines=_DEADLINES, environment=self.environment)
        return Gateway.over(link, identity=identity, signer=signer, options=options)

    async def gateway_of(self, msp_id: str) -> Gateway:
        """Return the connection of an organisation's usual user."""
        return self.gateway(msp_id)

    def channel(self, msp_id: str) -> Network:
        """Return the channel as an organisation's usual user sees it."""
        return self.gateway(msp_id).network(self._world.network.channel_id)

    def contract(self, msp_id: str, chaincode: str) -> Contract:
        """Return a chaincode as an organisation's usual user sees it."""
        return self.channel(msp_id).contract(chaincode)

    def signer(self, msp_id: str, user: str = CLIENT) -> SeededIdentity:
        """Return a user's identity with its key."""
        return SeededIdentity.at(self._world.network.user_material(msp_id, user) / "msp", msp_id)

    def administrator(self, msp_id: str) -> Administrator:
        """Return the administrator of an organisation with peers."""
        directory = self._world.directory
        name = self._world.network.peer_of(msp_id).name
        return Administrator(
            msp_id=msp_id,
            signer=self.signer(msp_id, ADMIN),
            endorsers=[PeerLink(directory, f"{ADMIN}@{msp_id}", name)],
            gateway=self.gateway(msp_id, ADMIN),
            source=Source(now_ns=self._world.now_ns, nonce=self._nonce),
        )
