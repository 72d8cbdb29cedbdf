"""What identities sign: subscriptions."""

from tallystick.contracts.models import Identifier, Quantity, Salt, Sha256Hex
from tallystick.contracts.statements.base import Statement


class SubscriptionOrder(Statement):
    """I order units in an offering, and pay for what is allotted.

    Attributes:
        subscription: Id of the order, unique in its offering for ever; it is public.
        terms_hash: Of the offering's terms: SHA-256 of their canonical JSON, in hex.
        intermediary: MSP of the participant through which it is ordered, in whose collection the
            order lies.
        signer: Who orders: the investor, or the identity of the intermediary for a client.
        holder: Who gets the units: the signer, a sub-account of it, or a client.
        payer: Whose money pays.
        quantity: Units ordered; fewer may be allotted.
        fee_schedule_version: Of the intermediary's fees, which the payer pays beside the price;
            None when the intermediary has published none, and takes nothing.
        client: Pseudonym by which the intermediary knows the client; None without one.
        salt: Random: without it, guessed orders could be tried on the hash.
    """

    contract = "settlement"
    kind = "subscribe"

    offering: Identifier
    subscription: Identifier
    terms_hash: Sha256Hex
    intermediary: Identifier
    signer: Identifier
    holder: Identifier
    payer: Identifier
    quantity: Quantity
    fee_schedule_version: Quantity | None = None
    client: Identifier | None = None
    salt: Salt


class SubscriptionCancelled(Statement):
    """I no longer want what I ordered in an offering."""

    contract = "settlement"
    kind = "cancel_subscription"

    offering: Identifier
    subscription: Identifier
    signer: Identifier
