"""Brokerage accounts: linked by a challenge that the wallet answers, in both directions."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.accounts.models import (
    Account,
    AccountLine,
    ChallengeTerms,
    Payload,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity.models import Onboarding, SignedAccountLink
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import PartiesCheck, PartiesReport, Party
from tallystick.contracts.statements import (
    AccountLinked,
    AccountUnlinked,
    KeyRotation,
    Recovery,
)
from tallystick.contracts.testing import EVIDENCE, Market, new_wallet

P = Participant
IDENTITY = Chaincode.IDENTITY
MINUTE = timedelta(minutes=1)


def shown(
    market: Market, account: str = "a-1", number: int = 1, *, venue: str = P.ATS, key: str = ""
) -> Payload:
    """Return what a wallet reads off the code that a venue shows."""
    terms = ChallengeTerms(
        challenge=f"{number:064x}",
        account=account,
        expires_at=market.after(MINUTE),
        key=key or None,
    )
    return Payload.model_validate_json(market.submit(venue, IDENTITY, "open_challenge", terms).text)


def answer(payload: Payload, identity: str = "alice") -> AccountLinked:
    return AccountLinked(
        identity=identity,
        venue=payload.venue,
        account=payload.account,
        challenge=payload.challenge,
    )


def link(market: Market, linked: AccountLinked, who: str = P.BROKER_DEALER) -> Outcome:
    intent = market.sign(linked.identity, linked)
    return market.submit(who, IDENTITY, "link_account", linked, intent)


def owner(market: Market, account: str = "a-1", venue: str = P.ATS) -> str | None:
    found = market.evaluate(IDENTITY, "account", venue, account)
    return found.load(Account).identity if found.payload else None


def test_an_identity_links_an_account_by_scanning_a_code(market: Market) -> None:
    """SS-27, F121, W4."""
    payload = shown(market)
    assert payload.channel == "securities"
    outcome = link(market, answer(payload))
    assert outcome.event_types == ("identity.AccountLinked",)
    assert owner(market) == "alice"


def test_an_account_that_comes_first_gets_its_identity_in_one_step(market: Market) -> None:
    """SS-28, W4: registered and linked, or neither."""
    payload = shown(market, "a-9")
    registration = market.registration("carol")
    linked = answer(payload, "carol")
    newcomer = Onboarding(
        registration=registration,
        accounts=(SignedAccountLink(statement=linked, intent=market.sign("carol", linked)),),
    )
    market.submit(P.BROKER_DEALER, IDENTITY, "onboard", [newcomer])
    assert owner(market, "a-9") == "carol"


def test_an_account_whose_code_has_expired_brings_no_identity_either(market: Market) -> None:
    """SS-28."""
    payload = shown(market, "a-9")
    market.ledger.advance(MINUTE)
    registration = market.registration("carol")
    linked = answer(payload, "carol")
    newcomer = Onboarding(
        registration=registration,
        accounts=(SignedAccountLink(statement=linked, intent=market.sign("carol", linked)),),
    )
    onboard = (P.BROKER_DEALER, IDENTITY, "onboard", [newcomer])
    assert refused(market.submit, *onboard) == "CHALLENGE_EXPIRED"
    assert refused(market.evaluate, IDENTITY, "identity", "carol") == "IDENTITY_UNKNOWN"


# --- what does not link ---


def replayed(market: Market) -> Outcome:
    linked = answer(shown(market))
    link(market, linked)
    return link(market, linked)


def too_late(market: Market) -> Outcome:
    payload = shown(market)
    market.ledger.advance(MINUTE)
    return link(market, answer(payload))


def altered(market: Market) -> Outcome:
    payload = shown(market).model_copy(update={"account": "a-2"})
    return link(market, answer(payload))


def elsewhere(market: Market) -> Outcome:
    payload = shown(market).model_copy(update={"venue": P.BROKER_DEALER})
    return link(market, answer(payload))


def another_wallet(market: Market) -> Outcome:
    return link(market, answer(shown(market, key=market.wallets["bob"].key)))


def forged(market: Market) -> Outcome:
    linked = answer(shown(market))
    intent = market.sign("bob", linked)
    return market.submit(P.BROKER_DEALER, IDENTITY, "link_account", linked, intent)


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        pytest.param(replayed, "CHALLENGE_SPENT", id="replayed"),
        pytest.param(too_late, "CHALLENGE_EXPIRED", id="expired in this second"),
        pytest.param(altered, "CHALLENGE_FOR_ANOTHER", id="for an altered account"),
        pytest.param(elsewhere, "CHALLENGE_UNKNOWN", id="at another venue"),
        pytest.param(another_wallet, "CHALLENGE_FOR_ANOTHER", id="by another wallet"),
        pytest.param(forged, "INTENT_KEY_UNKNOWN", id="signed by somebody else"),
    ],
)
def test_an_answer_does_not_count(
    attempt: Callable[[Market], Outcome], code: str, market: Market
) -> None:
    """SS-27."""
    assert refused(attempt, market) == code


def test_a_code_is_good_until_its_last_second(market: Market) -> None:
    payload = shown(market)
    market.ledger.advance(MINUTE - timedelta(seconds=1))
    link(market, answer(payload))
    assert owner(market) == "alice"


# --- many accounts, and their end ---


def test_one_investor_has_accounts_at_several_venues(market: Market) -> None:
    """SS-30."""
    places = [(P.ATS, "a-1"), (P.ATS, "a-2"), (P.BROKER_DEALER, "b-1")]
    for number, (venue, account) in enumerate(places):
        link(market, answer(shown(market, account, number, venue=venue)))
    held = market.evaluate(IDENTITY, "accounts_of", "alice").load(list[AccountLine])
    assert [(line.venue, line.account) for line in held] == places


@pytest.mark.parametrize("by", ["identity", "venue"])
def test_a_link_ends_at_once_and_the_account_can_be_linked_anew(by: str, market: Market) -> None:
    """SS-29."""
    link(market, answer(shown(market)))
    unlinked = AccountUnlinked(identity="alice", venue=P.ATS, account="a-1")
    if by == "identity":
        intent = market.sign("alice", unlinked)
        market.submit(P.BROKER_DEALER, IDENTITY, "unlink_account", unlinked, intent)
    else:
        market.submit(P.ATS, IDENTITY, "unlink_account", unlinked)
    assert owner(market) is None
    assert market.evaluate(IDENTITY, "accounts_of", "alice").json == []
    link(market, answer(shown(market, number=2), "bob"))
    assert owner(market) == "bob"


def lacks(market: Market) -> list[str]:
    """Return what stands against alice as somebody who trades at the venue."""
    check = PartiesCheck(parties=(Party(identity="alice", account_at=P.ATS),))
    report = market.evaluate(IDENTITY, "check_parties", check).load(PartiesReport)
    return [finding.code for finding in report.parties[0].findings]


def test_who_must_have_an_account_has_one_from_the_link_to_its_end(market: Market) -> None:
    """SS-28, SS-29: the question that settlement asks about both sides of a trade."""
    assert lacks(market) == ["ACCOUNT_NOT_LINKED"]
    link(market, answer(shown(market)))
    assert lacks(market) == []
    unlinked = AccountUnlinked(identity="alice", venue=P.ATS, account="a-1")
    market.submit(P.ATS, IDENTITY, "unlink_account", unlinked)
    assert lacks(market) == ["ACCOUNT_NOT_LINKED"]


def test_nobody_else_closes_an_account(market: Market) -> None:
    link(market, answer(shown(market)))
    unlinked = AccountUnlinked(identity="alice", venue=P.ATS, account="a-1")
    close = (P.BROKER_DEALER, IDENTITY, "unlink_account", unlinked)
    assert refused(market.submit, *close) == "PARTICIPANT_NOT_PERMITTED"


def test_a_link_follows_its_identity_through_rotation_and_recovery(market: Market) -> None:
    """SS-29, SS-67: an account belongs to the identity, not to a key of it."""
    link(market, answer(shown(market)))
    new = new_wallet("alice")
    rotation = KeyRotation(identity="alice", old=market.wallets["alice"].key, new=new.new_key())
    intent = market.sign("alice", rotation, new)
    market.submit(P.BROKER_DEALER, IDENTITY, "rotate_key", rotation, intent)
    fresh = market.wallets["alice"] = new_wallet("alice")
    recovery = Recovery(identity="alice", keys=(fresh.new_key(),), evidence_hash=EVIDENCE)
    intent = market.sign("alice", recovery)
    market.submit(P.TRANSFER_AGENT, IDENTITY, "recover_identity", recovery, intent)
    assert owner(market) == "alice"
