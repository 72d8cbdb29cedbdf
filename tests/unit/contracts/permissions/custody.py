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
    desk,
    only,
    signed,
)

from tallystick.chaincode.codec import Argument
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import Cover, Custody, CustodyAgreement, Valuation
from tallystick.contracts.reasons import AccessReason
from tallystick.contracts.statements import (
    CustodyAgreed,
    Share,
    SubAccountOpened,
    UnitsAllowed,
    UnitsDistributed,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_custody": only(SAFEKEEPERS),
    "record_cover": only(REGULATOR),
    "agree_custody": only(SAFEKEEPERS),
    "end_custody": only(CLEARING, others=AccessReason.PARTICIPANT_NOT_PERMITTED),
    "distribute": only(SAFEKEEPERS),
    "can_distribute": anybody(),
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
    delivered = {each: _delivery(market, each) for each in SAFEKEEPERS}
    return {
        "open_custody": lambda role: [Custody(identity=desk(role), client_accounts=(pool(role),))],
        "record_cover": [P.CLEARING, cover],
        "agree_custody": [],
        "end_custody": [],
        "distribute": lambda role: delivered.get(role, delivered[P.CLEARING]),
        "can_distribute": ["ACME", pool(P.CLEARING), "bob", 1],
        "custodian": [P.CLEARING],
        "custody_clients": [P.CLEARING],
        "custody_report": [P.CLEARING, [Valuation(security="ACME", price=1)]],
    }


def pool(role: str) -> str:
    """Return the account in which the organisation of a role can hold for many clients."""
    return f"{desk(role)}.2"


def agreement(market: Market, custodian: str, client: str) -> CustodyAgreement:
    """Return a client's signed agreement with a custodian."""
    agreed = CustodyAgreed(custodian=custodian, client=client)
    return CustodyAgreement(agreed=agreed, intent=market.sign(client, agreed))


def safeguard(market: Market) -> None:
    """Let bob be a client of everybody who may safeguard, and alice allow each of them units."""
    later = market.after(timedelta(hours=1))
    for each in sorted(SAFEKEEPERS):
        market.issue(desk(each), 10)
        opened = SubAccountOpened(identity=desk(each), account=pool(each))
        arguments = signed(market, desk(each), opened)
        market.submit(each, Chaincode.IDENTITY, "open_sub_account", *arguments)
        market.submit(each, Chaincode.TOKEN, "open_custody", Custody(identity=desk(each)))
        signed_for = agreement(market, each, "bob")
        market.submit(each, Chaincode.TOKEN, "agree_custody", agreement=signed_for)
        allowed = UnitsAllowed(
            security="ACME", holder="alice", spender=each, quantity=5, expires_at=later
        )
        arguments = signed(market, "alice", allowed)
        market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "approve", *arguments)


def _delivery(market: Market, custodian: str) -> list[Argument]:
    share = Share(client="bob", quantity=1)
    account = desk(custodian)
    distributed = UnitsDistributed(security="ACME", account=account, shares=(share,))
    return [distributed, [], market.sign(account, distributed)]
