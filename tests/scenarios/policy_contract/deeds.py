"""A contract whose keys choose who must endorse them."""

from tallystick.chaincode import Context, Contract, query, transaction


class Deeds(Contract):
    """Deeds by number, each with a rule of its own if somebody gave it one."""

    name = "deeds"

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> None:
        """Write a deed."""
        ctx.state.put(key, text.encode())

    @transaction
    def put_all(self, ctx: Context, keys: list[str]) -> None:
        """Write several deeds at once."""
        for key in keys:
            ctx.state.put(key, b"all")

    @transaction
    def delete(self, ctx: Context, key: str) -> None:
        """Remove a deed."""
        ctx.state.delete(key)

    @transaction
    def bind(self, ctx: Context, key: str, rule: str) -> None:
        """Let a rule decide about a deed from now on."""
        ctx.state.set_endorsement(key, rule)

    @transaction
    def bind_to(self, ctx: Context, key: str, msp_ids: list[str]) -> None:
        """Let organisations decide together about a deed from now on."""
        ctx.state.put(key, b"bound")
        ctx.state.set_endorsement(key, msp_ids)

    @transaction
    def free(self, ctx: Context, key: str) -> None:
        """Give a deed back to the chaincode's rule."""
        ctx.state.clear_endorsement(key)

    @query
    def rule_of(self, ctx: Context, key: str) -> str:
        """Return who decides about a deed."""
        return ctx.state.endorsement_of(key) or ""

    @transaction
    def hide(self, ctx: Context, collection: str, key: str) -> None:
        """Keep a secret."""
        ctx.private(collection).put(key, ctx.transient["secret"])

    @transaction
    def bind_hidden(self, ctx: Context, collection: str, key: str, msp_ids: list[str]) -> None:
        """Let organisations decide together about a secret from now on."""
        ctx.private(collection).set_endorsement(key, msp_ids)

    @query
    def rule_of_hidden(self, ctx: Context, collection: str, key: str) -> str:
        """Return who decides about a secret."""
        return ctx.private(collection).endorsement_of(key) or ""

    @transaction
    def keep_for(self, ctx: Context, msp_id: str, key: str) -> None:
        """Keep a secret in the collection that an organisation has without asking."""
        ctx.private_of(msp_id).put(key, ctx.transient["secret"])

    @transaction
    def put_here_and_in(self, ctx: Context, chaincode: str, key: str) -> None:
        """Write a deed here and another one in another chaincode."""
        ctx.state.put(key, b"here")
        ctx.invoke(chaincode, "put", key, "there")
