"""The contract of the refusal scenarios."""

from collections.abc import Mapping

from tallystick.chaincode import Context, Contract, transaction


class NotesContract(Contract):
    """Keeps notes, each under a key of its own."""

    name = "notes"

    @transaction
    def write(self, ctx: Context, key: str, text: str) -> Mapping[str, str]:
        """Keep ``text`` under ``key``, whatever is there, and return both."""
        ctx.state.put(key, text.encode())
        return {key: text}
