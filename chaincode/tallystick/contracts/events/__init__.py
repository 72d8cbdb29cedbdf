"""The domain events of all contracts: what happened, sufficient to rebuild the registers.

Each kind has a version, raised when fields change in a way that old readers misread. ``replay``
rebuilds holdings from them. They lie in one file per concern.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic_core import to_json

from tallystick.chaincode.events import EventRecord
from tallystick.contracts.events.accounts import (
    AccountLinked,
    AccountUnlinked,
    ChallengeOpened,
)
from tallystick.contracts.events.base import Basis, LedgerEvent
from tallystick.contracts.events.cash import (
    CashOpened,
    EntryMade,
    MoneyLocked,
    MoneyReleased,
    MoneyTransferred,
)
from tallystick.contracts.events.claims import (
    ClaimAdded,
    ClaimRevoked,
    IdentityBarred,
    IdentityCleared,
    IssuerDistrusted,
    IssuerTrusted,
    ListUpdated,
    TopicSet,
)
from tallystick.contracts.events.compliance import (
    ApprovalUsed,
    ApprovalWithdrawn,
    DecisionReviewed,
    HolderCounted,
    PackPublished,
    PurchaseNoted,
    RefusalRecorded,
    RulesBound,
    SaleNoted,
    SecurityAccepted,
    TransferApproved,
    VenueRulesBound,
)
from tallystick.contracts.events.custody import (
    CoverRecorded,
    CustodyAgreed,
    CustodyEnded,
    CustodyOpened,
)
from tallystick.contracts.events.identity import (
    AccessGranted,
    AccessRecorded,
    AccessWithdrawn,
    ControlChanged,
    IdentityRecovered,
    IdentityRegistered,
    KeyAdded,
    KeyRetired,
    KeyRevoked,
    MandateRevoked,
    MandateSet,
    ReferenceKept,
    SubAccountOpened,
)
from tallystick.contracts.events.licensing import (
    ConflictsSet,
    LicenceClassDefined,
    LicenceGranted,
    LicenceResumed,
    LicenceRevoked,
    LicenceSuspended,
    OrganizationDescribed,
    OrganizationRepresented,
    WaiverGranted,
    WaiverRevoked,
)
from tallystick.contracts.events.securities import (
    CapChanged,
    DocumentPublished,
    DocumentRemoved,
    EnforcementRenounced,
    IssuanceClosed,
    ProductListed,
    RequiredClaim,
    SecurityAmended,
    SecurityCreated,
    SecurityDeactivated,
    SecurityIdentifier,
    SecurityPaused,
    SecurityResumed,
)
from tallystick.contracts.events.settlement import (
    AgencyAccepted,
    AgencyEnded,
    ConsentGiven,
    LegsLocked,
    ListingEnded,
    OrderEnded,
    OrderEntered,
    SecurityListed,
    TradeApproved,
    TradeCancelled,
    TradeExpired,
    TradeFailed,
    TradeProposed,
    TradeRejected,
    TradeSettled,
    TradeWithdrawn,
)
from tallystick.contracts.events.token import (
    AllowanceSet,
    HolderFrozen,
    HolderUnfrozen,
    HoldPlaced,
    HoldReleased,
    HoldRenewed,
    LotsMerged,
    LotsRelabelled,
    UnitsFrozen,
    UnitsTransferred,
)

__all__ = [
    "EVENT_TYPES",
    "AccessGranted",
    "AccessRecorded",
    "AccessWithdrawn",
    "AccountLinked",
    "AccountUnlinked",
    "AgencyAccepted",
    "AgencyEnded",
    "AllowanceSet",
    "ApprovalUsed",
    "ApprovalWithdrawn",
    "Basis",
    "CapChanged",
    "CashOpened",
    "ChallengeOpened",
    "ClaimAdded",
    "ClaimRevoked",
    "ConflictsSet",
    "ConsentGiven",
    "ControlChanged",
    "CoverRecorded",
    "CustodyAgreed",
    "CustodyEnded",
    "CustodyOpened",
    "DecisionReviewed",
    "DocumentPublished",
    "DocumentRemoved",
    "EnforcementRenounced",
    "EntryMade",
    "HoldPlaced",
    "HoldReleased",
    "HoldRenewed",
    "HolderCounted",
    "HolderFrozen",
    "HolderUnfrozen",
    "IdentityBarred",
    "IdentityCleared",
    "IdentityRecovered",
    "IdentityRegistered",
    "IssuanceClosed",
    "IssuerDistrusted",
    "IssuerTrusted",
    "KeyAdded",
    "KeyRetired",
    "KeyRevoked",
    "LedgerEvent",
    "LegsLocked",
    "LicenceClassDefined",
    "LicenceGranted",
    "LicenceResumed",
    "LicenceRevoked",
    "LicenceSuspended",
    "ListUpdated",
    "ListingEnded",
    "LotsMerged",
    "LotsRelabelled",
    "MandateRevoked",
    "MandateSet",
    "MoneyLocked",
    "MoneyReleased",
    "MoneyTransferred",
    "OrderEnded",
    "OrderEntered",
    "OrganizationDescribed",
    "OrganizationRepresented",
    "PackPublished",
    "ProductListed",
    "PurchaseNoted",
    "ReferenceKept",
    "RefusalRecorded",
    "RequiredClaim",
    "RulesBound",
    "SaleNoted",
    "SecurityAccepted",
    "SecurityAmended",
    "SecurityCreated",
    "SecurityDeactivated",
    "SecurityIdentifier",
    "SecurityListed",
    "SecurityPaused",
    "SecurityResumed",
    "SubAccountOpened",
    "TopicSet",
    "TradeApproved",
    "TradeCancelled",
    "TradeExpired",
    "TradeFailed",
    "TradeProposed",
    "TradeRejected",
    "TradeSettled",
    "TradeWithdrawn",
    "TransferApproved",
    "UnitsFrozen",
    "UnitsTransferred",
    "VenueRulesBound",
    "WaiverGranted",
    "WaiverRevoked",
    "read_event",
]

EVENT_TYPES: Mapping[str, type[LedgerEvent]] = MappingProxyType(
    {event.kind: event for event in LedgerEvent.__subclasses__()}
)


def read_event(record: EventRecord) -> LedgerEvent | None:
    """Return a record as the event it is, or None when it is of no kind or version known here."""
    event = EVENT_TYPES.get(record.type)
    if event is None or event.version != record.version:
        return None
    return event.model_validate_json(to_json(record.data))
