"""What holders have committed to orders, over all venues: for those who see every venue."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import Instant
from tallystick.contracts.orders.models import Commitment, Pending
from tallystick.contracts.readers import COMMITMENTS


class CommitmentRows:
    """One row for each order, and for each trade that fills one: none of them in common.

    The name is blinded in the key by a salt: what cannot be guessed may be deleted in public. The
    row of what expires stays; it sorts before all that counts, so nobody reads it again.
    """

    def __init__(self, ctx: Context, venue: str, salt: str) -> None:
        self._rows = ConfidentialRows(ctx, COMMITMENTS, salt)
        self._venue = venue
        self._salt = salt

    def add(self, lines: Iterable[Pending]) -> None:
        """Write what orders of the venue, or trades that fill them, commit."""
        for line in lines:
            row, key = Commitment(venue=self._venue, **dict(line)), self._key(line)
            # A row that is written over is read for its salt, and a venue's peer cannot read it.
            self._rows.erase(key)
            self._rows.save(key, row)

    def remove(self, lines: Iterable[Pending]) -> None:
        """Delete what is committed no more."""
        for line in lines:
            self._rows.erase(self._key(line))

    def _key(self, line: Pending) -> str:
        named = f"{self._salt}/commitment/{self._venue}/{line.kind}/{line.name}/{line.side}"
        blinded = sha256(named.encode()).hexdigest()
        return composite_key("commitment", line.security, line.holder, line.expires_at, blinded)


def commitments(ctx: Context, security: str, holder: str, since: Instant) -> Iterator[Commitment]:
    """Yield what a holder has committed of a security, over all venues; for queries.

    What expired before ``since`` is left out.
    """
    rows = ConfidentialRows(ctx, COMMITMENTS)
    for _, value in rows.partial("commitment", security, holder, first=since):
        yield Commitment.model_validate_json(value)
