"""A contract that does to the ledger whatever its caller says, so that tests can say it."""

from tallystick.chaincode import Context, Contract, DomainEvent, query, transaction
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope


class Announced(DomainEvent):
    """Something was said."""

    kind = "probe.Announced"
    what: str


class ProbeContract(Contract):
    """Every kind of access, one function each."""

    name = "probe"

    @transaction
    def put(self, ctx: Context, key: str, value: str) -> None:
        """Write without reading."""
        ctx.state.put(key, value.encode())

    @transaction
    def fill(self, ctx: Context, prefix: str, count: int) -> None:
        """Write many rows."""
        for number in range(count):
            ctx.state.put(f"{prefix}{number:05}", f"value {number}".encode())

    @transaction
    def append(self, ctx: Context, key: str, text: str) -> None:
        """Read a row, then write it."""
        ctx.state.put(key, (ctx.state.get(key) or b"") + text.encode())

    @transaction
    def announce(self, ctx: Context, what: str) -> str:
        """Emit an event and return what it says."""
        ctx.emit(Announced(what=what))
        return what

    @transaction
    def remove(self, ctx: Context, key: str) -> None:
        """Delete a row that is there."""
        if ctx.state.get(key) is not None:
            ctx.state.delete(key)

    @transaction
    def count(self, ctx: Context, start: str, end: str, target: str) -> int:
        """Write how many rows a range has."""
        found = sum(1 for _ in ctx.state.range(start, end))
        ctx.state.put(target, str(found).encode())
        return found

    @transaction
    def protect(self, ctx: Context, key: str, policy: str) -> None:
        """Give a row a policy of its own: a SignaturePolicyEnvelope in hex."""
        SignaturePolicyEnvelope.FromString(bytes.fromhex(policy))
        ctx.stub.put_state_metadata(key, "VALIDATION_PARAMETER", bytes.fromhex(policy))

    @transaction
    def hide(self, ctx: Context, collection: str, key: str) -> None:
        """Write the transient value into a collection."""
        ctx.private(collection).put(key, ctx.transient["value"])

    @transaction
    def replace(self, ctx: Context, collection: str, key: str) -> None:
        """Read a private value, then write the transient one."""
        ctx.private(collection).get(key)
        ctx.private(collection).put(key, ctx.transient["value"])

    @transaction
    def reveal(self, ctx: Context, collection: str, key: str, target: str) -> None:
        """Write the hash of a private value in public."""
        found = ctx.stub.get_private_data_hash(collection, key)
        ctx.state.put(target, found.hex().encode() if found else b"nothing")

    @transaction
    def forget(self, ctx: Context, collection: str, key: str) -> None:
        """Delete a private value and its past."""
        ctx.private(collection).purge(key)

    @transaction
    def call(self, ctx: Context, chaincode: str, key: str, value: str) -> None:
        """Write here and in another chaincode."""
        ctx.state.put(key, value.encode())
        ctx.invoke(chaincode, "put", key, value)

    @query
    def peek(self, ctx: Context, collection: str, key: str) -> str:
        """Return a private value, or nothing."""
        return (ctx.private(collection).get(key) or b"").decode()

    @query
    def get(self, ctx: Context, key: str) -> str:
        """Return a row, or nothing."""
        return (ctx.state.get(key) or b"").decode()
