"""What would lift each reason for which rules refuse a movement."""

from collections.abc import Mapping
from types import MappingProxyType

CURES: Mapping[str, str] = MappingProxyType(
    {
        "SECURITY_PAUSED": "Whoever paused the security, or the regulator, resumes it.",
        "RULES_MISSING": "The register's keeper binds rules or requirements to the security.",
        "SENDER_NOT_VERIFIED": "A trusted issuer makes the missing claim about the sender anew.",
        "RECEIVER_NOT_VERIFIED": "A trusted issuer makes the missing claim about the receiver.",
        "SENDER_FROZEN": "Whoever froze the sender's holding unfreezes it.",
        "RECEIVER_FROZEN": "Whoever froze the receiver's holding unfreezes it.",
        "SENDER_NOT_ELIGIBLE": "A trusted issuer makes or ends the claim that the rule names.",
        "RECEIVER_NOT_ELIGIBLE": "A trusted issuer makes or ends the claim that the rule names.",
        "RECEIVER_NOT_WILLING": "The receiver accepts the security, by its signature or mandate.",
        "RESIDENCE_UNKNOWN": "A trusted issuer attests where the holder resides.",
        "RESIDENCE_BARRED": "Another counterparty: the rule bars the country, not the person.",
        "PRODUCT_UNSUITABLE": "A new risk profile of the receiver, at the product's risk class.",
        "PRODUCT_NOT_CLASSED": "The issuer or the register's keeper lists it, with its class.",
        "CONFIRMATION_STALE": "The claim's issuer confirms it anew.",
        "DISCLOSURE_OVERDUE": "The issuer publishes the document, or its next version.",
        "VENUE_REQUIRED": "Trade at an admitted venue, or have the transfer agent approve a gift.",
        "VENUE_NOT_ADMITTED": "Trade at an admitted venue.",
        "VENUE_NOT_LICENSED": "Trade at a venue that is licensed where the investor resides.",
        "APPROVAL_MISSING": "The approvers that are missing approve the transfer beforehand.",
        "LOT_LOCKED": "Wait for the moment named, or send units that are free.",
        "RESALE_RESTRICTED": "Wait for the moment named, or sell to whom the rule admits.",
        "HOLDING_ABOVE_LIMIT": "Send no more than the receiver may still take.",
        "HOLDING_BELOW_MINIMUM": "Send all, or leave and bring at least the minimum.",
        "FULL_EXIT_ONLY": "Send the whole holding.",
        "HOLDERS_TOO_MANY": "Wait until a holder leaves, or sell to one who holds already.",
        "VOLUME_EXCEEDED": "Wait until earlier sales leave the window, or send less.",
        "RAISE_EXCEEDED": "Issue less, or wait until earlier issues leave the window.",
        "SECONDARY_EXCEEDED": "Sell less, or wait until the issuer has sold more.",
        "PURCHASERS_TOO_MANY": "Issue to one who is not counted, or has bought already.",
        "INVESTMENT_EXCEEDED": "Issue less, or wait until earlier purchases leave the window.",
        "ALLOWANCE_MISSING": "The holder allows the draw, in its scope.",
        "ALLOWANCE_EXPIRED": "The holder allows it anew.",
        "ALLOWANCE_EXCEEDED": "Draw no more than is left, or have the holder allow more.",
        "INSUFFICIENT_AVAILABLE": "Send no more than is available, or free what is held.",
        "LOTS_TOO_FEW": "Name lots or a tranche that hold enough, or none.",
        "HOLDING_TOO_LARGE": "Send no more than the receiver's row can hold.",
        "GRANULARITY_MISSED": "Send a multiple of the security's granularity.",
    }
)
"""By the code of the reason."""


def cure_of(code: str) -> str | None:
    """Return what would lift a reason, or None when nothing that the parties can do would."""
    return CURES.get(code)
