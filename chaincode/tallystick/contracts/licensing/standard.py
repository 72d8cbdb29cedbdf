"""The classes of licence and the conflicts that hold until the ledger has rows of its own.

They spare a new market the work of defining what every market has. A row of the same class, or a
row of conflicts, takes precedence. No figure of a statute is among them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tallystick.contracts.instants import Instant
from tallystick.contracts.licensing.models import (
    ANYWHERE,
    Conflict,
    Conflicts,
    Licence,
    LicenceClass,
    Organization,
)
from tallystick.contracts.powers import Power

FOUNDING_REGULATOR = "RegulatorMSP"
"""MSP of the organisation that opens the market: the root of all licences."""

_BEGINNING: Instant = "1970-01-01T00:00:00Z"
_END: Instant = "9999-12-31T23:59:59Z"


def _classes(*classes: tuple[str, str, tuple[Power, ...]]) -> Mapping[str, LicenceClass]:
    return MappingProxyType(
        {
            name: LicenceClass(licence_class=name, title=title, powers=powers)
            for name, title, powers in classes
        }
    )


STANDARD_CLASSES = _classes(
    ("regulator", "Financial regulator", (Power.LICENSE, Power.OVERSEE)),
    ("regulators-delegate", "Self-regulatory organisation", (Power.LICENSE,)),
    ("ats", "Alternative trading system", (Power.OPERATE_VENUE,)),
    (
        "broker-dealer",
        "Broker-dealer",
        (Power.ACT_FOR_CLIENTS, Power.SAFEGUARD, Power.SETTLE_DIRECTLY),
    ),
    ("clearing", "Clearing and custody firm", (Power.CLEAR, Power.SAFEGUARD)),
    ("transfer-agent", "Transfer agent", (Power.KEEP_REGISTER,)),
    ("settlement-bank", "Settlement bank", (Power.ISSUE_CASH,)),
    ("central-bank", "Central bank", (Power.ISSUE_CENTRAL_BANK_MONEY,)),
    ("issuer", "Issuer of securities", (Power.ISSUE_SECURITIES,)),
    ("family-office", "Family office", (Power.ACT_FOR_CLIENTS, Power.SAFEGUARD)),
    ("investment-manager", "Investment manager", (Power.ACT_FOR_CLIENTS, Power.SAFEGUARD)),
    ("custodian", "Custodian", (Power.SAFEGUARD, Power.SETTLE_DIRECTLY)),
    ("introducing-broker", "Broker that settles through another", (Power.ACT_FOR_CLIENTS,)),
)

STANDARD_CONFLICTS = Conflicts(
    pairs=(
        Conflict(first=Power.OPERATE_VENUE, second=Power.CLEAR),
        Conflict(first=Power.OPERATE_VENUE, second=Power.SAFEGUARD),
        Conflict(first=Power.OPERATE_VENUE, second=Power.KEEP_REGISTER),
        Conflict(first=Power.ISSUE_SECURITIES, second=Power.KEEP_REGISTER),
    )
)

FOUNDER = Organization(
    licences=(
        Licence(
            licence_class="regulator",
            jurisdiction=ANYWHERE,
            reference="founding regulator",
            valid_from=_BEGINNING,
            valid_until=_END,
            granted_by=FOUNDING_REGULATOR,
        ),
    )
)
