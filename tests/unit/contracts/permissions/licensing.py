"""Who may call the licensing functions of the identity contract."""

from datetime import timedelta

from tests.unit.contracts.permissions.roles import (
    LICENSORS,
    REGULATOR,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)

from tallystick.contracts.licensing.models import Conflicts, Description, LicenceClass, WaiverGrant
from tallystick.contracts.powers import Power
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    "define_classes": only(LICENSORS),
    "grant_licences": only(LICENSORS),
    "suspend_licence": only(LICENSORS),
    "resume_licence": only(REGULATOR),
    "revoke_licence": only(LICENSORS),
    "describe_organization": licensed(),
    "set_conflicts": only(REGULATOR),
    "grant_waiver": only(REGULATOR),
    "revoke_waiver": only(REGULATOR),
    "organization": anybody(),
    "organizations": anybody(),
    "licence_classes": anybody(),
    "conflicts": anybody(),
    "waiver": anybody(),
}


SUSPENDED = "SuspendedMSP"
"""An organisation whose licence as an issuer is suspended."""
PAIR = (Power.OPERATE_VENUE, Power.CLEAR)


def waiver(market: Market, days: int = 1) -> WaiverGrant:
    """Return the venue's waiver for so many days."""
    return WaiverGrant(
        organization=P.ATS,
        first=PAIR[0],
        second=PAIR[1],
        valid_until=market.after(timedelta(days=days)),
        reason_hash=EVIDENCE,
    )


def arguments(market: Market) -> Arguments:
    bank = LicenceClass(licence_class="bank", title="Bank", powers=())
    return {
        "define_classes": [[bank]],
        "grant_licences": [[market.licence("OtherMSP", "issuer")]],
        "suspend_licence": [P.ISSUER, "issuer", "a test"],
        "resume_licence": [SUSPENDED, "issuer"],
        "revoke_licence": [P.ISSUER, "issuer", "a test"],
        "describe_organization": [Description(category="exchange")],
        "set_conflicts": [Conflicts(pairs=())],
        "grant_waiver": [waiver(market, days=2)],
        "revoke_waiver": [P.ATS, *PAIR],
        "organization": [P.ATS],
        "organizations": [],
        "licence_classes": [],
        "conflicts": [],
        "waiver": [P.ATS, *PAIR],
    }
