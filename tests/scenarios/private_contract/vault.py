"""A contract that keeps secrets of two organisations."""

from tallystick.chaincode import Context, Contract, query, transaction


class Vault(Contract):
    """Secrets by key, each in a collection that the caller names."""

    name = "vault"

    @transaction
    def put(self, ctx: Context, collection: str, key: str) -> None:
        """Keep the secret that came outside the transaction."""
        ctx.private(collection).put(key, ctx.transient["secret"])

    @transaction
    def purge(self, ctx: Context, collection: str, key: str) -> None:
        """Forget a secret for good."""
        ctx.private(collection).purge(key)

    @transaction
    def note(self, ctx: Context, text: str) -> None:
        """Write something that everybody may read."""
        ctx.state.put("note", text.encode())

    @query
    def get(self, ctx: Context, collection: str, key: str) -> str:
        """Return a secret."""
        return (ctx.private(collection).get(key) or b"").decode()

    @query
    def keys(self, ctx: Context, collection: str) -> list[str]:
        """Return the keys of all secrets."""
        return [key for key, _ in ctx.private(collection).range("", "")]

    @query
    def digest(self, ctx: Context, collection: str, key: str) -> str:
        """Return the hash of a secret."""
        return (ctx.private(collection).hash(key) or b"").hex()
