"""What must hold, checked after every block that any node has: a violation ends the run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from simulation.hosts import Host, World
from simulation.model import LedgerModel
from tallystick.node.deliver.source import BlockSource
from tallystick.node.ledger import keyspace
from tallystick.protos.common.common_pb2 import Block, BlockMetadataIndex
from tallystick.protos.peer.transaction_pb2 import VALID
from tallystick.wire.hashing import block_data_hash, block_header_hash

_PRIVATE: Final = b"$$p"


class ViolationError(AssertionError):
    """Something happened that must never happen."""


@dataclass(slots=True)
class Chain:
    """The one chain that all nodes must have.

    Attributes:
        blocks: Digest of header and data, by number.
        verdicts: Codes and commit hash of peers, by number.
        states: Digest of what a peer's store holds, by height.
        last_hash: Of the highest header.
        model: What the blocks with verdicts say.
    """

    blocks: list[bytes] = field(default_factory=list)
    verdicts: list[bytes] = field(default_factory=list)
    states: dict[int, bytes] = field(default_factory=dict)
    last_hash: bytes = b""
    model: LedgerModel = field(default_factory=LedgerModel)

    def copied(self) -> "Chain":
        """Return the same, which goes on by itself."""
        return Chain(
            list(self.blocks),
            list(self.verdicts),
            dict(self.states),
            self.last_hash,
            self.model.copied(),
        )


class Auditor:
    """Watches all nodes and keeps what clients were told.

    Attributes:
        chain: The one chain.
        taken: Transactions whose submission was acknowledged.
        committed: Those of which a client was told that they are valid, with the block.
    """

    def __init__(self, world: World, hosts: Iterable[Host], chain: Chain) -> None:
        self._world = world
        self._hosts = list(hosts)
        self._seen: dict[str, tuple[int, int]] = {}
        self.chain = chain
        self.trace = sha256()
        self.taken: dict[str, str] = {}
        self.committed: dict[str, int] = {}
        self.money = chain.model.money()
        self.units = chain.model.units()

    def look(self) -> None:
        """Audit what is new anywhere.

        Raises:
            ViolationError: Something is wrong.
        """
        for host in self._hosts:
            if host.fault:
                self._fail(f"{host.name}: {host.fault}")
            self._look_at(host)
        network = self._world.directory.network
        if network.failures or self._world.loop.failures:
            self._fail(f"{[*network.failures, *self._world.loop.failures]}")

    def was_taken(self, transaction_id: str, by: str) -> None:
        """Note that a client was told that a transaction is ordered."""
        self.taken[transaction_id] = by

    def was_committed(self, transaction_id: str, block_number: int, code: int) -> None:
        """Check what a client was told of a transaction; note it if it is valid."""
        outcome = self.chain.model.outcomes.get(transaction_id)
        if outcome is None or (outcome.block_number, outcome.code) != (block_number, code):
            self._fail(
                f"a client was told that {transaction_id} has code {code} in block {block_number}:"
                f" it is {outcome}"
            )
        if code == VALID:
            self.committed[transaction_id] = block_number

    def finish(self) -> None:
        """Check, once everything has converged, that nothing acknowledged is lost.

        Raises:
            ViolationError: Something is.
        """
        self._seen.clear()
        self.look()
        outcomes = self.chain.model.outcomes
        for transaction_id, by in self.taken.items():
            if transaction_id not in outcomes:
                self._fail(f"{transaction_id} was acknowledged by {by} and is lost")
        for transaction_id, number in self.committed.items():
            outcome = outcomes[transaction_id]
            if outcome.code != VALID or outcome.block_number != number:
                self._fail(f"{transaction_id} was valid in block {number} and is {outcome}")

    def _look_at(self, host: Host) -> None:
        source, height = _blocks_of(self._world, host)
        if source is None:
            return
        start, seen = self._seen.get(host.name, (-1, 0))
        if start != host.starts:
            seen = max(0, min(height, len(self.chain.blocks)) - 2) if start >= 0 else 0
        if seen == height:
            return
        for number in range(seen, height):
            self._block(host, number, Block.FromString(source.read(number)))
        self._seen[host.name] = host.starts, height
        if host.node.kind == "peer":
            self._state(host, height)

    def _block(self, host: Host, number: int, block: Block) -> None:
        digest = sha256(
            block.header.SerializeToString(deterministic=True)
            + block.data.SerializeToString(deterministic=True)
        ).digest()
        chain = self.chain
        if number == len(chain.blocks):
            self._extend(host, block, digest)
        elif digest != chain.blocks[number]:
            self._fail(f"{host.name} has another block {number} than the others")
        if host.node.kind == "peer":
            self._verdicts(host, number, block)

    def _extend(self, host: Host, block: Block, digest: bytes) -> None:
        chain, header = self.chain, block.header
        if header.number != len(chain.blocks) or header.previous_hash != chain.last_hash:
            self._fail(f"{host.name}: block {header.number} does not follow the last one")
        if header.data_hash != block_data_hash(block.data.data):
            self._fail(f"{host.name}: block {header.number} names another content")
        chain.blocks.append(digest)
        chain.last_hash = block_header_hash(header)
        self._note(f"block {header.number} of {len(block.data.data)} at {host.name}", digest)

    def _verdicts(self, host: Host, number: int, block: Block) -> None:
        slots = block.metadata.metadata
        verdict = (
            slots[BlockMetadataIndex.TRANSACTIONS_FILTER] + slots[BlockMetadataIndex.COMMIT_HASH]
        )
        chain = self.chain
        if number < len(chain.verdicts):
            if chain.verdicts[number] != verdict:
                self._fail(f"{host.name} judges block {number} unlike the others")
            return
        assert number == len(chain.verdicts), "peers show their blocks in order"
        chain.verdicts.append(verdict)
        for problem in chain.model.apply(block):
            self._fail(f"block {number}: {problem}")
        self._conserved(number)
        self._note(f"block {number} judged at {host.name}", verdict)

    def _conserved(self, number: int) -> None:
        if not self.money:  # the run that founds the network
            return
        money, units = self.chain.model.money(), self.chain.model.units()
        if (money, units) != (self.money, self.units):
            self._fail(
                f"block {number} leaves {money} in accounts and {units} units in the register;"
                f" there were {self.money} and {self.units}"
            )

    def _state(self, host: Host, height: int) -> None:
        digest = sha256()
        for key, value in host.state_rows():
            if _PRIVATE not in key.partition(keyspace.SEPARATOR)[0]:
                digest.update(len(key).to_bytes(4, "big") + key + value)
        expected = self.chain.states.setdefault(height, digest.digest())
        if expected != digest.digest():
            self._fail(f"{host.name} has another state at height {height} than the others")
        self._note(f"state {height} at {host.name}", digest.digest())

    def _note(self, what: str, digest: bytes = b"") -> None:
        self.trace.update(f"{self._world.loop.time():.9f} {what} {digest.hex()}\n".encode())

    def _fail(self, what: str) -> None:
        raise ViolationError(what)


def _blocks_of(world: World, host: Host) -> tuple[BlockSource | None, int]:
    """Return a node's blocks and how many it shows; None if it does not serve."""
    channel_id = world.network.channel_id
    peer = world.directory.running_peers.get(host.name)
    if peer is not None:
        channel = peer.channels[channel_id]
        return channel.source, channel.ledger.height
    orderer = world.directory.running_orderers.get(host.name)
    if orderer is not None:
        ordering = orderer.channels[channel_id]
        return ordering.source, ordering.chain.height
    return None, 0
