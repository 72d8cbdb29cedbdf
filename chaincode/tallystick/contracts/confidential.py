"""What only some organisations may read: secret arguments, and rows in private data collections.

Every peer keeps the hash of a private value, and a hash gives away what can be guessed. So each
value is led by a salt that only those know who know an earlier one, or the secret of the act that
wrote it; and a row is emptied rather than deleted, for a deletion is public, unless it tells
nothing.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tallystick.chaincode import Context, Refusal, composite_key
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import AccessReason

ModelT = TypeVar("ModelT", bound=BaseModel)

SALT_SIZE = 32


def secret_argument(ctx: Context, name: str, model: type[ModelT]) -> ModelT:
    """Return what the client sent outside the transaction under a name, as JSON.

    Raises:
        Refusal: TRANSIENT_MISSING, or INVALID_ARGUMENT when it is not what it should be.
    """
    data = ctx.transient.get(name)
    if data is None:
        raise AccessReason.TRANSIENT_MISSING.refusal(name=name)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        # The value stays out of the message: peers log refusals.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, (name, *first["loc"])))
        raise Refusal("INVALID_ARGUMENT", f"{place}: {first['msg']}", 400) from error


def secret_argument_of(model: Model) -> bytes:
    """Return a model as the client sends it outside the transaction."""
    return model.model_dump_json().encode()


class ConfidentialRows:
    """The rows of one private collection, each under a salt.

    A salt is made of the transaction, the key, the row's former value and the ``secret`` of the
    act. Whoever lacks the secret, or the former value, cannot tell a guess of the new one from the
    truth.
    """

    def __init__(self, ctx: Context, collection: str, secret: str = "") -> None:
        self._rows = ctx.private(collection)
        self._secret = secret
        self._transaction_id = ctx.transaction_id

    def load(self, key: str, model: type[ModelT]) -> ModelT | None:
        """Return the ``model`` stored at ``key``, or None."""
        content = (self._rows.get(key) or b"")[SALT_SIZE:]
        return model.model_validate_json(content) if content else None

    def save(self, key: str, model: BaseModel) -> None:
        """Write ``model`` at ``key``."""
        self.put(key, model.__pydantic_serializer__.to_json(model))

    def put(self, key: str, value: bytes) -> None:
        """Write ``value`` at ``key``."""
        self._rows.put(key, self._salt(key) + value)

    def delete(self, key: str) -> None:
        """Empty the row at ``key``."""
        self._rows.put(key, self._salt(key))

    def erase(self, key: str) -> None:
        """Delete the row at ``key``: only where everybody may know that it is over.

        The key must not be one that can be guessed, for its hash was told.
        """
        self._rows.delete(key)

    def holds(self, key: str) -> bool:
        """Return whether anything was ever written at ``key``; other peers than members know."""
        return self._rows.hash(key) is not None

    def partial(self, kind: str, *parts: str, first: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the rows whose composite key begins so, in key order; for queries.

        With ``first`` only those whose next part is that or a later one.
        """
        for key, value in self._rows.partial(kind, *parts, first=first):
            if content := value[SALT_SIZE:]:
                yield key, content

    def _salt(self, key: str) -> bytes:
        parts = (self._secret, self._transaction_id, key)
        known = composite_key("salt", *(part.replace("\x00", "/") for part in parts))
        return sha256(known.encode() + (self._rows.get(key) or b"")).digest()
