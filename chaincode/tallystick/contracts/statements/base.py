"""What all statements have in common."""

from typing import ClassVar

from tallystick.contracts.models import Model
from tallystick.contracts.purposes import Purpose


class Statement(Model):
    """One act of an identity.

    Attributes:
        contract: The chaincode that the act is addressed to; no other accepts it.
        kind: The word for the act within that contract.
        purpose: What the signing key must be for.
    """

    contract: ClassVar[str]
    kind: ClassVar[str]
    purpose: ClassVar[Purpose] = Purpose.ACTION
