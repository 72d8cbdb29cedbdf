"""What must hold, checked after every block that any node has: a violation ends the run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from simulation.bank import BANK, KEPT, MEMBERS, SHARED
from simulation.checks import Check, ViolationError
from simulation.hosts import Host, World
from simulation.model import LedgerModel
from tallystick.node.deliver.source import BlockSource
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.state import LedgerState, private_namespace, state_rows
from tallystick.protos.common.common_pb2 import Block, BlockMetadataIndex
from tallystick.wire.hashing import block_data_hash, block_header_hash

_PRIVATE: Final = b"$$p"


@dataclass(slots=True)
class Chain:
    """The one chain that all nodes must have.

    Attributes:
        blocks: Digest of header and data, by number.
        verdicts: Codes and commit hash of peers, by number.
        states: Digest of what a peer's store holds, by height.
        compared: Heights at which that was compared with the model.
        last_hash: Of the highest header.
        model: What the blocks with verdicts say.
    """

    blocks: list[bytes] = field(default_factory=list)
    verdicts: list[bytes] = field(default_factory=list)
    states: dict[int, bytes] = field(default_factory=dict)
    compared: set[int] = field(default_factory=set)
    last_hash: bytes = b""
    model: LedgerModel = field(default_factory=LedgerModel)

    def copied(self) -> "Chain":
        """Return the same, which goes on by itself."""
        return Chain(
            list(self.blocks),
            list(self.verdicts),
            dict(self.states),
            set(self.compared),
            self.last_hash,
            self.model.copied(),
        )


class Auditor:
    """Watches all nodes and keeps what clients were told.

    Attributes:
        chain: The one chain.
        taken: Transactions whose submission was acknowledged, and by whom.
    """

    def __init__(self, world: World, hosts: Iterable[Host], chain: Chain) -> None:
        self._world = world
        self._hosts = list(hosts)
        self._seen: dict[str, tuple[int, int]] = {}
        self.chain = chain
        self.trace = sha256()
        self.taken: dict[str, str] = {}
        self.money = chain.model.money()
        self.units = chain.model.units()

    def look(self) -> None:
        """Audit what is new anywhere.

        Raises:
            ViolationError: Something is wrong.
        """
        for host in self._hosts:
            if host.fault:
                raise ViolationError(Check.SURVIVAL, f"{host.name}: {host.fault}")
            self._look_at(host)
        for check, failures in (
            (Check.SERVICES, self._world.directory.network.failures),
            (Check.TASKS, self._world.loop.failures),
        ):
            if failures:
                raise ViolationError(check, "; ".join(failures))

    def was_taken(self, transaction_id: str, by: str) -> None:
        """Note that a client was told that a transaction is ordered."""
        self.taken[transaction_id] = by

    def was_committed(self, transaction_id: str, block_number: int, code: int) -> None:
        """Check what a client was told of a transaction."""
        outcome = self.chain.model.outcomes.get(transaction_id)
        if outcome is None or (outcome.block_number, outcome.code) != (block_number, code):
            raise ViolationError(
                Check.TOLD,
                f"a client was told that {transaction_id} has code {code} in block {block_number}:"
                f" it is {outcome}",
            )

    def finish(self) -> None:
        """Read all blocks of all nodes again, and look there for what was acknowledged.

        Raises:
            ViolationError: Something is wrong or lost.
        """
        self._seen.clear()
        self.look()
        for transaction_id, by in self.taken.items():
            if transaction_id not in self.chain.model.outcomes:
                raise ViolationError(
                    Check.KEPT, f"the submission by {by} of {transaction_id} was acknowledged"
                )

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
            raise ViolationError(
                Check.BLOCKS, f"{host.name} has another block {number} than the others"
            )
        if host.node.kind == "peer":
            self._verdicts(host, number, block)

    def _extend(self, host: Host, block: Block, digest: bytes) -> None:
        chain, header = self.chain, block.header
        if header.number != len(chain.blocks) or header.previous_hash != chain.last_hash:
            raise ViolationError(
                Check.LINKS, f"{host.name}: block {header.number} does not follow the last one"
            )
        if header.data_hash != block_data_hash(block.data.data):
            raise ViolationError(
                Check.LINKS, f"{host.name}: block {header.number} names another content"
            )
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
                raise ViolationError(
                    Check.VERDICTS, f"{host.name} judges block {number} unlike the others"
                )
            return
        assert number == len(chain.verdicts), "peers show their blocks in order"
        chain.verdicts.append(verdict)
        for check, found in chain.model.apply(block):
            raise ViolationError(check, f"block {number}: {found}")
        self._conserved(number)
        self._note(f"block {number} judged at {host.name}", verdict)

    def _conserved(self, number: int) -> None:
        if not self.money:  # the run that founds the network
            return
        model = self.chain.model
        for check, there_were, there_are in (
            (Check.MONEY, self.money, model.money()),
            (Check.UNITS, self.units, model.units()),
        ):
            if there_are != there_were:
                raise ViolationError(
                    check, f"block {number} leaves {there_are}, and there were {there_were}"
                )

    def _state(self, host: Host, height: int) -> None:
        store = host.store()
        digest = sha256()
        for key, value in store.range(keyspace.STATE, keyspace.end_of_prefix(keyspace.STATE)):
            if _PRIVATE not in key.partition(keyspace.SEPARATOR)[0]:
                digest.update(len(key).to_bytes(4, "big") + key + value)
        expected = self.chain.states.setdefault(height, digest.digest())
        if expected != digest.digest():
            raise ViolationError(
                Check.STATE, f"{host.name} has another state at height {height} than the others"
            )
        if height == len(self.chain.verdicts) and height not in self.chain.compared:
            self._rows(host, height)
            self.chain.compared.add(height)
        if height == len(self.chain.verdicts):
            self._secrets(host)
        self._note(f"state {height} at {host.name}", digest.digest())

    def _rows(self, host: Host, height: int) -> None:
        """Compare the state of a peer with the model, which has come to the same height."""
        held = {
            (namespace, key): (row.version.block_number, row.version.transaction_index, row.value)
            for namespace, key, row in state_rows(host.store())
            if _PRIVATE.decode() not in namespace
        }
        for row, by_blocks in self.chain.model.rows():
            if held.pop(row, None) != by_blocks:
                raise ViolationError(
                    Check.ROWS, f"{host.name} has not at height {height} what blocks say of {row}"
                )
        if held:
            raise ViolationError(
                Check.ROWS, f"{host.name} has at height {height} what no block says: {set(held)}"
            )

    def _secrets(self, host: Host) -> None:
        """Compare what a peer holds in collections with the hashes in the model."""
        by_blocks = dict(self.chain.model.secrets())
        for place, (version, value) in _held(host).items():
            if host.node.member.msp_id not in MEMBERS:
                raise ViolationError(Check.SECRETS, f"{host.name} is no member and has {place}")
            row = by_blocks.get(place)
            # One that was replaced stays until the other arrives.
            if row is not None and version == row[:2] and sha256(value).digest() != row[2]:
                raise ViolationError(Check.SECRETS, f"{host.name} has another value of {place}")

    def lacking(self) -> list[str]:
        """Return who lacks which private value that lives."""
        return [
            f"{host.name} lacks {collection}/{key_hash.hex()} of {version}"
            for host in self._hosts
            if host.node.kind == "peer" and host.node.member.msp_id in MEMBERS
            for (collection, key_hash), (*version, _) in self.chain.model.secrets()
            if _held(host).get((collection, key_hash), (None,))[0] != tuple(version)
        ]

    def _note(self, what: str, digest: bytes = b"") -> None:
        self.trace.update(f"{self._world.loop.time():.9f} {what} {digest.hex()}\n".encode())


def _held(host: Host) -> dict[tuple[str, bytes], tuple[tuple[int, int], bytes]]:
    """Return version and value of what a peer has in collections, by collection and key hash."""
    state = LedgerState(host.store())
    return {
        (collection, sha256(key.encode()).digest()): (
            (row.version.block_number, row.version.transaction_index),
            row.value,
        )
        for collection in (SHARED, KEPT)
        for key, row in state.range(private_namespace(BANK, collection), "", "")
    }


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
