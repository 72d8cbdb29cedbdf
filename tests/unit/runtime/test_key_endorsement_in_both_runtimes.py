"""Rules of single keys become the same bytes in either runtime (§9.3, §10).

One stub reaches the simulator directly; the other one speaks the messages of the shim, one by one
or in batches.
"""

from collections.abc import Callable, Iterator

import pytest

from tallystick.chaincode import Context
from tallystick.chaincode.endorsement import encode_rule
from tallystick.chaincode.shim.session import Offer
from tallystick.chaincode.shim.stub import ShimStub
from tallystick.chaincode.stub import ChaincodeStub
from tallystick.chaincode.testing import make_client
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.rwset import VALIDATION_PARAMETER, encode_metadata, parse_results
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.embedded_stub import EmbeddedStub, EmbeddedTransaction
from tallystick.node.runtime.runtime import Invocation
from tallystick.node.runtime.shim_requests import RunningCall
from tallystick.protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVMetadataEntry
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInput
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.proposal_pb2 import Proposal, SignedProposal
from tallystick.wire.hashing import sha256

ALICE = make_client("OneMSP", "alice")
OWN = "_implicit_org_OneMSP"
RULE = "OR('OneMSP.peer')"


class NoHistory:
    def modifications(self, _namespace: str, _key: str) -> Iterator[KeyModification]:
        return iter(())


def simulator() -> Simulator:
    """Return a simulator on a state in which two keys have rules."""
    entry = KVMetadataEntry(name=VALIDATION_PARAMETER, value=encode_rule(RULE))
    updates, metadata = UpdateBatch(), encode_metadata([entry])
    updates.put("cc", "bound", b"1", Version(1, 0), metadata)
    updates.put_hash("cc", OWN, sha256(b"bound"), sha256(b"1"), Version(1, 0), metadata)
    store = MemoryStore()
    store.write(state_entries(updates))
    return Simulator(LedgerState(store), NoHistory(), "t1")


def invocation(on: Simulator) -> Invocation:
    header = Header(
        channel_header=ChannelHeader(channel_id="ch", tx_id="t1").SerializeToString(),
        signature_header=SignatureHeader(creator=ALICE.creator).SerializeToString(),
    )
    proposal = Proposal(header=header.SerializeToString()).SerializeToString()
    return Invocation(
        channel_id="ch",
        transaction_id="t1",
        chaincode="cc",
        args=[b"f"],
        is_init=False,
        transient={},
        creator=ALICE.creator,
        timestamp_ns=7,
        entry_chaincode="cc",
        signed_proposal=SignedProposal(proposal_bytes=proposal),
        simulator=on,
        resolve=lambda _: None,
    )


def directly(on: Simulator) -> tuple[ChaincodeStub, Callable[[], None]]:
    def find(name: str) -> object:
        raise AssertionError(name)

    transaction = EmbeddedTransaction(invocation(on), find)  # type: ignore[arg-type]
    return EmbeddedStub(transaction, "cc", [b"f"]), lambda: None


def over_the_shim(offer: Offer) -> Callable[[Simulator], tuple[ChaincodeStub, Callable[[], None]]]:
    def connect(on: Simulator) -> tuple[ChaincodeStub, Callable[[], None]]:
        call = invocation(on)
        running = RunningCall(call)
        begin = ChaincodeMessage(
            channel_id="ch",
            txid="t1",
            proposal=call.signed_proposal,
            payload=ChaincodeInput(args=[b"f"]).SerializeToString(),
        )
        stub = ShimStub(begin, running.answer, offer)
        return stub, stub.finish

    return connect


WAYS = {
    "embedded": directly,
    "one by one": over_the_shim(Offer()),
    "in batches": over_the_shim(Offer(write_batch=2)),
}


def act(stub: ChaincodeStub) -> list[str | None]:
    """Read and change rules of public and of private keys."""
    context = Context(stub)
    found = []
    for rows in (context.state, context.private_of("OneMSP")):
        found += [rows.endorsement_of("bound"), rows.endorsement_of("free")]
        rows.put("new", b"2")
        rows.set_endorsement("new", ["TwoMSP", "OneMSP"])
        rows.clear_endorsement("bound")
    context.finish()
    return found


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_rules_of_keys_are_written_alike(
    way: Callable[[Simulator], tuple[ChaincodeStub, Callable[[], None]]],
) -> None:
    reference, on = simulator(), simulator()
    act(directly(reference)[0])
    stub, finish = way(on)
    assert act(stub) == [RULE, None, RULE, None]
    finish()
    done = on.done()
    assert done == reference.done()
    (namespace,) = [
        each for each in parse_results(done.public).namespaces if each.namespace == "cc"
    ]
    (collection,) = namespace.collections
    written = {change.key: change.entries[0].value for change in namespace.metadata_writes}
    assert written == {"bound": b"", "new": encode_rule("AND('OneMSP.peer', 'TwoMSP.peer')")}
    assert len(collection.metadata_writes) == len(written)
    bound = [each for each in done.touched if each.writes]
    assert [each.key_policies for each in bound] == [(encode_rule(RULE),)] * len(bound)
