"""What peers tell each other of private values, and whom they believe (wire.md §6, §13)."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import CHANNEL_ID, Peer, World, transaction_id_of
from tests.unit.endorsement.test_private_results import (
    SECRET_SET,
    define_with_collection,
    put_private,
    waits,
)
from tests.unit.reluctant_signer import ReluctantSigner

from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.state import PrivateSetId
from tallystick.node.ledger.version import Version
from tallystick.node.privacy.dissemination import Dissemination
from tallystick.node.privacy.node import MemberPeer, PrivacyNode, PrivateDataRefusedError
from tallystick.node.privacy.reconciliation import Reconciler, ReconciliationPace
from tallystick.node.privacy.requests import TIME_WINDOW_NS, Recipient, sign_request
from tallystick.node.privacy.service import PrivateDataService
from tallystick.node.runtime.collections import CollectionError
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
)
from tallystick.protos.peer.lifecycle.lifecycle_pb2 import ApproveChaincodeDefinitionForMyOrgArgs
from tallystick.protos.tallystick import private_data_pb2 as wire

TO_TWO = Recipient(CHANNEL_ID, "TwoMSP")


def node_of(peer: Peer, **changes: object) -> PrivacyNode:
    node = PrivacyNode(peer.msp_id, peer.signer, peer.checker, lambda: peer.now_ns)
    return replace(node, **changes)  # type: ignore[arg-type]


def push(collection: str = "vault") -> wire.Push:
    held = CollectionPvtReadWriteSet(collection_name=collection, rwset=SECRET_SET)
    namespace = NsPvtReadWriteSet(namespace="token", collection_pvt_rwset=[held])
    results = TxPvtReadWriteSet(ns_pvt_rwset=[namespace]).SerializeToString()
    return wire.Push(transaction_id="t1", private_results=results)


async def put(world: World) -> PrivateSetId:
    """Have the first peer alone endorse and keep a private value; return what it wrote."""
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    await world.commit(proposal, [response])
    assert not waits(world.one, transaction_id_of(proposal))
    version = Version(world.one.ledger.height - 1, 0)
    return PrivateSetId(version, "token", "vault")


def value_at(peer: Peer) -> bytes | None:
    found = peer.ledger.state.get_private("token", "vault", "k")
    return None if found is None else found.value


def counted_syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each sync of a store."""
    syncs: list[str] = []
    monkeypatch.setattr(MemoryStore, "sync", lambda _: syncs.append("synced"))
    return syncs


async def test_what_an_endorser_keeps_is_durable_before_it_signs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private()
    syncs = counted_syncs(monkeypatch)
    response = await world.one.endorser.process(world.call(b"put"))
    assert response.endorsement.signature
    assert syncs == ["synced"]


async def test_what_is_handed_over_is_durable_before_it_is_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await define_with_collection(world)
    syncs = counted_syncs(monkeypatch)
    await world.two.privacy.service.push(sign_request(push(), TO_TWO, node_of(world.one)))
    assert waits(world.two, "t1")
    assert syncs == ["synced"]


FULL = OSError(errno.ENOSPC, "no space left on device")
CANNOT_KEEP = (
    "this peer cannot keep the private values of transaction {}: [Errno 28] no space left on "
    "device; make room on its disk or mend it, and propose the transaction again"
)


def fill(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let no store ``write`` or ``sync`` from now on."""

    def fail(*_: object) -> None:
        raise FULL

    monkeypatch.setattr(MemoryStore, step, fail)


@pytest.mark.parametrize("step", ["write", "sync"])
async def test_what_an_endorser_cannot_keep_it_does_not_endorse(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    fill(monkeypatch, step)
    response = await world.one.endorser.process(proposal)
    assert response.response.status == 500
    assert response.response.message == CANNOT_KEEP.format(transaction_id_of(proposal))
    assert not response.endorsement.signature


@pytest.mark.parametrize("step", ["write", "sync"])
async def test_an_approval_that_cannot_be_kept_is_not_endorsed(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    args = ApproveChaincodeDefinitionForMyOrgArgs(name="token", version="1.0", sequence=1)
    proposal = world.lifecycle("ApproveChaincodeDefinitionForMyOrg", args)
    fill(monkeypatch, step)
    response = await world.one.endorser.process(proposal)
    assert response.response.message == CANNOT_KEEP.format(transaction_id_of(proposal))
    assert not response.endorsement.signature


@pytest.mark.parametrize("step", ["write", "sync"])
async def test_what_is_handed_over_and_cannot_be_kept_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await define_with_collection(world)
    request = sign_request(push(), TO_TWO, node_of(world.one))
    fill(monkeypatch, step)
    with pytest.raises(PrivateDataRefusedError) as caught:
        await world.two.privacy.service.push(request)
    assert str(caught.value) == CANNOT_KEEP.format("t1")


async def test_a_member_fetches_what_it_missed(world: World) -> None:
    """§13: reconciled later."""
    await define_with_collection(world)
    await put(world)
    assert value_at(world.two) is None
    assert await world.two.privacy.reconciler(world.two.channel).reconcile() == 1
    assert value_at(world.two) == b"secret"
    assert await world.two.privacy.reconciler(world.two.channel).reconcile() == 0


async def test_a_member_reports_what_nobody_gives_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await define_with_collection(world)
    await put(world)
    world.two.others.clear()
    reconciler = world.two.privacy.reconciler(world.two.channel)
    assert await reconciler.reconcile() == 0
    assert reconciler.report_missing() == {("token", "vault"): 1}
    assert "1 private sets of collection vault of chaincode token are missing here" in caplog.text
    assert world.three.privacy.reconciler(world.three.channel).report_missing() == {}


async def test_who_is_no_member_fetches_nothing(world: World) -> None:
    await define_with_collection(world)
    place = await put(world)
    assert await world.three.privacy.reconciler(world.three.channel).reconcile() == 0
    wanted = wire.PrivateSetId(
        block_number=place.version.block_number, namespace="token", collection="vault"
    )
    request = sign_request(
        wire.Fetch(sets=[wanted]), Recipient(CHANNEL_ID, "OneMSP"), node_of(world.three)
    )
    assert not (await world.one.privacy.service.fetch(request)).sets


async def test_a_member_whose_key_does_not_sign_fetches_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await define_with_collection(world)
    await put(world)
    two = world.two
    (member,) = [each for each in two.others if each.msp_id == "OneMSP"]
    node = node_of(two, signer=ReluctantSigner(two.signer, refusals=1))
    pace = ReconciliationPace(60.0, 1.0)
    reconciler = Reconciler(two.channel, node, lambda _: [member], Random(0), pace)
    assert await reconciler.reconcile() == 0
    assert "onemsp of OneMSP is asked for nothing: the token was taken out" in caplog.text
    assert await reconciler.reconcile() == 1


async def test_what_cannot_be_handed_over_for_want_of_a_signature_is_kept_by_nobody(
    outcome: Outcome, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """§13: required_peer_count."""
    await define_with_collection(world, required_peer_count=1, maximum_peer_count=1)
    one = world.one
    node = node_of(one, signer=ReluctantSigner(one.signer, refusals=1))
    dissemination = Dissemination(node, lambda _: one.others[:], Random(0), timeout_s=1.0)
    results = push().private_results
    with outcome.refuses(
        CollectionError,
        leaves=State("the other peer keeps nothing", lambda: waits(world.two, "t1")),
        match="fewer than 1 members keep a copy",
    ):
        await dissemination.keep(one.channel, "t1", results)
    assert "twomsp of TwoMSP is handed nothing: the token was taken out" in caplog.text
    await dissemination.keep(one.channel, "t1", results)
    assert waits(world.two, "t1")


async def test_a_peer_that_cannot_sign_for_what_it_was_handed_says_so(
    outcome: Outcome, world: World
) -> None:
    await define_with_collection(world, required_peer_count=1, maximum_peer_count=1)
    one, two = world.one, world.two
    signer = ReluctantSigner(two.signer, refusals=1)
    service = PrivateDataService({CHANNEL_ID: two.channel}.get, node_of(two, signer=signer))
    request = sign_request(push(), TO_TWO, node_of(one))
    with outcome.refuses(
        PrivateDataRefusedError,
        leaves=State("the ledger is as it was", lambda: two.ledger.height),
        match="cannot be acknowledged: the token was",
    ):
        await service.push(request)
    assert (await service.push(request)).peer == two.signer.identity


class Forger:
    """A connection to a member that answers with something else."""

    async def push(self, request: wire.SignedRequest) -> wire.Acknowledgement:  # noqa: ARG002
        raise PrivateDataRefusedError("no")

    async def fetch(self, request: wire.SignedRequest) -> wire.PrivateSets:
        wanted = wire.Request.FromString(request.request).fetch.sets
        forged = SECRET_SET.replace(b"secret", b"forged")
        return wire.PrivateSets(
            sets=[wire.PrivateSet(id=each, private_set=forged) for each in wanted]
        )


async def test_what_differs_from_the_hash_on_the_ledger_is_not_taken(world: World) -> None:
    """§13: verified against the hash, and then somebody else is asked."""
    await define_with_collection(world)
    await put(world)
    forger = MemberPeer("OneMSP", "forger", Forger())
    honest = world.two.others[:]
    world.two.others[:] = [forger]
    reconciler = world.two.privacy.reconciler(world.two.channel)
    assert await reconciler.reconcile() == 0
    assert value_at(world.two) is None
    world.two.others[:] = [forger, *honest]
    assert await reconciler.reconcile() == 1
    assert value_at(world.two) == b"secret"


async def test_only_sets_from_a_block_on_are_asked_for(world: World) -> None:
    await define_with_collection(world)
    place = await put(world)
    reconciler = world.two.privacy.reconciler(world.two.channel)
    assert await reconciler.reconcile(place.version.block_number + 1) == 0
    assert await reconciler.reconcile(place.version.block_number) == 1


class LateMember:
    """A connection to a member that has not committed the block yet when it is asked first."""

    def __init__(self, member: MemberPeer, refusals: int) -> None:
        self._connection = member.connection
        self._refusals = refusals

    async def push(self, request: wire.SignedRequest) -> wire.Acknowledgement:
        return await self._connection.push(request)

    async def fetch(self, request: wire.SignedRequest) -> wire.PrivateSets:
        if self._refusals:
            self._refusals -= 1
            raise PrivateDataRefusedError("not yet")
        return await self._connection.fetch(request)


class OneNewBlock:
    """Tells of one block that was committed, and of no other."""

    def __init__(self, height: int) -> None:
        self.height = height - 1

    async def wait_for(self, height: int) -> None:
        if self.height == height - 1 and not self._told:
            self.height, self._told = height, True
            return
        await asyncio.Event().wait()

    _told = False


async def test_what_nobody_had_of_a_new_block_is_soon_asked_for_again(world: World) -> None:
    """§13: peers commit a block at different moments."""
    await define_with_collection(world)
    await put(world)
    (member,) = [each for each in world.two.others if each.msp_id == "OneMSP"]
    late = LateMember(member, refusals=2)  # the first round, and the news of the block
    world.two.others[:] = [MemberPeer("OneMSP", "late", late)]
    reconciler = world.two.privacy.reconciler(world.two.channel)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reconciler.run(OneNewBlock(world.two.ledger.height)))
        while value_at(world.two) is None:  # noqa: ASYNC110 -- a commit of it tells nobody
            await asyncio.sleep(0.01)
        running.cancel()
    assert value_at(world.two) == b"secret"


def stranger(world: World) -> wire.SignedRequest:
    request = sign_request(push(), TO_TWO, node_of(world.one))
    return wire.SignedRequest(
        request=request.request, signature=world.three.signer.sign(request.request)
    )


def client(world: World) -> wire.SignedRequest:
    signer = world.keys.organizations["OneMSP"].client
    return sign_request(push(), TO_TWO, node_of(world.one, signer=signer))


def late(world: World) -> wire.SignedRequest:
    now_ns = world.two.now_ns - TIME_WINDOW_NS - 1
    return sign_request(push(), TO_TWO, node_of(world.one, clock=lambda: now_ns))


REFUSED: dict[str, tuple[Callable[[World], wire.SignedRequest], str]] = {
    "signed by somebody else": (stranger, "did not sign"),
    "made by a client": (client, "is no peer"),
    "late": (late, "the time of the request is off"),
    "meant for somebody else": (
        lambda world: sign_request(push(), Recipient(CHANNEL_ID, "OneMSP"), node_of(world.one)),
        "this is a peer of TwoMSP, not OneMSP",
    ),
    "of another channel": (
        lambda world: sign_request(push(), Recipient("other", "TwoMSP"), node_of(world.one)),
        "channel 'other' not found",
    ),
    "for a collection of others": (
        lambda world: sign_request(push("other"), TO_TWO, node_of(world.one)),
        "no member of collection other",
    ),
    "malformed": (lambda _: wire.SignedRequest(request=b"\xff"), "tallystick.Request"),
}


@pytest.mark.parametrize(("request_of", "reason"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_request_between_peers_for_private_values_is_refused(
    outcome: Outcome, world: World, request_of: Callable[[World], wire.SignedRequest], reason: str
) -> None:
    await define_with_collection(world)
    with outcome.refuses(
        PrivateDataRefusedError,
        leaves=State("nothing waits to be stored", lambda: waits(world.two, "t1")),
        match=reason,
    ):
        await world.two.privacy.service.push(request_of(world))
    assert not waits(world.two, "t1")


async def test_a_peer_of_another_member_is_believed(world: World) -> None:
    await define_with_collection(world)
    request = sign_request(push(), TO_TWO, node_of(world.one))
    answer = await world.two.privacy.service.push(request)
    assert answer.peer == world.two.signer.identity
    assert waits(world.two, "t1")


@pytest.mark.parametrize(("msp_id", "sees"), [("TwoMSP", True), ("ThreeMSP", False)])
async def test_readers_of_blocks_see_what_their_organisation_may(
    world: World, msp_id: str, *, sees: bool
) -> None:
    """§6, BlockAndPrivateData."""
    await define_with_collection(world)
    place = await put(world)
    reader = world.one.channel.config.msps.identity(
        world.keys.organizations[msp_id].client.identity
    )
    number = place.version.block_number
    found = world.one.privacy.readers.readable(CHANNEL_ID, number, reader)
    if not sees:
        assert found == {}
        return
    (namespace,) = found[0].ns_pvt_rwset
    (held,) = namespace.collection_pvt_rwset
    assert (namespace.namespace, held.collection_name) == ("token", "vault")
    assert held.rwset == SECRET_SET


async def test_values_expire_as_the_definition_says(world: World) -> None:
    """§13, Expiry: block_to_live comes from the definition that is in force."""
    await define_with_collection(world, block_to_live=1)
    place = await put(world)
    assert value_at(world.one) == b"secret"
    for _ in range(2):
        assert value_at(world.one) == b"secret"
        world.one.runtime.act = lambda each: each.put_state("token", "public", b"x")
        proposal = world.call(b"other")
        await world.commit(proposal, [await world.one.endorser.process(proposal)])
    assert world.one.ledger.height - 1 == place.version.block_number + 1 + 1
    assert value_at(world.one) is None
