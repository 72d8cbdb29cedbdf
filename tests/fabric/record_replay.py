"""Records the replay vector: blocks of our making, with the verdicts of one of Fabric's peers.

Run ``FABRIC_BIN=<folder> python -m tests.fabric.record_replay <directory> <scratch directory>``.
"""

import asyncio
import gzip
import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.fabric.asking import private_sets, propose, snapshot
from tests.fabric.crafting import badly_signed, endorsed, proposal_bytes, transaction
from tests.fabric.foundation import CHANNEL, HOST, ONE, ORDERER, TWO, Foundation, found, new_ports
from tests.fabric.lab_orderer import LabOrderer
from tests.fabric.real_nodes import (
    ChaincodeTerms,
    RealPeer,
    deploy,
    service_package,
    serving_contract,
)

from tallystick.node.channel.config import BatchParameters
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.range_query import RecordedRange
from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
from tallystick.node.ledger.version import Version
from tallystick.node.ordering.admission import Refused, read_submission
from tallystick.node.policies.parser import parse_policy
from tallystick.node.transport.credentials import KeyPair, ServerTls
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.envelope import ProposalArguments, signed_envelope

CC = "probe"
OTHER = "other"
GUARDED = "guarded"
SECRET = "shared"
INITIALIZED = "\x00\U0010ffffinitialized"
Change = Callable[[ReadWriteSetBuilder], object]
Entry = tuple[str, bytes]


class Recording:
    """Makes the blocks, each transaction with a word on what it is."""

    def __init__(
        self, foundation: Foundation, orderer: LabOrderer, peers: Sequence[RealPeer]
    ) -> None:
        self._orderer = orderer
        self._real = peers
        self._client = foundation.signer(ONE, "client")
        self._peers = {name: foundation.signer(name, "peer0") for name in (ONE, TWO)}
        self.notes: dict[int, list[str]] = {}
        self.private: list[dict[str, object]] = []

    def make(
        self, note: str, *changes: Change, by: Sequence[str] = (ONE, TWO), chaincode: str = CC
    ) -> Entry:
        """Return a transaction that these organisations endorse."""
        rwset = ReadWriteSetBuilder()
        for change in changes:
            change(rwset)
        endorsers = [self._peers[name] for name in by]
        return note, transaction(rwset, self._client, endorsers, chaincode)

    async def simulate(self, note: str, *args: str, value: str = "") -> tuple[Entry, bytes]:
        """Return a transaction that Fabric's peers simulate and endorse, and its proposal.

        So both have its private values, waiting for it.
        """
        words = [arg.encode() for arg in args]
        transient = {"value": value.encode()} if value else {}
        proposed = proposal_bytes(self._client, ProposalArguments(CHANNEL, CC, words, transient))
        answers = [await propose(peer, proposed, self._client) for peer in self._real]
        assert {answer.response.status for answer in answers} == {200}, answers
        return (note, endorsed(proposed, answers, self._client)), proposed

    def instead(self, note: str, proposed: bytes, *changes: Change) -> Entry:
        """Return a transaction with the id of a proposal, but not with its outcome."""
        rwset = ReadWriteSetBuilder()
        for change in changes:
            change(rwset)
        peers = list(self._peers.values())
        return note, transaction(rwset, self._client, peers, CC, proposed)

    async def settle(self, number: int) -> None:
        """Return once Fabric's peers have that block."""
        for peer in self._real:
            await peer.wait_for(number + 1)

    async def query(self, *args: str) -> dict[str, object]:
        """Return what the first of Fabric's peers answers to a call of its chaincode."""
        words = [arg.encode() for arg in args]
        proposed = proposal_bytes(self._client, ProposalArguments(CHANNEL, CC, words))
        answer = (await propose(self._real[0], proposed, self._client)).response
        return {
            "args": list(args),
            "status": answer.status,
            "message": answer.message,
            "payload": answer.payload.decode(),
        }

    async def private_values(self) -> list[dict[str, object]]:
        """Return the private values that the first of Fabric's peers holds by now."""
        return [
            {"block": number, "transaction": index, "rwset": rwset.SerializeToString().hex()}
            for number, index, rwset in await private_sets(self._real[0], self._client)
        ]

    def spoilt(self, entry: Entry) -> Entry:
        """Return the transaction with a signature that is not one."""
        return "bad signature", badly_signed(entry[1], self._client)

    async def cut(self, *entries: Entry) -> int:
        """Put the transactions into one block."""
        number = await self._orderer.cut([envelope for _, envelope in entries])
        self.notes[number] = [note for note, _ in entries]
        return number


def put(key: str, value: bytes = b"1", namespace: str = CC) -> Change:
    return lambda rwset: rwset.add_write(namespace, key, value)


def read(key: str, version: Version | None, namespace: str = CC) -> Change:
    return lambda rwset: rwset.add_read(namespace, key, version)


def protect(key: str, msp_id: str) -> Change:
    policy = parse_policy(f"AND('{msp_id}.peer')").SerializeToString()
    return lambda rwset: rwset.add_metadata_write(CC, key, {"VALIDATION_PARAMETER": policy})


def hide(key: str, value: bytes, collection: str = SECRET) -> Change:
    return lambda rwset: rwset.add_private_write(CC, collection, key, value)


def scan(start: str, end: str, rows: Sequence[tuple[str, Version]]) -> Change:
    def change(rwset: ReadWriteSetBuilder) -> None:
        recorded = RecordedRange(start, end)
        for key, version in rows:
            recorded.saw(key, version)
        recorded.ran_dry()
        rwset.add_range(CC, recorded)

    return change


async def record(recording: Recording) -> None:
    """Make blocks with a transaction of each kind."""
    make, cut = recording.make, recording.cut
    first = make("valid", put("a"))
    one = await cut(first, make("valid, two namespaces", put("b"), put("b", namespace=OTHER)))
    a = Version(one, 0)
    twice = make("valid", put("c"))
    await cut(
        make("valid: reads and writes", read("a", a), put("a", b"2")),
        make("conflict in the block", read("a", a), put("a", b"3")),
        make("conflict: read as absent", read("b", None), put("d")),
        make("one endorser of two", put("d"), by=(ONE,)),
        first,
        twice,
        twice,
        recording.spoilt(make("", put("d"))),
        make(
            "valid: endorsed for one namespace of two", put("b", namespace=OTHER), chaincode=OTHER
        ),
    )
    rows = [(f"row{number:05}", put(f"row{number:05}")) for number in range(60)]
    two = await cut(make("valid: 60 rows", *[change for _, change in rows]))
    seen = [(key, Version(two, 0)) for key, _ in rows]
    await cut(
        make("valid: range of 60 rows, as a Merkle summary", scan("row", "rox", seen), put("n")),
        make("phantom: a row less", scan("row", "rox", seen[:-1]), put("n", b"2")),
        make("phantom: short range", scan("row00000", "row00003", seen[:2]), put("n", b"3")),
        make("valid: short range", scan("row00000", "row00003", seen[:3]), put("n", b"4")),
        make("valid: deletes a row", put("row00001", b"")),
        make("phantom in the block", scan("row00000", "row00003", seen[:3]), put("n", b"5")),
    )
    await cut(
        make("valid: key-level policy", put("k"), protect("k", TWO)),
        make("changed within the block", put("k", b"2"), by=(TWO,)),
    )
    await cut(
        make("valid by the key's policy", put("k", b"2"), by=(TWO,)),
        make("not by the key's policy", put("k", b"3"), by=(ONE,)),
        make("valid: metadata only", protect("k", ONE), by=(TWO,)),
    )
    await cut(make("valid: new policy", put("k", b"4"), by=(ONE,)))
    three = await cut(
        make("valid: private", hide("p", b"secret")),
        make("valid: lives two blocks", hide("q", b"short", "brief")),
    )
    held = Version(three, 0)
    await cut(
        make("valid: hashed read", lambda s: s.add_private_read(CC, SECRET, "p", held), put("x")),
        make("valid: private overwritten", hide("p", b"other")),
        make("hashed conflict", lambda s: s.add_private_read(CC, SECRET, "p", held), put("x")),
        make("valid: purge", lambda s: s.add_private_purge(CC, SECRET, "p")),
        make("private, one endorser of two", hide("p", b"third"), by=(ONE,)),
    )
    await cut(make("valid: filler", put("y")), make("valid: delete", put("b", b"")))
    await cut(make("valid: filler", put("y", b"2")))
    lost = Version(three, 1)
    await cut(
        make("expired", lambda s: s.add_private_read(CC, "brief", "q", lost), put("z")),
        make("valid: absent", lambda s: s.add_private_read(CC, "brief", "q", None), put("z")),
    )
    await cut(
        ("no envelope within", b"\x0a\x03bad\x12\x01s"), make("unknown chaincode", chaincode="none")
    )


async def record_private_values(recording: Recording) -> None:
    """Make blocks whose private values Fabric's peers have, or have wrongly."""
    simulate, cut = recording.simulate, recording.cut
    wrong, proposed = await simulate("", "hide", SECRET, "other", value="as simulated")
    assert wrong[1]
    first, _ = await simulate("valid: private value there", "hide", SECRET, "there", value="one")
    gone, _ = await simulate("valid: private value there", "hide", SECRET, "gone", value="two")
    brief, _ = await simulate("valid: lives two blocks", "hide", "brief", "short", value="three")
    number = await cut(
        first,
        recording.instead(
            "valid: private value with another hash than the peers have",
            proposed,
            hide("other", b"as ordered"),
        ),
        gone,
        brief,
    )
    await recording.settle(number)
    again, _ = await simulate("valid: private value changed", "hide", SECRET, "there", value="four")
    late, _ = await simulate("conflict in the block", "replace", SECRET, "there", value="five")
    await recording.settle(await cut(again, late))
    recording.private = await recording.private_values()
    forget, _ = await simulate("valid: purges a value that was there", "forget", SECRET, "gone")
    told, _ = await simulate("valid: reads a hash", "reveal", SECRET, "there", "told")
    await cut(forget, told)


async def record_initialization(recording: Recording) -> None:
    """Make blocks for a chaincode whose definition demands that it is initialised."""
    make, cut = recording.make, recording.cut

    def start(note: str, mark: Version | None) -> Entry:
        marked = read(INITIALIZED, mark, GUARDED), put(INITIALIZED, b"1.0", GUARDED)
        return make(note, *marked, chaincode=GUARDED)

    number = await cut(
        make("valid: not initialised, and no endorser read that", put("g", namespace=GUARDED),
             chaincode=GUARDED),
        start("valid: initialises", None),
        start("conflict: initialises as well", None),
        make("conflict: was initialised meanwhile", read(INITIALIZED, None, GUARDED),
             put("g", b"2", GUARDED), chaincode=GUARDED),
    )  # fmt: skip
    mark = Version(number, 1)
    await cut(
        make("valid: initialised", read(INITIALIZED, mark, GUARDED), put("g", b"3", GUARDED),
             chaincode=GUARDED),
        start("conflict: initialises again", None),
    )  # fmt: skip


async def reconfigure(foundation: Foundation, orderer: LabOrderer, recording: Recording) -> None:
    """Change the batch size by agreement of the orderer's administrator."""
    current = orderer.config.config
    wanted = with_batch(current, BatchParameters(max_message_count=7))
    administrator = foundation.signer(ORDERER, "admin")
    now_ns = time.time_ns()  # noqa: TID251 - a program of its own
    envelope = with_signature(
        unsigned_update(compute_update(CHANNEL, current, wanted)),
        administrator,
        new_nonce=lambda: secrets.token_bytes(24),
        now_ns=now_ns,
    )
    signed = signed_envelope(envelope.payload, administrator)
    submission = read_submission(signed.SerializeToString())
    assert not isinstance(submission, Refused), submission
    recording.notes[await orderer.reconfigure(submission)] = ["valid: configuration"]
    await recording.cut(recording.make("valid: under the new configuration", put("after")))


async def main(target: Path, scratch: Path) -> None:
    """Record into the directory ``target``; ``scratch`` must not exist."""
    scratch.mkdir(parents=True)  # noqa: ASYNC240 - a program of its own
    ports = new_ports()
    foundation = found(scratch / "crypto", ports)
    peers = [
        RealPeer(foundation, name, "peer0", scratch / name, ports.peers[name, "peer0"])
        for name in (ONE, TWO)
    ]
    store = BlockStore(scratch / "blocks", MemoryStore())
    orderer = LabOrderer(store, foundation.genesis, foundation.signer(ORDERER, "orderer0"))
    tls = foundation.node(ORDERER, "orderer0") / "tls"
    key_pair = KeyPair((tls / "server.crt").read_bytes(), (tls / "server.key").read_bytes())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            orderer.serving(f"{HOST}:{ports.orderer}", ServerTls(key_pair))
        )
        for peer in peers:
            await stack.enter_async_context(peer.running())
            await peer.join()
        address = f"{HOST}:{ports.chaincode}"
        for terms in definitions(scratch):
            package = service_package(f"{terms.name}_1", address)
            if terms.name == CC:
                serving = serving_contract(package, address, scratch / "contract.log")
                await stack.enter_async_context(serving)
            await deploy(peers, ports, [package, package], terms)
        recording = Recording(foundation, orderer, peers)
        await record(recording)
        for peer in peers:
            await peer.wait_for(store.height)
        await record_private_values(recording)
        await record_initialization(recording)
        await reconfigure(foundation, orderer, recording)
        for peer in peers:
            await peer.wait_for(store.height)
        await write(target, recording, scratch, peers[0])
        await snapshot(peers[0], store.height, target / "snapshot")


def definitions(scratch: Path) -> list[ChaincodeTerms]:
    """Return what the organisations agree on for each chaincode."""
    collections = scratch / "collections.json"
    collections.write_text(json.dumps([
        {"name": name, "policy": f"OR('{ONE}.member', '{TWO}.member')", "requiredPeerCount": 0,
         "maxPeerCount": 0, "blockToLive": life, "memberOnlyRead": True}
        for name, life in ((SECRET, 0), ("brief", 2))
    ]))  # fmt: skip
    both = f"AND('{ONE}.peer','{TWO}.peer')"
    return [
        ChaincodeTerms(CC, both, collections=collections),
        ChaincodeTerms(OTHER, f"OR('{ONE}.peer','{TWO}.peer')"),
        ChaincodeTerms(GUARDED, both, init_required=True),
    ]


async def write(target: Path, recording: Recording, scratch: Path, peer: RealPeer) -> None:
    """Write down the blocks, the private values and some answers of a peer."""
    blocks = [await fetched(peer, number, scratch) for number in range(await peer.height())]
    lines = [f"{number} {' | '.join(notes)}" for number, notes in recording.notes.items()]
    content = b"".join(len(block).to_bytes(4, "big") + block for block in blocks)
    answers = [
        await recording.query("peek", collection, key)
        for collection, key in (
            *((SECRET, key) for key in ("there", "other", "gone", "p", "never")),
            *(("brief", key) for key in ("short", "q")),
        )
    ]
    target.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs any more
    (target / "notes.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (target / "blocks.gz").write_bytes(gzip.compress(content, mtime=0))
    values = {
        "before_purge": recording.private,
        "at_the_end": await recording.private_values(),
        "answers": answers,
    }
    (target / "private.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


async def fetched(peer: RealPeer, number: int, scratch: Path) -> bytes:
    """Return a block as the peer gives it out, with its verdicts."""
    file = scratch / f"{number}.block"
    await peer.tool("channel", "fetch", str(number), str(file), "-c", CHANNEL)
    block = file.read_bytes()
    assert Block.FromString(block).header.number == number
    return block


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
