"""Administrators who change what everybody relies on while everybody works."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

import grpc

from simulation.bank import BANK
from simulation.clients import Clients
from simulation.connections import OrdererLink
from simulation.coverage import Fault
from simulation.hosts import World
from tallystick.client.errors import ClientError, RpcFailure
from tallystick.node.channel.config import APPLICATION_GROUP, BatchParameters
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.cluster.administrator import Administrator, Definition
from tallystick.node.cluster.deployment import deployable
from tallystick.node.cluster.governance import Governance
from tallystick.node.cluster.member_topology import ADMIN
from tallystick.node.errors import LedgerError
from tallystick.protos.common.configtx_pb2 import Config

_NAME: Final = "administration"
_PAUSE_S: Final = (0.2, 1.5)
_ATTEMPTS: Final = 4
_GUEST: Final = "RegulatorMSP"
"""The organisation that leaves and comes again; nobody here calls in its name."""
_RULES: Final = (
    "OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')",
    "OutOf(3, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')",
)


class Administration:
    """Defines a chaincode anew, and changes the channel's configuration, again and again."""

    def __init__(self, world: World, clients: Clients) -> None:
        self._world = world
        self._clients = clients
        self._random = world.chance(_NAME)
        self._channel_id = world.network.channel_id
        topology = world.network.topology
        (bank,) = (each for each in topology.chaincodes if each.name == BANK)
        self._bank = deployable(bank)
        self._administrators = [
            clients.administrator(member.msp_id) for member in topology.peer_organizations
        ]
        self._members = [clients.signer(each.msp_id, ADMIN) for each in topology.organizations]
        self._guest = Config()

    async def govern(self) -> None:
        """Change one thing after another, until cancelled."""
        changes = (self._redefine, self._redefine, self._change_batches, self._change_members)
        while True:
            await asyncio.sleep(self._random.uniform(*_PAUSE_S))
            change = self._random.choice(changes)
            try:
                await change(self._random)
            except (ClientError, LedgerError, RpcFailure, grpc.RpcError) as error:
                self._world.note(f"{_NAME}: {change.__name__}: {error}")

    async def approve_again(self) -> None:
        """Give again what an organisation's only peer has lost with its store: its approval."""
        for administrator in self._administrators:
            while True:
                try:
                    await self._approve_in_force(administrator)
                    break
                except (ClientError, LedgerError, grpc.RpcError):  # the peer is on its way
                    await asyncio.sleep(self._random.uniform(*_PAUSE_S))

    async def _approve_in_force(self, administrator: Administrator) -> None:
        package_id = await administrator.install(self._bank.package)
        in_force = await administrator.definition(self._channel_id, BANK)
        await administrator.approve_in_force(self._channel_id, BANK, in_force, package_id)

    async def _redefine(self, random: Random) -> None:
        """Let the chaincode have the next sequence, and another rule who must endorse."""
        first, *_ = administrators = random.sample(self._administrators, len(self._administrators))
        in_force = await first.definition(self._channel_id, BANK)
        sequence = in_force.sequence + 1
        definition = replace(
            self._bank.definition,
            version=str(sequence),
            sequence=sequence,
            endorsement=_RULES[sequence % 2],
        )

        for _ in range(_ATTEMPTS):
            try:
                await self._agree(definition, administrators)
                break
            except (ClientError, LedgerError, grpc.RpcError):
                await asyncio.sleep(random.uniform(*_PAUSE_S))
        else:
            return
        self._world.coverage.reached(Fault.REDEFINITION)
        self._world.note(f"{_NAME}: {BANK} has sequence {sequence}")

    async def _agree(self, definition: Definition, administrators: Sequence[Administrator]) -> None:
        """Install, approve and commit a definition; what is done already changes nothing."""
        for administrator in administrators:
            package_id = await administrator.install(self._bank.package)
            await administrator.approve(self._channel_id, definition, package_id)
        endorsers = [administrator.msp_id for administrator in administrators]
        await administrators[0].commit(self._channel_id, definition, endorsers)

    async def _change_batches(self, random: Random) -> None:
        batch = BatchParameters(
            max_message_count=random.randint(1, 8), timeout_s=random.choice((0.02, 0.05, 0.2))
        )
        await self._change(lambda config: with_batch(config, batch))

    async def _change_members(self, _: Random) -> None:
        """Let an organisation leave the channel, or come again."""

        def edit(config: Config) -> Config:
            edited = Config.FromString(config.SerializeToString())
            groups = edited.channel_group.groups[APPLICATION_GROUP].groups
            if _GUEST in groups:
                self._guest = config
                del groups[_GUEST]
            else:
                former = self._guest.channel_group.groups[APPLICATION_GROUP].groups[_GUEST]
                groups[_GUEST].CopyFrom(former)
            return edited

        await self._change(edit)

    async def _change(self, edit: Callable[[Config], Config]) -> None:
        directory = self._world.directory
        orderer = OrdererLink(directory, _NAME, self._random.choice(list(directory.orderers)))
        administrator = self._random.choice(self._administrators)
        governance = Governance(
            self._channel_id, administrator.gateway, orderer, administrator.source
        )
        number = await governance.change(edit, self._members)
        self._world.coverage.reached(Fault.RECONFIGURATION)
        self._world.note(f"{_NAME}: block {number} has another configuration")
