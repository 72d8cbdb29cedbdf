"""What people put their signature under: one model per act, with every term of the act in it.

Identities (investors, claim issuers) have keys of their own and no certificate, so a participant
submits their acts together with a signature. The contract rebuilds the statement from what it is
asked to do, so a signature fits one act only. ``intents`` says how a statement becomes the bytes
that are signed.

They lie in one file per concern.
"""

from tallystick.contracts.statements.accounts import (
    AccountLinked,
    AccountUnlinked,
)
from tallystick.contracts.statements.base import Statement
from tallystick.contracts.statements.cash import (
    Funding,
    MoneyFunded,
    MoneyReserved,
    MoneySent,
    ReceiptMade,
    ReceiptTerms,
    ReceiptUse,
    ReservationRenewed,
    ReservationUse,
)
from tallystick.contracts.statements.claims import (
    ClaimMade,
    ClaimWithdrawn,
    ListUpdated,
)
from tallystick.contracts.statements.custody import (
    CustodyAgreed,
    CustodyEnded,
    Share,
    UnitsDistributed,
)
from tallystick.contracts.statements.identity import (
    AccessGranted,
    AccessWithdrawn,
    Control,
    ControlSet,
    KeyAddition,
    KeyRetirement,
    KeyRevocation,
    KeyRotation,
    MandateGranted,
    MandateWithdrawn,
    NewKey,
    Recovery,
    Registration,
    Representation,
    SubAccountOpened,
    WalletLinked,
    WalletUnlinked,
)
from tallystick.contracts.statements.settlement import (
    Consent,
    OrderPlaced,
    OrderSide,
    OrderWithdrawn,
    Side,
    Withdrawal,
)
from tallystick.contracts.statements.token import (
    ANY_SCOPE,
    AllowanceChange,
    AllowanceLowered,
    AllowanceRaised,
    AllowanceScope,
    AllowanceWithdrawn,
    HoldDeclined,
    HoldExtended,
    Portion,
    SecurityAccepted,
    UnitsAllowed,
    UnitsHeld,
    UnitsSent,
    UnitsSentToMany,
    UnitsSurrendered,
)

__all__ = [
    "ANY_SCOPE",
    "AccessGranted",
    "AccessWithdrawn",
    "AccountLinked",
    "AccountUnlinked",
    "AllowanceChange",
    "AllowanceLowered",
    "AllowanceRaised",
    "AllowanceScope",
    "AllowanceWithdrawn",
    "ClaimMade",
    "ClaimWithdrawn",
    "Consent",
    "Control",
    "ControlSet",
    "CustodyAgreed",
    "CustodyEnded",
    "Funding",
    "HoldDeclined",
    "HoldExtended",
    "KeyAddition",
    "KeyRetirement",
    "KeyRevocation",
    "KeyRotation",
    "ListUpdated",
    "MandateGranted",
    "MandateWithdrawn",
    "MoneyFunded",
    "MoneyReserved",
    "MoneySent",
    "NewKey",
    "OrderPlaced",
    "OrderSide",
    "OrderWithdrawn",
    "Portion",
    "ReceiptMade",
    "ReceiptTerms",
    "ReceiptUse",
    "Recovery",
    "Registration",
    "Representation",
    "ReservationRenewed",
    "ReservationUse",
    "SecurityAccepted",
    "Share",
    "Side",
    "Statement",
    "SubAccountOpened",
    "UnitsAllowed",
    "UnitsDistributed",
    "UnitsHeld",
    "UnitsSent",
    "UnitsSentToMany",
    "UnitsSurrendered",
    "WalletLinked",
    "WalletUnlinked",
    "Withdrawal",
]
