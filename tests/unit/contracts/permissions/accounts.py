"""Who may call the functions for accounts, access and representation of the identity contract."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    AGENTS,
    ISSUERS,
    TRANSFER_AGENT,
    VENUES,
    Arguments,
    P,
    Permissions,
    among_licensed,
    anybody,
    licensed,
    only,
    signed,
)

from tallystick.contracts.accounts.models import ChallengeTerms
from tallystick.contracts.reasons import AccessReason
from tallystick.contracts.statements import (
    AccessGranted,
    AccessWithdrawn,
    AccountLinked,
    AccountUnlinked,
    Representation,
)
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    "open_challenge": only(VENUES | AGENTS),
    "link_account": licensed(),
    "unlink_account": licensed(),
    "account": anybody(),
    "accounts_of": anybody(),
    "represent": among_licensed(ISSUERS, AccessReason.PARTICIPANT_NOT_PERMITTED),
    "end_representation": licensed(),
    "grant_access": licensed(),
    "revoke_access": licensed(),
    "record_access": among_licensed(TRANSFER_AGENT, AccessReason.PARTICIPANT_NOT_PERMITTED),
    "may_access": anybody(),
    "accesses": anybody(),
}


def arguments(market: Market) -> Arguments:
    soon = market.after(timedelta(hours=1))
    challenge = ChallengeTerms(challenge="9" * 64, account="a-9", expires_at=soon)
    linked = AccountLinked(identity="alice", venue=P.ATS, account="a-1", challenge=EVIDENCE)
    unlinked = AccountUnlinked(identity="alice", venue=P.ATS, account="a-2")
    represented = Representation(identity="alice", organization=P.ISSUER)
    granted = AccessGranted(
        identity="alice",
        grant="g-2",
        service=P.TRANSFER_AGENT,
        grantee=P.ISSUER,
        fields=("name",),
        reason="cap table",
        expires_at=soon,
    )
    withdrawn = AccessWithdrawn(identity="alice", grant="g-1")
    fields: list[JsonValue] = ["name"]
    return {
        "open_challenge": [challenge],
        "link_account": signed(market, "alice", linked),
        "unlink_account": signed(market, "alice", unlinked),
        "account": [P.ATS, "a-1"],
        "accounts_of": ["alice"],
        "represent": signed(market, "alice", represented),
        "end_representation": [],
        "grant_access": signed(market, "alice", granted),
        "revoke_access": signed(market, "alice", withdrawn),
        "record_access": ["alice", "g-1", fields],
        "may_access": ["alice", "g-1", fields],
        "accesses": ["alice"],
    }
