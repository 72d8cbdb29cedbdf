"""The base of all rows and arguments, and the types their fields share.

Quantities of a security are whole units, amounts of money whole minor units (cents); there are no
fractions anywhere, so nothing is ever rounded.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from tallystick.chaincode import Value

# A JSON number above this is not exact in JavaScript, where many clients of the ledger live.
MAX_QUANTITY = 2**53 - 1

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
# Of a person or an account: no sign that makes it an e-mail address.
Pseudonym = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
# Of what a holder names: with no sign that holds of trades have, so that none is taken for one.
OwnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Quantity = Annotated[int, Field(gt=0, le=MAX_QUANTITY)]
Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Random, so that a hash does not give away what it is of: at least 128 bits, in hex.
Salt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]
# A word of a published vocabulary, such as a country: never free text, which could name somebody.
ShortCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Za-z0-9.-]{0,15}$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
PageSize = Annotated[int, Field(gt=0, le=1000)]


class Model(Value):
    """A row, an argument or a result of the contracts of the market."""

    def compact(self) -> bytes:
        """Return it as JSON without the fields that are as they are by default."""
        return self.__pydantic_serializer__.to_json(self, exclude_defaults=True)
