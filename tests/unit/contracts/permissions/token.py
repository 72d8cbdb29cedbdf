"""Who may call the functions of the token contract, and arguments that are well formed."""

from datetime import timedelta

from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    NOBODY,
    REGULATOR,
    SAFEKEEPERS,
    TRANSFER_AGENT,
    TRUSTEES,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.custody.models import Cover, Custody, Valuation
from tallystick.contracts.register.models import Allocation, SecurityTerms
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    CustodyAgreed,
    CustodyEnded,
    Share,
    UnitsAllowed,
    UnitsDistributed,
    UnitsSent,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "create_security": TRANSFER_AGENT,
    "pause": TRUSTEES,
    "resume": TRUSTEES,
    "issue": TRANSFER_AGENT,
    "issue_to_many": TRANSFER_AGENT,
    "redeem": TRANSFER_AGENT,
    "transfer": LICENSED,
    "transfer_from": SAFEKEEPERS,
    "approve": LICENSED,
    "revoke_allowance": LICENSED,
    "freeze": TRUSTEES,
    "unfreeze": TRUSTEES,
    "freeze_units": TRUSTEES,
    "unfreeze_units": TRUSTEES,
    "lock": NOBODY,
    "release": NOBODY,
    "deliver": NOBODY,
    "security": EVERYBODY,
    "balance_of": EVERYBODY,
    "holding": EVERYBODY,
    "register": EVERYBODY,
    "supply": EVERYBODY,
    "holder_count": EVERYBODY,
    "allowance": EVERYBODY,
    "can_transfer": EVERYBODY,
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
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    signature = market.sign("alice", sent)
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=P.CLEARING,
        quantity=1,
        expires_at=signature.expires_at,
    )
    taken_back = AllowanceWithdrawn(security="ACME", holder="alice", spender=P.CLEARING)
    return {
        "create_security": [SecurityTerms(security="B", name="B", issuer=P.ISSUER)],
        "pause": ["ACME", "a test"],
        "resume": ["ACME"],
        "issue": ["ACME", "alice", 1],
        "issue_to_many": ["ACME", [Allocation(to="alice", quantity=1)]],
        "redeem": ["ACME", "alice", 1],
        "transfer": [sent],
        "transfer_from": [sent],
        "approve": [allowed, signature],
        "revoke_allowance": [taken_back, signature],
        "freeze": ["ACME", "alice", "a test"],
        "unfreeze": ["ACME", "alice"],
        "freeze_units": ["ACME", "alice", 1, "a test"],
        "unfreeze_units": ["ACME", "alice", 1, "a test"],
        **{function: [[market.terms().delivery]] for function in ("lock", "release", "deliver")},
        "security": ["ACME"],
        "balance_of": ["ACME", "alice"],
        "holding": ["ACME", "alice"],
        "register": ["ACME"],
        "supply": ["ACME"],
        "holder_count": ["ACME"],
        "allowance": ["ACME", "alice", P.CLEARING],
        "can_transfer": [sent],
        **_custody(market),
    }


def _custody(market: Market) -> Arguments:
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
