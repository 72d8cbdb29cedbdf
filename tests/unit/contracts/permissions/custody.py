"""Who may call the custody functions of the token contract."""

from datetime import timedelta

from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    READERS,
    REGULATOR,
    SAFEKEEPERS,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.custody.models import Cover, Custody, Valuation
from tallystick.contracts.statements import (
    Share,
    UnitsDistributed,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_custody": SAFEKEEPERS,
    "record_cover": REGULATOR,
    "agree_custody": frozenset({P.CLEARING}),
    "end_custody": frozenset({P.CLEARING}),
    "distribute": SAFEKEEPERS,
    "custodian": EVERYBODY,
    "custody_clients": READERS,
    "custody_report": READERS,
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
    return {
        "open_custody": [Custody(identity="alice")],
        "record_cover": [P.CLEARING, cover],
        "agree_custody": [],
        "end_custody": [],
        "distribute": [UnitsDistributed(security="ACME", account="alice", shares=(share,))],
        "custodian": [P.CLEARING],
        "custody_clients": [P.CLEARING],
        "custody_report": [P.CLEARING, [Valuation(security="ACME", price=1)]],
    }
