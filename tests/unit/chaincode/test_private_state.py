"""Private data as authors see it."""

from hashlib import sha256

import pytest

from tallystick.chaincode import Context, Contract, PrivateState, Refusal, transaction
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.testing import make_client
from tallystick.chaincode.testing.stub import MemoryStub

CLIENT = make_client("OneMSP")


def committed(**rows: bytes) -> MemoryStub:
    stub = MemoryStub.alone(CLIENT)
    for key, value in rows.items():
        stub.put_private_data("vault", key, value)
    stub.commit()
    return stub


def test_reads_see_the_writes_of_the_same_call() -> None:
    state = PrivateState(committed(k=b"old", gone=b"old"), "vault")
    state.put("k", b"new")
    state.delete("gone")
    assert state.get("k") == b"new"
    assert state.get("gone") is None
    assert state.get("absent") is None


def test_nothing_is_written_before_the_call_has_succeeded() -> None:
    stub = committed()
    state = PrivateState(stub, "vault")
    state.put("k", b"new")
    assert stub.writes.private == {}
    state.flush()
    assert stub.writes.private == {("vault", "k"): b"new"}


class Closed(MemoryStub):
    """Refuses private writes, as a peer may when the call has ended."""

    def put_private_data(self, collection: str, key: str, value: bytes) -> None:  # noqa: ARG002
        raise Refusal("REQUEST_REFUSED", f"{collection} is for members")


class Both(Contract):
    name = "both"

    @transaction
    def write(self, ctx: Context) -> None:
        ctx.state.put("k", b"public")
        ctx.private("vault").put("k", b"private")


def test_a_refused_private_write_leaves_no_public_one_to_a_caller_that_goes_on() -> None:
    stub = Closed.alone(CLIENT, b"write")
    assert ContractChaincode(Both()).invoke(stub).message == (
        "REQUEST_REFUSED: vault is for members"
    )
    assert stub.writes.values == {}


class Recorder(MemoryStub):
    """Notes how keys are removed."""

    removed: list[tuple[str, str]]

    def del_private_data(self, collection: str, key: str) -> None:  # noqa: ARG002
        self.removed.append(("delete", key))

    def purge_private_data(self, collection: str, key: str) -> None:  # noqa: ARG002
        self.removed.append(("purge", key))


def test_a_purge_is_more_than_a_deletion() -> None:
    stub = Recorder.alone(CLIENT)
    stub.removed = []
    state = PrivateState(stub, "vault")
    state.purge("all")
    state.delete("value")
    state.purge("again")
    state.put("again", b"new")
    state.flush()
    assert stub.removed == [("purge", "all"), ("delete", "value")]


def test_the_hash_is_that_of_the_committed_value() -> None:
    state = PrivateState(committed(k=b"old"), "vault")
    state.put("k", b"new")
    assert state.hash("k") == sha256(b"old").digest()
    assert state.hash("absent") is None


def test_a_range_has_the_rows_of_one_collection_in_order() -> None:
    stub = committed(b=b"2", a=b"1", c=b"3")
    stub.put_private_data("other", "a", b"else")
    stub.commit()
    assert list(PrivateState(stub, "vault").range("a", "c")) == [("a", b"1"), ("b", b"2")]


def test_a_transaction_cannot_read_a_private_range_and_write() -> None:
    """§9.3, refused mixes."""
    stub = committed(a=b"1")
    list(PrivateState(stub, "vault").range("", ""))
    with pytest.raises(Refusal, match="WRITE_AFTER_PAGE"):
        stub.put_private_data("vault", "b", b"2")
    writing = committed(a=b"1")
    writing.put_private_data("vault", "b", b"2")
    with pytest.raises(Refusal, match="RANGE_AFTER_WRITE"):
        PrivateState(writing, "vault").range("", "")


@pytest.mark.parametrize("operation", ["put", "delete", "purge"])
def test_a_query_does_not_write(operation: str) -> None:
    state = PrivateState(committed(), "vault", read_only=True)
    arguments = ("k", b"v") if operation == "put" else ("k",)
    with pytest.raises(Refusal, match="WRITE_IN_QUERY"):
        getattr(state, operation)(*arguments)


def test_an_empty_value_must_be_a_deletion() -> None:
    with pytest.raises(Refusal, match="INVALID_KEY"):
        PrivateState(committed(), "vault").put("k", b"")
