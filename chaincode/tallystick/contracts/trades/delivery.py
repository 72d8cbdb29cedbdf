"""What the token and the cash contract are told to do: one instruction each in a transaction.

Both legs of a trade change in one transaction or not at all; so do those of many trades at once.
"""

from tallystick.chaincode import Context
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.trades.models import TradeTerms


def lock(ctx: Context, terms: TradeTerms) -> None:
    """Lock the seller's units and the buyer's money."""
    _instruct(ctx, "lock", terms, terms.venue)


def deliver(ctx: Context, terms: TradeTerms) -> None:
    """Deliver the units to the buyer and the money to the seller."""
    _instruct(ctx, "deliver", terms, terms.venue)


def release(ctx: Context, terms: TradeTerms) -> None:
    """Give up what is locked for a trade."""
    _instruct(ctx, "release", terms)


def _instruct(ctx: Context, function: str, terms: TradeTerms, *more: str) -> None:
    """Let token and cash do the same to their leg of a trade; token is told ``more``.

    What one chaincode says to another is not part of the transaction, so terms and salt may be said
    here.
    """
    ctx.invoke(Chaincode.TOKEN, function, [terms.delivery], *more)
    ctx.invoke(Chaincode.CASH, function, [terms.payment], terms.salt)
