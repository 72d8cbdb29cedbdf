"""The contract of the crash scenarios: writes that never conflict, and one that often does."""

from tallystick.chaincode import Context, Contract, query, transaction


class NotesContract(Contract):
    """Keeps notes, each under a key of its own, and counters, which everybody shares."""

    name = "notes"

    @transaction
    def write(self, ctx: Context, key: str, text: str) -> None:
        """Keep ``text`` under ``key``, whatever is there."""
        ctx.state.put(key, text.encode())

    @transaction
    def count(self, ctx: Context, counter: str) -> int:
        """Add one to ``counter`` and return what it is then."""
        value = int(ctx.state.get(counter) or b"0") + 1
        ctx.state.put(counter, str(value).encode())
        return value

    @query
    def read(self, ctx: Context, key: str) -> str:
        """Return what is kept under ``key``; empty if nothing is."""
        return (ctx.state.get(key) or b"").decode()
