"""Signatures of the parties of a trade, judged without telling strangers who the parties are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tallystick.chaincode import Context, Refusal
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.parties import Exercised, Party, check_parties, signed_authority
from tallystick.contracts.readers import trades_of
from tallystick.contracts.reasons import AccessReason, IdentityReason, TradeReason, refuse_if_any
from tallystick.contracts.statements import Side, Statement
from tallystick.contracts.trades.terms import TradeTerms

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


def require_signature(
    ctx: Context,
    terms: TradeTerms,
    side: Side,
    signed: tuple[Statement, SignedIntent],
    exercised: Sequence[Exercised] | None = None,
) -> None:
    """Refuse an act on a trade unless the party on a side has signed it.

    Args:
        ctx: The call.
        terms: Of the trade, which has that side.
        side: Whose signature is needed.
        signed: What is to be signed, and the signature under it; its use is noted among the rows
            of the trade's venue.
        exercised: Organisations that take part; None for the submitter, with any live licence.

    Raises:
        Refusal: SIDE_NOT_SIGNED, which names nobody, or what an organisation lacks.
    """
    party = terms.parties[side]
    nonces = ConfidentialRows(ctx, trades_of(terms.venue), terms.salt)
    with without_names(terms.trade, side):
        authority = signed_authority(ctx, party, *signed, nonces)
        report = check_parties(ctx, [Party(identity=party)], authority, exercised)
        # Licences by themselves: with other findings behind them, their refusal would name names.
        refuse_if_any(report.licences)
        refuse_if_any([*report.authority, *report.parties[0].findings])
