"""Who may call the functions for accounts, access and representation of the identity contract."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.accounts.models import ChallengeTerms
from tallystick.contracts.statements import (
    AccessGranted,
    AccessWithdrawn,
    AccountLinked,
    AccountUnlinked,
    Representation,
)
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    "open_challenge": frozenset({P.ATS, P.BROKER_DEALER}),
    "link_account": LICENSED,
    "unlink_account": LICENSED,
    "account": EVERYBODY,
    "accounts_of": EVERYBODY,
    "represent": frozenset({P.ISSUER}),
    "end_representation": LICENSED,
    "grant_access": LICENSED,
    "revoke_access": LICENSED,
    "record_access": LICENSED,
    "may_access": EVERYBODY,
    "accesses": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    soon = market.after(timedelta(hours=1))
    challenge = ChallengeTerms(challenge=EVIDENCE, account="a-1", expires_at=soon)
    linked = AccountLinked(identity="alice", venue=P.ATS, account="a-1", challenge=EVIDENCE)
    unlinked = AccountUnlinked(identity="alice", venue=P.ATS, account="a-1")
    represented = Representation(identity="alice", organization=P.ISSUER)
    granted = AccessGranted(
        identity="alice",
        grant="g-1",
        service=P.TRANSFER_AGENT,
        grantee=P.ISSUER,
        fields=("name",),
        reason="cap table",
        expires_at=soon,
    )
    withdrawn = AccessWithdrawn(identity="alice", grant="g-1")
    fields: list[JsonValue] = ["name"]
    signature = market.sign("bob", linked)
    return {
        "open_challenge": [challenge],
        "link_account": [linked, signature],
        "unlink_account": [unlinked, signature],
        "account": [P.ATS, "a-1"],
        "accounts_of": ["alice"],
        "represent": [represented, signature],
        "end_representation": [],
        "grant_access": [granted, signature],
        "revoke_access": [withdrawn, signature],
        "record_access": ["alice", "g-1", fields],
        "may_access": ["alice", "g-1", fields],
        "accesses": ["alice"],
    }
