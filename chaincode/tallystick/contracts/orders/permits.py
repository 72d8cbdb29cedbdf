"""Permits: what a query has judged, sealed, so that a transaction need not judge it in public.

What a transaction reads is public. One that looked up its holder, or what that holder has
committed, would say whose order it is; and two orders that read or write one row could be told to
be of one holder. So a query judges an order, which leaves nothing on the ledger, and the order
brings the answer along. It is sealed with a key that only peers have that see every venue: whoever
carries it can neither read nor alter it.

Two orders that were judged side by side must not both be placed. So a permit names a *turn*: a key
that is made of holder, security and how many turns were taken before. An order takes its turn by
writing a row there, where there may be none.
"""

import base64
import hmac
from bisect import bisect_left
from hashlib import sha256
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import Instant, later, now
from tallystick.contracts.models import Model
from tallystick.contracts.orders.models import Permit, PermitKey
from tallystick.contracts.readers import COMMITMENTS
from tallystick.contracts.reasons import OrderReason

_KEY_ROW = composite_key("permit_key")


PERMIT_LIFE_S: Final = 60


class Judged(Model):
    """What a permit says of the act that it is for.

    Attributes:
        judged_at: When, by the clock of who asked. Before that and once its life is over it counts
            for nothing, so nobody gains by a clock that is fast when asking and right when acting.
    """

    judged_at: Instant

    def counts(self, moment: Instant) -> bool:
        """Return whether the permit may be used at a moment."""
        return self.judged_at <= moment < later(self.judged_at, PERMIT_LIFE_S)


class JudgedOrder(Judged):
    """Likewise of an order.

    Attributes:
        turn: Which it takes, in hex.
        splits_seen: How many splits of all securities there had been.
    """

    turn: str
    splits_seen: int


JudgedT = TypeVar("JudgedT", bound=Judged)


class Permits:
    """The permits of a channel, as one call sees them; only members' peers can."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._rows = ConfidentialRows(ctx, COMMITMENTS)

    def renew_key(self, key: PermitKey) -> None:
        """Seal with another key from now on; what was sealed before opens no more."""
        ConfidentialRows(self._ctx, COMMITMENTS, key.key).save(_KEY_ROW, key)

    def seal(self, act: bytes, judged: Judged) -> Permit:
        """Return the permit for an act, whose bytes are told again when it is opened.

        Raises:
            Refusal: PERMIT_KEY_MISSING.
        """
        sealed = self._cipher().encrypt(judged.model_dump_json().encode(), [act])
        return Permit(sealed=base64.b64encode(sealed).decode())

    def open(self, act: bytes, permit: Permit, model: type[JudgedT]) -> JudgedT:
        """Return what a permit says of an act.

        Raises:
            Refusal: PERMIT_KEY_MISSING; or PERMIT_VOID when it is of another act, sealed with a
                former key, or does not count now.
        """
        try:
            sealed = base64.b64decode(permit.sealed, validate=True)
            opened = self._cipher().decrypt(sealed, [act])
        except (ValueError, InvalidTag) as error:
            raise OrderReason.PERMIT_VOID.refusal() from error
        judged = model.model_validate_json(opened)
        if not judged.counts(now(self._ctx)):
            raise OrderReason.PERMIT_VOID.refusal()
        return judged

    def next_turn(self, holder: str, security: str) -> str:
        """Return the next turn of a holder in a security; for queries."""

        def turn(number: int) -> str:
            named = composite_key("turn", holder, security, str(number))
            return hmac.digest(self._key(), named.encode(), sha256).hex()

        def is_free(number: int) -> bool:
            return not self._rows.holds(_turn_row(turn(number)))

        end = 1
        while not is_free(end - 1):
            end *= 2
        return turn(bisect_left(range(end), x=True, key=is_free))

    def take(self, turn: str, salt: str) -> None:
        """Take a turn.

        Raises:
            Refusal: PERMIT_VOID when another order has taken it.
        """
        if self._rows.holds(_turn_row(turn)):
            raise OrderReason.PERMIT_VOID.refusal()
        ConfidentialRows(self._ctx, COMMITMENTS, salt).put(_turn_row(turn), b"")

    def _cipher(self) -> AESSIV:
        # Synthetic nonces (RFC 5297): peers draw no random ones, and callers' may not be trusted.
        return AESSIV(hmac.digest(self._key(), b"seal", "sha512"))

    def _key(self) -> bytes:
        row = self._rows.load(_KEY_ROW, PermitKey)
        if row is None:
            raise OrderReason.PERMIT_KEY_MISSING.refusal()
        return bytes.fromhex(row.key)


def _turn_row(turn: str) -> str:
    return composite_key("turn", turn)
