"""Who may call the licensing functions of the identity contract."""

from datetime import timedelta

from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    REGULATOR,
    STRANGER,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.licensing.models import Conflicts, Description, LicenceClass, WaiverGrant
from tallystick.contracts.powers import Power
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    "define_classes": REGULATOR,
    "grant_licences": REGULATOR,
    "suspend_licence": REGULATOR,
    "resume_licence": REGULATOR,
    "revoke_licence": REGULATOR,
    "describe_organization": LICENSED,
    "set_conflicts": REGULATOR,
    "grant_waiver": REGULATOR,
    "revoke_waiver": REGULATOR,
    "organization": EVERYBODY,
    "organizations": EVERYBODY,
    "licence_classes": EVERYBODY,
    "conflicts": EVERYBODY,
    "waiver": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    pair = (Power.OPERATE_VENUE, Power.CLEAR)
    waiver = WaiverGrant(
        organization=P.ATS,
        first=pair[0],
        second=pair[1],
        valid_until=market.after(timedelta(days=1)),
        reason_hash=EVIDENCE,
    )
    bank = LicenceClass(licence_class="bank", title="Bank", powers=())
    return {
        "define_classes": [[bank]],
        "grant_licences": [[market.licence("OtherMSP", "issuer")]],
        "suspend_licence": [STRANGER, "issuer", "a test"],
        "resume_licence": [STRANGER, "issuer"],
        "revoke_licence": [STRANGER, "issuer", "a test"],
        "describe_organization": [Description(category="exchange")],
        "set_conflicts": [Conflicts(pairs=())],
        "grant_waiver": [waiver],
        "revoke_waiver": [P.ATS, *pair],
        "organization": [P.ATS],
        "organizations": [],
        "licence_classes": [],
        "conflicts": [],
        "waiver": [P.ATS, *pair],
    }
