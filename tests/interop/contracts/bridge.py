"""A Python contract that calls chaincode written in Node, and is called by it."""

from tallystick.chaincode import Context, Contract, query, transaction


class Bridge(Contract):
    """What lies between two languages."""

    name = "bridge"

    @transaction
    def keep(self, ctx: Context, key: str, value: str) -> str:
        """Keep a value here; return whom the contract believes to serve."""
        ctx.state.put(key, value.encode())
        return f"{ctx.client.msp_id} by {ctx.entry_chaincode}"

    @transaction
    def keep_bytes(self, ctx: Context, key: str, value: bytes) -> bytes:
        """Keep a value of any bytes here, and return it."""
        ctx.state.put(key, value)
        return value

    @transaction
    def put_there(self, ctx: Context, key: str, value: str) -> None:
        """Keep a value here, and have the other chaincode keep it too."""
        ctx.state.put(key, value.encode())
        ctx.invoke("assets", "put", key, value)

    @transaction
    def refuse_there(self, ctx: Context, reason: str) -> None:
        """Ask the other chaincode for what it refuses."""
        ctx.invoke("assets", "refuse", reason)

    @query
    def get(self, ctx: Context, key: str) -> str:
        """Return a value that is kept here."""
        return (ctx.state.get(key) or b"").decode()

    @query
    def get_bytes(self, ctx: Context, key: str) -> bytes:
        """Return a value of any bytes that is kept here."""
        return ctx.state.get(key) or b""

    @query
    def whispered(self, ctx: Context) -> bytes:
        """Return the secret that came beside the arguments."""
        return ctx.transient["secret"]

    @query
    def get_there(self, ctx: Context, key: str) -> str:
        """Return a value that the other chaincode keeps."""
        return ctx.invoke("assets", "get", key).decode()
