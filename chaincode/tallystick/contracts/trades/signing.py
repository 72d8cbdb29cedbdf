"""Signatures of the parties of a trade, judged without telling strangers who the parties are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tallystick.chaincode import Refusal
from tallystick.contracts.reasons import AccessReason, IdentityReason, TradeReason
from tallystick.contracts.statements import Side

_OF_SIGNATURES: Final = frozenset(
    reason.name
    for reason in (
        AccessReason.INTENT_EXPIRED,
        AccessReason.INTENT_ALREADY_USED,
        AccessReason.INTENT_KEY_UNKNOWN,
        AccessReason.INTENT_SIGNATURE_INVALID,
        AccessReason.SIGNATURES_TOO_FEW,
        IdentityReason.IDENTITY_UNKNOWN,
    )
)


@contextmanager
def without_names(trade: str, side: Side) -> Iterator[None]:
    """Let the refusal of a signature say why, and not whose it should have been.

    Anybody may submit what a party has signed, and so anybody may try.

    Raises:
        Refusal: SIDE_NOT_SIGNED in place of the reasons about signatures, which name the signer.
    """
    try:
        yield
    except Refusal as refusal:
        if refusal.code not in _OF_SIGNATURES:
            raise
        raise TradeReason.SIDE_NOT_SIGNED.refusal(
            trade=trade, side=side, why=refusal.code
        ) from None
