"""Rules of single keys as authors give them (wire.md §12, §14.3)."""

import pytest

from tallystick.chaincode import Context, Contract, PrivateState, Refusal, State, query, transaction
from tallystick.chaincode.testing import MemoryLedger, make_client
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope
from tallystick.wire.policies import all_peers, describe, parse_policy

CLIENT = make_client("OneMSP")
RULE = "AND('OneMSP.peer', 'TwoMSP.peer')"


def committed() -> MemoryStub:
    """Return a stub of a state with one public and one private key."""
    stub = MemoryStub.alone(CLIENT)
    stub.put_state("k", b"1")
    stub.put_private_data("vault", "k", b"1")
    stub.commit()
    return stub


def states(stub: MemoryStub) -> list[State | PrivateState]:
    return [State(stub), PrivateState(stub, "vault")]


@pytest.mark.parametrize("place", [0, 1], ids=["public", "private"])
@pytest.mark.parametrize(
    ("rule", "found"),
    [
        pytest.param(RULE, RULE, id="in words"),
        pytest.param(["TwoMSP", "OneMSP", "TwoMSP"], RULE, id="organisations, sorted, once"),
        pytest.param(("OneMSP",), "OR('OneMSP.peer')", id="one organisation"),
    ],
)
def test_a_rule_is_kept_and_read_back(place: int, rule: str | list[str], found: str) -> None:
    stub = committed()
    state = states(stub)[place]
    assert state.endorsement_of("k") is None
    state.set_endorsement("k", rule)
    assert state.endorsement_of("k") == found, "in the same call"
    assert not any((stub.writes.metadata, stub.writes.private_metadata)), "not before it succeeds"
    state.flush()
    stub.commit()
    assert states(stub)[place].endorsement_of("k") == found


@pytest.mark.parametrize("place", [0, 1], ids=["public", "private"])
def test_a_rule_is_cleared(place: int) -> None:
    stub = committed()
    state = states(stub)[place]
    state.set_endorsement("k", RULE)
    state.flush()
    stub.commit()
    state = states(stub)[place]
    state.clear_endorsement("k")
    assert state.endorsement_of("k") is None
    state.flush()
    stub.commit()
    assert states(stub)[place].endorsement_of("k") is None


@pytest.mark.parametrize("place", [0, 1], ids=["public", "private"])
def test_a_rule_goes_with_its_key_and_stays_with_none(place: int) -> None:
    """§10, §13: deletion takes the metadata; where there is no key there is none."""
    stub = committed()
    state = states(stub)[place]
    state.set_endorsement("k", RULE)
    state.set_endorsement("absent", RULE)
    state.flush()
    stub.commit()
    assert states(stub)[place].endorsement_of("absent") is None
    state = states(stub)[place]
    state.delete("k")
    state.flush()
    stub.commit()
    state = states(stub)[place]
    state.put("k", b"2")
    state.flush()
    stub.commit()
    assert states(stub)[place].endorsement_of("k") is None


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        pytest.param("'OneMSP.peer'", "at character 1", id="no gate"),
        pytest.param("AND('OneMSP.boss')", "at character 5", id="no role"),
        pytest.param([], "clear_endorsement", id="nobody"),
    ],
)
def test_a_rule_without_a_meaning_is_refused(rule: str | list[str], problem: str) -> None:
    for state in states(committed()):
        with pytest.raises(Refusal, match=f"INVALID_ENDORSEMENT_RULE: .*{problem}"):
            state.set_endorsement("k", rule)


def test_a_rule_that_another_library_left_without_a_meaning_is_told() -> None:
    stub = committed()
    stub.put_state_metadata("k", "VALIDATION_PARAMETER", b"\xff")
    stub.commit()
    with pytest.raises(Refusal, match="cannot be read"):
        State(stub).endorsement_of("k")


def test_the_bytes_of_a_list_are_those_of_the_same_rule_in_words() -> None:
    """§14.1: principals numbered in the order of the organisations' names."""
    assert all_peers(["B", "A"]) == parse_policy("AND('A.peer', 'B.peer')")
    encoded = all_peers(["With_Underscore"]).SerializeToString()
    assert describe(SignaturePolicyEnvelope.FromString(encoded)) == "OR('With_Underscore.peer')"


class Bound(Contract):
    name = "bound"

    @transaction
    def put(self, ctx: Context, key: str) -> None:
        ctx.state.put(key, b"1")
        ctx.state.set_endorsement(key, [ctx.client.msp_id])
        ctx.private_of("OneMSP").put(key, b"1")

    @query
    def rule(self, ctx: Context, key: str) -> str:
        return ctx.state.endorsement_of(key) or ""

    @query
    def cheat(self, ctx: Context, key: str) -> None:
        ctx.state.clear_endorsement(key)

    @query
    def mine(self, ctx: Context, key: str) -> str:
        return (ctx.private("_implicit_org_OneMSP").get(key) or b"").decode()


def test_a_ledger_in_memory_keeps_rules_and_organisations_own_collections() -> None:
    ledger = MemoryLedger({"bound": Bound()}, client=CLIENT)
    ledger.invoke("bound", "put", "k")
    assert ledger.invoke("bound", "rule", "k").text == "OR('OneMSP.peer')"
    assert ledger.invoke("bound", "mine", "k").text == "1"


def test_a_query_gives_no_rules() -> None:
    ledger = MemoryLedger({"bound": Bound()}, client=CLIENT)
    with pytest.raises(Refusal, match=r"WRITE_IN_QUERY: clear_endorsement\('k'\)"):
        ledger.invoke("bound", "cheat", "k")
