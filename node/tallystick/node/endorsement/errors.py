"""What an endorser raises."""

from tallystick.node.errors import LedgerError


class ProposalRefusedError(LedgerError):
    """A proposal did not get as far as the chaincode; the text is for its client.

    Callers on the wire see the failure of the call itself, with status ``UNKNOWN`` and this text.
    Source: wire.md §4, the rows whose surface is an RPC error.
    """
