"""Who may call the custody functions of the token contract."""

from datetime import timedelta

from tests.unit.contracts.permissions.roles import (
    CLEARING,
    READERS,
    REGULATOR,
    SAFEKEEPERS,
    Arguments,
    P,
    Permissions,
    anybody,
    only,
)

from tallystick.contracts.custody.models import Cover, Custody, Valuation
from tallystick.contracts.reasons import AccessReason, CustodyReason
from tallystick.contracts.statements import (
    Share,
    UnitsDistributed,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_custody": only(SAFEKEEPERS, CustodyReason.NOT_ITS_ACCOUNT, but={None: CLEARING}),
    "record_cover": only(REGULATOR),
    "agree_custody": only(
        CLEARING, but={AccessReason.PARTICIPANT_NOT_PERMITTED: SAFEKEEPERS - CLEARING}
    ),
    "end_custody": only(CLEARING, others=AccessReason.PARTICIPANT_NOT_PERMITTED),
    "distribute": only(SAFEKEEPERS, CustodyReason.CUSTODIAN_UNKNOWN, but={None: CLEARING}),
    "custodian": anybody(),
    "custody_clients": only(READERS),
    "custody_report": only(READERS),
}


def arguments(market: Market) -> Arguments:
    cover = Cover(
        insurer="Lloyd",
        policy_hash="0" * 64,
        currency="USD",
        limit=1,
        valid_from=market.after(timedelta(0)),
        valid_until=market.after(timedelta(hours=1)),
    )
    share = Share(client="bob", quantity=1)
    distributed = UnitsDistributed(security="ACME", account="vault", shares=(share,))
    return {
        "open_custody": [Custody(identity="vault")],
        "record_cover": [P.CLEARING, cover],
        "agree_custody": [],
        "end_custody": [],
        "distribute": [distributed, [], market.sign("vault", distributed)],
        "custodian": [P.CLEARING],
        "custody_clients": [P.CLEARING],
        "custody_report": [P.CLEARING, [Valuation(security="ACME", price=1)]],
    }
