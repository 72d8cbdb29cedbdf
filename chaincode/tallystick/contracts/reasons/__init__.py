"""Every reason for which a contract says no, in one table: a code, a kind and a sentence for each.

The table lies in one file per concern. A refused call carries one reason's code in its message, and
all of them in its payload; a query such as ``token:can_transfer`` returns them all as findings.
Both come from here, so they never disagree.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tallystick.contracts.reasons.access import AccessReason
from tallystick.contracts.reasons.accounts import AccountReason
from tallystick.contracts.reasons.actions import ActionReason
from tallystick.contracts.reasons.calendars import CalendarReason
from tallystick.contracts.reasons.claims import ClaimReason
from tallystick.contracts.reasons.compliance import ComplianceReason
from tallystick.contracts.reasons.custody import CustodyReason
from tallystick.contracts.reasons.discipline import DisciplineReason
from tallystick.contracts.reasons.fees import FeeReason
from tallystick.contracts.reasons.identities import IdentityReason
from tallystick.contracts.reasons.licences import LicenceReason
from tallystick.contracts.reasons.money import MoneyReason
from tallystick.contracts.reasons.netting import NettingReason
from tallystick.contracts.reasons.offerings import OfferingReason
from tallystick.contracts.reasons.orders import OrderReason
from tallystick.contracts.reasons.register import RegisterReason
from tallystick.contracts.reasons.table import Finding, Kind, ReasonTable, refuse_if_any
from tallystick.contracts.reasons.trades import TradeReason

__all__ = [
    "REASONS",
    "AccessReason",
    "AccountReason",
    "ActionReason",
    "CalendarReason",
    "ClaimReason",
    "ComplianceReason",
    "CustodyReason",
    "DisciplineReason",
    "FeeReason",
    "Finding",
    "IdentityReason",
    "Kind",
    "LicenceReason",
    "MoneyReason",
    "NettingReason",
    "OfferingReason",
    "OrderReason",
    "ReasonTable",
    "RegisterReason",
    "TradeReason",
    "refuse_if_any",
]

REASONS: Mapping[str, ReasonTable] = MappingProxyType(
    {reason.name: reason for table in ReasonTable.__subclasses__() for reason in table}
)
