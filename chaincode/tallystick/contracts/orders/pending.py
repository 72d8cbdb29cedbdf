"""What is under way at a venue: its open orders, and its trades that are not settled."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.orders.models import Pending
from tallystick.contracts.readers import trades_of


class PendingRows:
    """The rows of what is under way at one venue.

    A name is blinded in the key by a salt that only members know: the row's end may be seen, and
    that tells nothing while the key cannot be guessed.
    """

    def __init__(self, ctx: Context, venue: str, salt: str = "") -> None:
        self._rows = ConfidentialRows(ctx, trades_of(venue), salt)
        self._salt = salt

    def add(self, lines: Iterable[Pending]) -> None:
        """Write what is under way."""
        for line in lines:
            self._rows.save(self._key(line), line)

    def remove(self, lines: Iterable[Pending]) -> None:
        """Delete what is under way no more."""
        for line in lines:
            self._rows.erase(self._key(line))

    def of(self, holder: str, security: str) -> Iterator[Pending]:
        """Yield what a holder has under way in a security; for queries."""
        yield from self._parsed("pending", holder, security)

    def all(self) -> Iterator[Pending]:
        """Yield all that is under way; for queries."""
        yield from self._parsed("pending")

    def _parsed(self, kind: str, *parts: str) -> Iterator[Pending]:
        for _, value in self._rows.partial(kind, *parts):
            yield Pending.model_validate_json(value)

    def _key(self, line: Pending) -> str:
        blinded = sha256(f"{self._salt}/{line.kind}/{line.name}/{line.side}".encode()).hexdigest()
        return composite_key("pending", line.holder, line.security, blinded)
