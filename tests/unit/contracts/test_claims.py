"""Claims: what is attested counts while it should, no longer, and for whom it should."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.acts import refused

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.models import (
    BarredList,
    Claim,
    OverduePage,
    OverdueQuestion,
    SignedClaim,
    SubjectClaims,
    Topic,
    TopicTerms,
    Verification,
)
from tallystick.contracts.claims.rules import Judge
from tallystick.contracts.claims.screening import SCREENING
from tallystick.contracts.identities.models import IdentityKey
from tallystick.contracts.identity.models import IdentityView
from tallystick.contracts.instants import Instant
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import PartiesCheck, PartiesReport, Party, Profile, Requirement
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements import (
    ClaimMade,
    Control,
    ControlSet,
    KeyAddition,
    KeyRevocation,
    ListUpdated,
    Statement,
)
from tallystick.contracts.testing import CLAIM_LIFE, EVIDENCE, KYC, KYC_HOUSE, Market, new_wallet
from tallystick.contracts.wallet import Wallet

P = Participant
IDENTITY = Chaincode.IDENTITY
A_SECOND = timedelta(seconds=1)
A_DAY = timedelta(days=1)
OTHER_HOUSE = "other-house"


def verified(market: Market, identity: str, *requirements: Requirement) -> tuple[str, ...]:
    """Return the codes of what an identity lacks; nothing when it is verified."""
    asked = requirements or (Requirement(topic=KYC),)
    answer = market.evaluate(IDENTITY, "verify", identity, asked).load(Verification)
    assert answer.verified is (not answer.reasons)
    return tuple(reason.code for reason in answer.reasons)


def set_topic(market: Market, topic: str = KYC, **terms: int | tuple[str, ...]) -> None:
    market.submit(
        P.REGULATOR,
        IDENTITY,
        "set_topic",
        TopicTerms.model_validate({"topic": topic, **terms}),
    )


def trust(market: Market, topic: str, *issuers: str) -> None:
    for issuer in issuers:
        market.submit(P.REGULATOR, IDENTITY, "trust_issuer", topic, issuer)


def attest(
    market: Market,
    subject: str,
    topic: str = KYC,
    issuer: str = KYC_HOUSE,
    **changes: str | int,
) -> Outcome:
    fields = {
        "subject": subject,
        "topic": topic,
        "issuer": issuer,
        "data_hash": EVIDENCE,
        "valid_from": market.after(timedelta(0)),
        "valid_until": market.after(CLAIM_LIFE),
    }
    made = ClaimMade.model_validate({**fields, **changes})
    return market.submit(P.BROKER_DEALER, IDENTITY, "add_claim", made, market.sign(issuer, made))


def profile(market: Market, identity: str, *topics: str) -> Profile:
    check = PartiesCheck(parties=(Party(identity=identity, topics=topics),))
    report = market.evaluate(IDENTITY, "check_parties", check).load(PartiesReport)
    known = report.parties[0].profile
    assert known is not None
    return known


# --- windows, to the second ---

START, END = "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"


def claim(issuer: str = "house", **changes: object) -> Claim:
    fields = {
        "topic": "kyc",
        "issuer": issuer,
        "version": 1,
        "level": 2,
        "value": "US",
        "data_hash": EVIDENCE,
        "valid_from": START,
        "valid_until": END,
        "key": "k",
    }
    return Claim.model_validate({**fields, **changes})


def key(**changes: object) -> IdentityKey:
    fields = {"public_key": "", "purposes": (Purpose.CLAIM,)}
    return IdentityKey.model_validate({**fields, **changes})


def judge(
    claims: Sequence[Claim],
    moment: Instant = START,
    *,
    signing: IdentityKey | None = None,
    is_parting: bool = False,
) -> Judge:
    return Judge("alice", claims, lambda _, __: signing or key(), moment, is_parting)


ISSUERS = ("house", "third", "two")
TRUSTED = Topic(issuers=ISSUERS)
ATTESTED = Requirement(topic="kyc")


def codes_of(
    judge: Judge, topic: Topic = TRUSTED, requirement: Requirement = ATTESTED
) -> list[str]:
    return [finding.code for finding in judge.findings(requirement, topic)]


GRACE = Topic(issuers=("house",), grace_s=60)


@pytest.mark.parametrize(
    ("moment", "is_parting", "codes"),
    [
        pytest.param(START, False, [], id="from its first second on"),
        pytest.param("2025-12-31T23:59:59Z", False, ["CLAIM_NOT_YET_VALID"], id="a second early"),
        pytest.param("2026-06-30T23:59:59Z", False, [], id="in its last second"),
        pytest.param(END, False, ["CLAIM_EXPIRED"], id="from its end on"),
        pytest.param(END, True, [], id="within grace for who gives away"),
        pytest.param("2026-07-01T00:00:59Z", True, [], id="in the last second of grace"),
        pytest.param("2026-07-01T00:01:00Z", True, ["CLAIM_EXPIRED"], id="after grace"),
    ],
)
def test_a_claim_counts_in_its_window(
    moment: Instant, codes: list[str], *, is_parting: bool
) -> None:
    """SS-32, SS-40, F108, F110."""
    assert codes_of(judge([claim()], moment, is_parting=is_parting), GRACE) == codes


@pytest.mark.parametrize(
    ("requirement", "codes"),
    [
        pytest.param(Requirement(topic="kyc", level=2), [], id="the level"),
        pytest.param(Requirement(topic="kyc", level=3), ["CLAIM_LEVEL_TOO_LOW"], id="too low"),
        pytest.param(Requirement(topic="kyc", values=("DE", "US")), [], id="one of the values"),
        pytest.param(
            Requirement(topic="kyc", values=("DE",)), ["CLAIM_VALUE_DIFFERS"], id="another value"
        ),
        pytest.param(
            Requirement(topic="kyc", issuers=("two",)), ["CLAIM_MISSING"], id="another issuer"
        ),
        pytest.param(
            Requirement(topic="kyc", issuers=("stranger",)),
            ["TOPIC_WITHOUT_ISSUER"],
            id="an issuer whom the topic does not trust",
        ),
        pytest.param(Requirement(topic="kyc", quorum=2), ["CLAIM_QUORUM_MISSED"], id="two issuers"),
    ],
)
def test_a_claim_suffices_or_not(requirement: Requirement, codes: list[str]) -> None:
    """SS-33, SS-72, F109, F112, F113: a security may be stricter than the topic, never looser."""
    assert codes_of(judge([claim()]), requirement=requirement) == codes


@pytest.mark.parametrize(
    ("signing", "codes"),
    [
        pytest.param(key(), [], id="in force"),
        pytest.param(key(retired_at=START), [], id="retired"),
        pytest.param(key(revoked_at=START), ["CLAIM_KEY_REVOKED"], id="revoked"),
        pytest.param(key(purposes=(Purpose.ACTION,)), ["CLAIM_KEY_REVOKED"], id="not for claims"),
    ],
)
def test_a_claim_lives_with_the_key_that_signed_it(signing: IdentityKey, codes: list[str]) -> None:
    """F111."""
    assert codes_of(judge([claim()], signing=signing)) == codes


@given(
    good=st.sets(st.sampled_from(ISSUERS)),
    bad=st.sets(st.sampled_from(ISSUERS)),
    quorum=st.integers(min_value=1, max_value=3),
)
def test_a_quorum_is_met_by_as_many_issuers_whose_claims_count(
    good: set[str], bad: set[str], quorum: int
) -> None:
    """SS-33: losing one provider matters only when too few are left."""
    claims = [claim(issuer) for issuer in ISSUERS if issuer in good]
    claims += [claim(issuer, revoked_at=START) for issuer in ISSUERS if issuer in bad - good]
    codes = codes_of(judge(claims), Topic(issuers=ISSUERS, quorum=quorum))
    assert (not codes) is (len(good) >= quorum)


@pytest.mark.parametrize("revoked", [set(), {"k"}, {"k2"}, {"k", "k2"}, {"k", "k2", "k3"}])
@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_a_claim_lives_while_enough_of_its_signatures_do(revoked: set[str], threshold: int) -> None:
    """SS-33, F111: an issuer under the control of k keys, some of which it has withdrawn."""
    made = claim(cosigners=("k2", "k3"), threshold=threshold)
    keys = {name: key(revoked_at=START if name in revoked else None) for name in made.keys}
    at = Judge("alice", [made], lambda _, name: keys[name], START)
    live = 3 - len(revoked)
    assert codes_of(at) == ([] if live >= threshold else ["CLAIM_KEY_REVOKED"])


def test_issuers_who_say_different_things_do_not_agree() -> None:
    """SS-33, W6: one says US, the other DE; that each of the two would do makes no quorum."""
    claims = [claim("house", value="US"), claim("two", value="DE")]
    asked = Requirement(topic="kyc", values=("US", "DE"), quorum=2)
    assert codes_of(judge(claims), requirement=asked) == ["CLAIM_QUORUM_MISSED"]
    assert codes_of(judge([*claims, claim("third", value="DE")]), requirement=asked) == []


def test_what_somebody_says_about_itself_counts_for_nothing() -> None:
    """F122."""
    codes = codes_of(judge([claim("alice")]), Topic(issuers=("alice",)))
    assert codes == ["CLAIM_SELF_MADE"]


# --- on the ledger ---


def test_the_register_follows_a_claim_to_the_second(market: Market) -> None:
    """SS-38: who holds without a live claim can neither get nor give."""
    market.register("carol")
    attest(market, "carol", valid_until=market.after(A_DAY))
    market.transfer("alice", "carol", 5)
    market.ledger.advance(A_DAY - A_SECOND)
    market.transfer("alice", "carol", 5)
    market.ledger.advance(A_SECOND)
    assert refused(market.transfer, "alice", "carol", 5) == "RECEIVER_NOT_VERIFIED"
    assert market.units("carol") == 10


def test_grace_lets_holders_sell_and_nobody_buy(market: Market) -> None:
    """SS-40."""
    set_topic(market, grace_s=3600)
    market.ledger.advance(CLAIM_LIFE)
    attest(market, "bob")
    market.transfer("alice", "bob", 1)
    assert refused(market.issue, "alice", 1) == "RECEIVER_NOT_VERIFIED"
    market.ledger.advance(timedelta(hours=1))
    assert refused(market.transfer, "alice", "bob", 1) == "SENDER_NOT_VERIFIED"


def test_a_refresh_replaces_a_claim_and_raises_its_version(market: Market) -> None:
    """SS-31, SS-40, W5: a copy kept elsewhere can be told to be stale."""
    before = profile(market, "bob", KYC).attested[0]
    attest(market, "bob", level=2)
    after = profile(market, "bob", KYC).attested[0]
    assert (before.version, before.level) == (1, 1)
    assert (after.version, after.level) == (2, 2)
    held = market.evaluate(IDENTITY, "claims", "bob").load(SubjectClaims)
    assert len(held.claims) == 1


def test_who_is_to_be_refreshed_is_listed(market: Market) -> None:
    """SS-40: those whose claims end soon, and those below a level that was raised."""
    market.register("carol")
    attest(market, "bob", level=2)
    attest(market, "carol", level=2, valid_until=market.after(A_DAY))
    question = OverdueQuestion(topic=KYC, before=market.after(2 * A_DAY), level=2)
    page = market.evaluate(IDENTITY, "overdue", question).load(OverduePage)
    assert [line.subject for line in page.claims] == ["alice", "carol"]


def test_one_provider_of_two_may_fail(market: Market) -> None:
    """SS-33, F113, W6: its key is stolen and revoked; the other's word stands."""
    market.register(OTHER_HOUSE)
    trust(market, KYC, OTHER_HOUSE)
    attest(market, "bob", issuer=OTHER_HOUSE)
    revoke_house_key(market)
    assert verified(market, "alice") == ("CLAIM_KEY_REVOKED",)
    assert verified(market, "bob") == ()


def revoke_house_key(market: Market) -> None:
    """Let the KYC house lose its key: everything that it signed with it is dead."""
    old, new = market.wallets[KYC_HOUSE], new_wallet(KYC_HOUSE)
    addition = KeyAddition(identity=KYC_HOUSE, key=new.new_key())
    intent = market.sign(KYC_HOUSE, addition, new)
    market.submit(P.BROKER_DEALER, IDENTITY, "add_key", addition, intent)
    revocation = KeyRevocation(identity=KYC_HOUSE, key=old.key)
    intent = market.sign(KYC_HOUSE, revocation)
    market.submit(P.BROKER_DEALER, IDENTITY, "revoke_key", revocation, intent)


def test_two_providers_must_agree_where_the_topic_says_so(market: Market) -> None:
    """SS-33, F114, W6."""
    set_topic(market, quorum=2)
    assert refused(market.transfer, "alice", "bob", 1) == "SENDER_NOT_VERIFIED"
    market.register(OTHER_HOUSE)
    trust(market, KYC, OTHER_HOUSE)
    for holder in ("alice", "bob"):
        attest(market, holder, issuer=OTHER_HOUSE)
    market.transfer("alice", "bob", 1)


def test_a_profile_tells_what_was_asked_and_counts(market: Market) -> None:
    """SS-42: residence and class, by topic and issuer."""
    trust(market, "residence", KYC_HOUSE)
    set_topic(market, "residence", values=("DE", "US"))
    attest(market, "bob", "residence", value="US")
    trust(market, "accredited", KYC_HOUSE)
    attest(market, "bob", "accredited", level=2)
    market.submit(P.REGULATOR, IDENTITY, "distrust_issuer", "accredited", KYC_HOUSE)
    told = profile(market, "bob", "residence", "accredited").attested
    assert [(each.topic, each.value) for each in told] == [("residence", "US")]
    assert refused(attest, market, "alice", "residence", value="FR") == "CLAIM_VALUE_UNKNOWN"


def test_a_claim_of_several_keys_dies_with_one_too_many(market: Market) -> None:
    """SS-33, F106, F111: two of two sign; the second is withdrawn, and the word with it."""
    second, third = new_wallet(KYC_HOUSE), new_wallet(KYC_HOUSE)
    for wallet in (second, third):
        as_house(market, KeyAddition(identity=KYC_HOUSE, key=wallet.new_key()), wallet)
    as_house(market, ControlSet(identity=KYC_HOUSE, control=Control(claim=2)))
    made = market.claim("bob").statement
    intent = market.sign(KYC_HOUSE, made, second)
    market.submit(P.BROKER_DEALER, IDENTITY, "add_claim", made, intent)
    assert verified(market, "bob") == ()
    as_house(market, KeyRevocation(identity=KYC_HOUSE, key=second.key))
    assert verified(market, "bob") == ("CLAIM_KEY_REVOKED",)


def as_house(market: Market, statement: Statement, *cosigners: Wallet) -> None:
    intent = market.sign(KYC_HOUSE, statement, *cosigners)
    market.submit(P.BROKER_DEALER, IDENTITY, statement.kind, statement, intent)


def test_strangers_fill_no_row_of_claims(market: Market) -> None:
    """SS-32: who is trusted for a topic may speak of anybody, others of themselves only."""
    market.register("mallory")
    assert refused(attest, market, "bob", "gossip", "mallory") == "ISSUER_NOT_TRUSTED"
    attest(market, "mallory", "gossip", "mallory")
    assert len(market.evaluate(IDENTITY, "claims", "bob").load(SubjectClaims).claims) == 1


def test_claims_come_in_bulk_and_all_or_none(market: Market) -> None:
    """SS-43."""
    for name in ("carol", "dora"):
        market.register(name)
    good, unsigned = market.claim("carol"), market.claim("dora")
    forged = SignedClaim(statement=unsigned.statement, intent=good.intent)
    attempt = ("add_claims", [good, forged])
    assert refused(market.submit, P.BROKER_DEALER, IDENTITY, *attempt) == "INTENT_ALREADY_USED"
    assert verified(market, "carol") == ("CLAIM_MISSING",)
    market.submit(P.BROKER_DEALER, IDENTITY, "add_claims", [good, unsigned])
    assert verified(market, "carol") == verified(market, "dora") == ()


def test_a_claim_about_another_cannot_be_transplanted(market: Market) -> None:
    """SS-32."""
    market.register("carol")
    honest = market.claim("bob")
    moved = honest.statement.model_copy(update={"subject": "carol"})
    submit = (P.BROKER_DEALER, IDENTITY, "add_claim", moved, honest.intent)
    assert refused(market.submit, *submit) == "INTENT_SIGNATURE_INVALID"


# --- lists of the barred ---


def update_list(
    market: Market,
    version: int,
    *,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    issuer: str = KYC_HOUSE,
) -> Outcome:
    updated = ListUpdated(
        issuer=issuer,
        list_name="ofac-sdn",
        version=version,
        list_hash=EVIDENCE,
        added=added,
        removed=removed,
    )
    intent = market.sign(issuer, updated)
    return market.submit(P.BROKER_DEALER, IDENTITY, "update_list", updated, intent)


def test_a_list_bars_holders_everywhere_at_once_and_clears_them_again(market: Market) -> None:
    """SS-39, F82, F83, F116, W23: units, money, and what is pending."""
    trust(market, SCREENING, KYC_HOUSE)
    market.agree(market.terms())
    outcome = update_list(market, 1, added=("bob",))
    assert outcome.event_types == ("identity.ListUpdated", "identity.IdentityBarred")
    assert refused(market.transfer, "alice", "bob", 1) == "RECEIVER_NOT_VERIFIED"
    assert refused(market.lock) == "RECEIVER_NOT_VERIFIED"
    assert refused(market.deposit, "bob", 1) == "IDENTITY_BARRED"
    update_list(market, 2, removed=("bob",))
    market.transfer("alice", "bob", 1)
    market.lock()


def test_a_barred_trade_that_was_locked_cannot_settle_and_can_be_cancelled(
    market: Market,
) -> None:
    """SS-39, SS-89: locked units find their way back."""
    trust(market, SCREENING, KYC_HOUSE)
    market.agree(market.terms())
    market.lock()
    update_list(market, 1, added=("alice",))
    assert refused(market.settle) == "SENDER_NOT_VERIFIED"
    market.submit(P.CLEARING, Chaincode.SETTLEMENT, "cancel", "T-1", "a party is barred")
    assert market.units("alice") == 1000


def test_two_lists_that_name_somebody_must_both_let_go(market: Market) -> None:
    market.register(OTHER_HOUSE)
    trust(market, SCREENING, KYC_HOUSE, OTHER_HOUSE)
    update_list(market, 1, added=("bob",))
    update_list(market, 1, added=("bob",), issuer=OTHER_HOUSE)
    update_list(market, 2, removed=("bob",))
    assert refused(market.transfer, "alice", "bob", 1) == "RECEIVER_NOT_VERIFIED"
    view = market.evaluate(IDENTITY, "identity", "bob").load(IdentityView)
    assert [block.issuer for block in view.identity.blocks] == [OTHER_HOUSE]


def test_a_list_whose_issuer_is_distrusted_bars_until_the_regulator_clears(market: Market) -> None:
    """SS-39: distrust clears nobody, and nobody stays barred for want of somebody who may."""
    trust(market, SCREENING, KYC_HOUSE)
    update_list(market, 1, added=("bob",))
    market.submit(P.REGULATOR, IDENTITY, "distrust_issuer", SCREENING, KYC_HOUSE)
    assert refused(update_list, market, 2, removed=("bob",)) == "ISSUER_NOT_TRUSTED"
    assert refused(market.transfer, "alice", "bob", 1) == "RECEIVER_NOT_VERIFIED"
    market.submit(P.REGULATOR, IDENTITY, "lift_bar", "bob", KYC_HOUSE, "ofac-sdn")
    market.transfer("alice", "bob", 1)


def test_only_who_is_trusted_for_it_keeps_a_list(market: Market) -> None:
    assert refused(update_list, market, 1, added=("bob",)) == "ISSUER_NOT_TRUSTED"


def test_the_version_of_a_list_that_is_in_force_can_be_read(market: Market) -> None:
    trust(market, SCREENING, KYC_HOUSE)
    for version in (1, 2):
        update_list(market, version)
    listed = market.evaluate(IDENTITY, "barred_list", KYC_HOUSE, "ofac-sdn").load(BarredList)
    assert (listed.version, listed.list_hash) == (2, EVIDENCE)
