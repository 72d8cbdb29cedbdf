"""A contract with next to no rules of its own: what is left is the cost of the ledger itself."""

from tallystick.chaincode import Context, Contract, query, transaction


class KeyValueContract(Contract):
    """Keys and values."""

    name = "keyvalue"

    @transaction
    def put(self, ctx: Context, key: str, value: str) -> None:
        """Write a value without looking at what was there."""
        ctx.state.put(key, value.encode())

    @transaction
    def fill(self, ctx: Context, keys: list[str], value: str) -> None:
        """Write a value under many keys."""
        for key in keys:
            ctx.state.put(key, value.encode())

    @transaction
    def increment(self, ctx: Context, key: str) -> int:
        """Add one to a counter; those who do so at the same time conflict."""
        count = int(ctx.state.get(key) or b"0") + 1
        ctx.state.put(key, str(count).encode())
        return count

    @query
    def get(self, ctx: Context, key: str) -> str:
        """Return a value; empty if there is none."""
        return (ctx.state.get(key) or b"").decode()
