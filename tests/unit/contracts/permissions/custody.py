"""Who may call the custody functions of the token contract."""

from datetime import timedelta

from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    REGULATOR,
    SAFEKEEPERS,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.custody.models import Cover, Custody, Valuation
from tallystick.contracts.statements import (
    CustodyAgreed,
    CustodyEnded,
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
    "custody_clients": EVERYBODY,
    "custody_report": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    agreed = CustodyAgreed(custodian=P.CLEARING, client="alice")
    signature = market.sign("alice", agreed)
    cover = Cover(
        insurer="Lloyd",
        policy_hash="0" * 64,
        currency="USD",
        limit=1,
        valid_from=market.after(timedelta(0)),
        valid_until=signature.expires_at,
    )
    share = Share(client="bob", quantity=1)
    return {
        "open_custody": [Custody(identity="alice")],
        "record_cover": [P.CLEARING, cover],
        "agree_custody": [agreed, signature],
        "end_custody": [CustodyEnded(custodian=P.CLEARING, client="alice")],
        "distribute": [UnitsDistributed(security="ACME", account="alice", shares=(share,))],
        "custodian": [P.CLEARING],
        "custody_clients": [P.CLEARING],
        "custody_report": [P.CLEARING, [Valuation(security="ACME", price=1)]],
    }
