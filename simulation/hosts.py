"""The machines: each has a disk and a clock, and runs a node until something happens to it."""

import asyncio
import errno
from collections.abc import Callable
from contextvars import Context
from random import Random
from typing import Final

from simulation.connections import Connector, Directory, FellowLinks
from simulation.coverage import Coverage
from simulation.disk import Contents, SimulatedDisk
from simulation.etcd import Cluster, EtcdConnection
from simulation.keys import EPOCH_NS, SeededIdentity, chance, nonces
from simulation.loop import MACHINE, Machine, SimulatedLoop
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.deliver.puller import PullerEnvironment
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment, Sharing
from tallystick.node.ordering.etcd.session import Session
from tallystick.node.ordering.etcd.shared import Candidate, SharedOrdering
from tallystick.node.peer import PeerEnvironment, PeerNode
from tallystick.node.process import load_block
from tallystick.node.settings import (
    GatewaySettings,
    MspSettings,
    OrdererSettings,
    PeerSettings,
    PrivateDataSettings,
)
from tallystick.node.transport.backoff import Backoff

_NANOSECONDS: Final = 1_000_000_000
_LEASE_S: Final = 1


class World:
    """What all machines share.

    Attributes:
        seed: Decides everything.
        loop: Time and turns.
        network: The topology and its key material.
        directory: Who runs, and the way there.
        etcd: What the orderers share; None if there is only one.
        coverage: What has happened.
        begin_ns: The time at which the loop began.
        fail: Called with what must not happen.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - everything there is
        self,
        seed: str,
        loop: SimulatedLoop,
        network: Network,
        directory: Directory,
        etcd: Cluster | None,
        coverage: Coverage,
        begin_ns: int = EPOCH_NS,
    ) -> None:
        self.seed = seed
        self.loop = loop
        self.network = network
        self.directory = directory
        self.etcd = etcd
        self.coverage = coverage
        self.begin_ns = begin_ns
        self.log: list[str] = []

    def now_ns(self) -> int:
        """Return the true time, in nanoseconds since the epoch."""
        return self.begin_ns + int(self.loop.time() * _NANOSECONDS)

    def note(self, line: str) -> None:
        """Write down what happens now."""
        self.log.append(f"{self.loop.time():9.4f}  {line}")

    def chance(self, *parts: object) -> Random:
        """Return randomness for a purpose."""
        return chance(self.seed, *parts)


class Host:
    """One machine.

    Attributes:
        node: What runs there.
        disk: Its disk.
        skew_ns: How far its clock is ahead.
        machine: The present start of the node; None while it does not run.
        starts: How many there were.
        fault: Why the node ended by itself, if it did and must not have.
    """

    def __init__(self, world: World, node: Node, contents: Contents) -> None:
        self._world = world
        self.node = node
        self.disk = SimulatedDisk(contents, world.chance("disk", node.name), world.coverage)
        self.skew_ns = 0
        self.machine: Machine | None = None
        self.starts = 0
        self.fault = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The node's full name."""
        return self.node.name

    @property
    def is_down(self) -> bool:
        """Whether no node runs."""
        return self.machine is None

    @property
    def is_paused(self) -> bool:
        """Whether the node is stopped, and may go on."""
        return self.machine is not None and self.machine.is_stopped

    def clock(self) -> int:
        """Return the time as this machine has it, in nanoseconds since the epoch."""
        return self._world.now_ns() + self.skew_ns

    def start(self) -> None:
        """Start the node."""
        assert self.machine is None, f"{self.name} runs"
        self.starts += 1
        self.machine = Machine(self.name)
        self._world.directory.network.attach(self.machine)
        context = Context()
        context.run(MACHINE.set, self.machine)
        run = self._run(self.machine)
        self._task = self._world.loop.create_task(run, name=self.name, context=context)

    def crash(self, *, power: bool) -> None:
        """Let the node do nothing more; with ``power``, lose what was not synced."""
        assert self.machine is not None, f"{self.name} does not run"
        self._world.loop.stop_machine(self.machine)
        self.disk = self.disk.cut_power() if power else self.disk.kill_process()
        self._gone(self.machine)

    def exchange_disk(self, contents: Contents) -> None:
        """Put in a disk with other contents, while the node does not run."""
        assert self.machine is None, f"{self.name} runs"
        self.disk.kill_process()
        self.disk = SimulatedDisk(
            contents, self._world.chance("disk", self.name, self.starts), self._world.coverage
        )

    def pause(self) -> None:
        """Stop the node between two of its steps."""
        assert self.machine is not None
        self._world.loop.stop_machine(self.machine)

    def resume(self) -> None:
        """Let a stopped node go on."""
        assert self.machine is not None
        self._world.loop.go_on(self.machine)

    async def stop(self) -> None:
        """Stop the node as an operator does."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        self.disk = self.disk.kill_process()

    def store(self) -> KeyValueReader:
        """Return what a running peer keeps beside its blocks."""
        channel_id = self._world.network.channel_id
        folder = self._world.network.data_directory(self.node) / "channels" / channel_id
        return self.disk.opened[folder / "store"]

    async def _run(self, machine: Machine) -> None:
        try:
            if self.node.kind == "peer":
                peer = self._peer()
                async with peer:
                    self._world.directory.running_peers[self.name] = peer
                    await asyncio.Event().wait()
            else:
                orderer = self._orderer()
                async with orderer:
                    self._world.directory.running_orderers[self.name] = orderer
                    await asyncio.Event().wait()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                self.fault = f"it ended with {error!r}"
            self._world.note(f"{self.name} ends: {error}")
            self.disk = self.disk.kill_process()
        except Exception as error:  # noqa: BLE001 - whatever it is, the node must not end by it
            self.fault = f"it ended with {error!r}"
        finally:
            if self.machine is machine:
                self._gone(machine)

    def _gone(self, machine: Machine) -> None:
        self.machine = None
        self._world.directory.running_peers.pop(self.name, None)
        self._world.directory.running_orderers.pop(self.name, None)
        self._world.directory.network.detach(machine)

    def _peer(self) -> PeerNode:
        network = self._world.network
        settings = PeerSettings(
            listen_address=self.node.address,
            advertised_address=self._world.directory.peers[self.name].address,
            data_directory=network.data_directory(self.node),
            gateway=GatewaySettings(
                peer_check_interval_s=2.0, endorsement_timeout_s=5.0, broadcast_timeout_s=5.0
            ),
            private_data=PrivateDataSettings(reconcile_interval_s=5.0),
            msp=self._msp,
            tls=None,
        )
        environment = PeerEnvironment(
            clock=self.clock,
            random=self._random("peer"),
            connector=Connector(self._world.directory, self.name),
            disk=self.disk,
        )
        genesis = load_block(network.genesis_block)
        return PeerNode(settings, self._signer, [genesis], environment)

    def _orderer(self) -> OrdererNode:
        network = self._world.network
        settings = OrdererSettings(
            listen_address=self.node.address,
            data_directory=network.data_directory(self.node),
            msp=self._msp,
            tls=None,
        )
        environment = OrdererEnvironment(
            clock=self.clock,
            new_nonce=nonces(self._random("nonces")),
            sharing=self._sharing(),
            disk=self.disk,
        )
        genesis = load_block(network.genesis_block)
        return OrdererNode(settings, self._signer, [genesis], environment)

    def _sharing(self) -> Sharing | None:
        cluster = self._world.etcd
        if cluster is None:
            return None
        etcd = EtcdConnection(cluster, self.name)
        process = self._random("process").randbytes(8)
        candidate = Candidate(self.node.address, self.node.member.msp_id, process)
        shared = SharedOrdering(etcd, Session(etcd, _LEASE_S), candidate)
        random = self._random("fellows")

        def fellows(config: Callable[[], ChannelConfig]) -> FellowLinks:
            environment = PullerEnvironment(self.clock, Backoff(random), asyncio.sleep)
            return FellowLinks(self._world.directory, self.name, self._signer, config, environment)

        return Sharing(shared, fellows)

    @property
    def _msp(self) -> MspSettings:
        directory = self._world.network.node_material(self.node) / "msp"
        return MspSettings(id=self.node.member.msp_id, directory=directory)

    @property
    def _signer(self) -> SeededIdentity:
        return SeededIdentity.at(self._msp.directory, self._msp.id)

    def _random(self, purpose: str) -> Random:
        return self._world.chance(purpose, self.name, self.starts)
