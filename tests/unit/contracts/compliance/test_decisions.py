"""Decisions: asked beforehand, enforced, recorded, reviewed, and worked out again."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from tests.unit.contracts.compliance.stage import (
    AGENT,
    REGULATOR,
    TOKEN,
    RuledMarket,
    rule,
    sent,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.book import Account, Position
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.counts import HolderCounts
from tallystick.contracts.compliance.cures import cure_of
from tallystick.contracts.compliance.models import (
    Binding,
    RuleSet,
    RulesGiven,
)
from tallystick.contracts.compliance.records import (
    DecisionPage,
    DecisionRecord,
    Outcome,
    Recomputation,
)
from tallystick.contracts.licensing.models import Description, LicenceClass
from tallystick.contracts.lots import LotLock, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import ComplianceReason, Kind
from tallystick.contracts.register.models import Allocation, DocumentVersion, Verdict
from tallystick.contracts.statements import (
    ClaimMade,
    Representation,
    SecurityAccepted,
)
from tallystick.contracts.testing import EVIDENCE, KYC_HOUSE, Market

ATS = Participant.ATS
BROKER = Participant.BROKER_DEALER
ISSUER = Participant.ISSUER
HASH = "a" * 64


def recomputed(market: Market, decision: str) -> Recomputation:
    return market.evaluate(TOKEN, "recompute", "ACME", decision).load(Recomputation)


def recorded(market: Market, decision: str) -> DecisionRecord:
    return market.evaluate(TOKEN, "decision", "ACME", decision).load(DecisionRecord)


def listed(market: Market, *, only_open: bool = False) -> list[tuple[str, Outcome]]:
    page = market.evaluate(TOKEN, "decisions", "ACME", 100, "", only_open).load(DecisionPage)
    return [(each.decision, each.outcome) for each in page.decisions]


# --- the question ---


def test_the_answer_says_how_much_when_the_rest_and_what_would_cure(ruled: RuledMarket) -> None:
    """SS-47, W15, F29."""
    unlock = ruled.after(timedelta(days=30))
    ruled.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)
    for quantity, locks in ((300, ()), (500, (LotLock(holder_class="*", until=unlock),))):
        lines = [Allocation(to="alice", quantity=quantity, origin=Origin(locks=locks))]
        ruled.submit(AGENT, TOKEN, "issue_to_many", "ACME", lines)
    ruled.bind(rule("maximum-holding", units=400))

    verdict = ruled.ask(500)

    assert [each.code for each in verdict.reasons] == ["LOT_LOCKED", "HOLDING_ABOVE_LIMIT"]
    assert (verdict.available, verdict.most) == (800, 300)
    assert [(each.moment, each.quantity) for each in verdict.unlocks] == [(unlock, 100)]
    assert [each.code for each in verdict.cures] == ["LOT_LOCKED", "HOLDING_ABOVE_LIMIT"]


def test_a_grant_vests_part_by_part_by_its_schedule(ruled: RuledMarket) -> None:
    """F21, F75: four equal parts, each free from a second of its own, as the answer says."""
    ruled.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)
    quarters = [ruled.after(timedelta(days=90 * number)) for number in (1, 2, 3, 4)]
    grant = [
        Allocation(
            to="alice",
            quantity=25,
            origin=Origin(round="grant", locks=(LotLock(holder_class="*", until=each),)),
        )
        for each in quarters
    ]
    ruled.submit(AGENT, TOKEN, "issue_to_many", "ACME", grant)

    answer = ruled.ask(1)
    assert [each.code for each in answer.reasons] == ["LOT_LOCKED"]
    assert [(each.moment, each.quantity) for each in answer.unlocks] == [
        (each, 25) for each in quarters
    ]
    for free in (25, 50, 75, 100):
        ruled.ledger.advance(timedelta(days=90, seconds=-1))
        assert ruled.ask(1).most == free - 25
        ruled.ledger.advance(timedelta(seconds=1))
        assert ruled.ask(1).most == free


def test_units_that_are_free_go_first(ruled: RuledMarket) -> None:
    """SS-73: the older lot is locked, and stays; to the second."""
    unlock = ruled.after(timedelta(days=30))
    ruled.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)
    origins = (
        Origin(held_since="2020-01-01", locks=(LotLock(holder_class="person", until=unlock),)),
        Origin(),
    )
    for origin in origins:
        lines = [Allocation(to="alice", quantity=10, origin=origin)]
        ruled.submit(AGENT, TOKEN, "issue_to_many", "ACME", lines)

    ruled.transfer("alice", "bob", 10)
    assert [each.code for each in ruled.ask(1).reasons] == ["LOT_LOCKED"]
    ruled.ledger.advance(timedelta(days=30, seconds=-1))
    assert not ruled.ask(10).allowed
    ruled.ledger.advance(timedelta(seconds=1))
    ruled.transfer("alice", "bob", 10)

    assert ruled.units("bob") == 20


RULES = st.lists(
    st.one_of(
        st.integers(1, 1200).map(lambda units: rule("maximum-holding", units=units)),
        st.integers(1, 400).map(lambda units: rule("minimum-holding", units=units)),
        st.just(rule("full-exit-only")),
        st.integers(1, 3).map(lambda most: rule("holder-limit", most=most)),
        st.integers(1, 900).map(lambda units: rule("volume-window", window="P30D", units=units)),
        st.integers(1, 10_000).map(lambda share: rule("maximum-holding", share=share)),
        st.just(rule("receiver-claims", none=[{"topic": "sells-only"}])),
        st.just(rule("lock-up", lines=[{"exemption": "reg-d", "period": "P1Y"}])),
        st.just(rule("venue-only")),
    ),
    max_size=4,
)
TEMPLATE = RuledMarket()
TEMPLATE.open()
TEMPLATE.onboard("alice", "bob", "carol")
for _to, _quantity, _exemption in (
    ("alice", 600, None),
    ("alice", 400, "reg-d"),
    ("carol", 9, None),
):
    TEMPLATE.submit(
        AGENT,
        TOKEN,
        "issue_to_many",
        "ACME",
        [Allocation(to=_to, quantity=_quantity, origin=Origin(exemption=_exemption))],
    )


def copied(market: RuledMarket) -> RuledMarket:
    """Return the same market with rows of its own."""
    other = RuledMarket(wallets=market.wallets, clients=market.clients, nonces=market.nonces)
    other.ledger.now = market.ledger.now
    for chaincode, rows in market.ledger.world.rows.items():
        other.ledger.world.rows_of(chaincode).values.update(rows.values)
    return other


@settings(max_examples=60, deadline=None)
@given(rules=RULES, quantity=st.integers(1, 1100))
def test_the_query_says_what_the_movement_does_and_the_record_says_it_again(
    rules: list[Binding], quantity: int
) -> None:
    """SS-47, SS-78, F98, W15, W31."""
    market = copied(TEMPLATE)
    market.ledger.advance(timedelta(seconds=1))
    market.bind(*rules)
    verdict = market.ask(quantity)

    assert verdict.allowed is (quantity <= verdict.available and not verdict.reasons)
    if not verdict.allowed:
        with pytest.raises(Refusal) as refused:
            market.transfer("alice", "bob", quantity)
        assert refused.value.facts["reasons"] == [each.model_dump() for each in verdict.reasons]
    assert quantity <= verdict.most or not verdict.allowed
    if verdict.most < 1000:
        assert not market.ask(verdict.most + 1).allowed
    if verdict.most:
        assert market.ask(verdict.most).allowed
        moved = market.transfer("alice", "bob", verdict.most)
        market.bind(rule("full-exit-only"))
        assert recomputed(market, moved.transaction_id).agrees
    asked = market.evaluate(TOKEN, "can_transfer", sent(1100), ATS).load(Verdict)
    refused_at_venue = market.submit(ATS, TOKEN, "record_refusal", sent(1100)).transaction_id
    record = recorded(market, refused_at_venue)
    said = [code for result in record.results for code in result.codes]
    assert {*said, *record.beside} == {each.code for each in asked.reasons}
    assert recomputed(market, refused_at_venue).agrees


@pytest.mark.parametrize("reason", [*ComplianceReason])
def test_each_reason_for_which_a_rule_refuses_has_a_cure(reason: ComplianceReason) -> None:
    """W15: what is amiss with rules, packs and records has none: nobody's movement is refused."""
    about_rules = {Kind.NOT_FOUND, Kind.MALFORMED, Kind.CONFLICT, Kind.CALLER}

    assert (cure_of(reason.name) is None) is (reason.kind in about_rules)


@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_a_claim_says_from_when_on_a_holder_may_be_on_a_side(side: str, ruled: RuledMarket) -> None:
    """F94: to the second."""
    ruled.attest("bob", "cleared")
    ruled.attest("alice", "cleared")
    holder = "alice" if side == "sender" else "bob"
    ruled.bind(rule(f"{side}-claims", all=[{"topic": "cleared"}]))
    later = ClaimMade(
        subject=holder,
        topic="cleared",
        issuer=KYC_HOUSE,
        level=1,
        data_hash=HASH,
        valid_from=ruled.after(timedelta(days=3)),
        valid_until=ruled.after(timedelta(days=30)),
    )
    ruled.submit(BROKER, Chaincode.IDENTITY, "add_claim", later, ruled.sign(KYC_HOUSE, later))

    ruled.ledger.advance(timedelta(days=3, seconds=-1))
    assert [each.code for each in ruled.ask(1).reasons] == [f"{side.upper()}_NOT_ELIGIBLE"]
    ruled.ledger.advance(timedelta(seconds=1))
    assert ruled.ask(1).allowed


# --- the record ---


def test_a_movement_leaves_the_record_of_its_decision(ruled: RuledMarket) -> None:
    """SS-80: inputs, versions of claims and rules, and what each rule said."""
    ruled.attest("bob", "residence", "DE")
    ruled.attest("alice", "residence", "US")
    ruled.bind(rule("residence"), rule("maximum-holding", units=100))

    moved = ruled.transfer("alice", "bob", 60)

    record = recorded(ruled, moved.transaction_id)
    assert (record.outcome, record.actor, record.facts.rule_set) == (Outcome.MOVED, BROKER, 1)
    assert [(each.rule, each.version, each.codes) for each in record.results] == [
        ("not-paused", 1, ()),
        ("open", 1, ()),
        ("in-good-standing", 1, ()),
        ("lot-locks", 1, ()),
        ("residence", 1, ()),
        ("maximum-holding", 1, ()),
    ]
    bob = record.case.holders[Account("ACME", "bob")]
    assert bob.profile is not None
    assert {(each.topic, each.version) for each in bob.profile.attested} == {
        ("kyc", 1),
        ("residence", 1),
    }
    assert (bob.before.quantity, bob.after.quantity) == (0, 60)


def test_a_decision_is_worked_out_by_the_rules_that_were_in_force(ruled: RuledMarket) -> None:
    """SS-78, W31: later rules, claims and positions change nothing."""
    ruled.bind(rule("maximum-holding", units=100))
    moved = ruled.transfer("alice", "bob", 60)
    ruled.bind(rule("full-exit-only"))
    ruled.transfer("bob", "alice", 60)

    again = recomputed(ruled, moved.transaction_id)

    assert again.agrees
    assert again.recorded == again.recomputed


def test_a_record_that_was_tampered_with_does_not_agree(ruled: RuledMarket) -> None:
    ruled.bind(rule("maximum-holding", units=100))
    moved = ruled.transfer("alice", "bob", 60)
    rows = ruled.ledger.world.rows[TOKEN].values
    (key,) = [each for each in rows if "decision" in each and moved.transaction_id in each]
    record = DecisionRecord.model_validate_json(rows[key])
    forged = [
        each.model_copy(update={"after": Position(quantity=101)}) if each.holder == "bob" else each
        for each in record.holders
    ]
    rows[key] = record.model_copy(update={"holders": tuple(forged)}).model_dump_json().encode()

    assert not recomputed(ruled, moved.transaction_id).agrees


def test_a_venue_records_a_refusal_and_the_regulator_acknowledges_it(ruled: RuledMarket) -> None:
    """SS-06, SS-80, W13, F175: refused and settled alike; those not acknowledged are listed."""
    ruled.bind(rule("maximum-holding", units=100))
    moved = ruled.transfer("alice", "bob", 60).transaction_id
    refused = ruled.submit(ATS, TOKEN, "record_refusal", sent(41)).transaction_id

    ((issued, _),) = [each for each in listed(ruled) if each[0] not in {moved, refused}]
    assert {(moved, Outcome.MOVED), (refused, Outcome.REFUSED)} < set(listed(ruled))
    assert recorded(ruled, refused).venue is not None
    assert recomputed(ruled, refused).agrees
    assert (ruled.units("alice"), ruled.units("bob")) == (940, 60)

    ruled.submit(REGULATOR, TOKEN, "query_decision", "ACME", refused, HASH)
    for each in (issued, moved):
        ruled.submit(REGULATOR, TOKEN, "acknowledge", "ACME", each)
    assert listed(ruled, only_open=True) == [(refused, Outcome.REFUSED)]
    ruled.submit(REGULATOR, TOKEN, "acknowledge", "ACME", refused)
    assert listed(ruled, only_open=True) == []


# --- rules in force ---


def test_without_requirements_and_rules_nothing_moves_between_holders(ruled: RuledMarket) -> None:
    """SS-57: closed unless opened."""
    ruled.create_security("BARE", ())
    ruled.issue("alice", 5, "BARE")
    move = sent(1).model_copy(update={"security": "BARE"})

    with pytest.raises(Refusal, match="RULES_MISSING"):
        ruled.submit(BROKER, TOKEN, "transfer", move)

    given = RulesGiven(security="BARE", rules=(rule("maximum-holding", units=9),))
    ruled.submit(AGENT, TOKEN, "bind_rules", given)
    ruled.submit(BROKER, TOKEN, "transfer", move)
    assert ruled.units("bob", "BARE") == 1


def test_the_issuer_sets_rules_of_its_own_but_lifts_no_law(ruled: RuledMarket) -> None:
    """SS-05, SS-69."""
    ruled.bind(packs=["us-rule-144-2026-01-01"])
    packs = ruled.evaluate(TOKEN, "rules", "ACME").load(RuleSet).packs
    own = RulesGiven(security="ACME", rules=(rule("full-exit-only"),))

    for part, changed in (
        ("pack us-rule-144", own),
        ("home", own.model_copy(update={"packs": packs, "home": "DE"})),
        ("unit price", own.model_copy(update={"packs": packs, "unit_price": 1})),
    ):
        with pytest.raises(Refusal, match=f"LAW_MUST_STAY: .* {part}"):
            ruled.submit(ISSUER, TOKEN, "bind_rules", changed)
    ruled.submit(ISSUER, TOKEN, "bind_rules", own.model_copy(update={"packs": packs}))

    assert [each.code for each in ruled.ask(1).reasons] == ["FULL_EXIT_ONLY"]


def test_the_issuer_lifts_no_rule_that_another_bound(ruled: RuledMarket) -> None:
    """SS-05: what the regulator bound stays, without a pack too; the issuer's own goes."""
    theirs, own = rule("maximum-holding", units=5), rule("full-exit-only")
    ruled.submit(REGULATOR, TOKEN, "bind_rules", RulesGiven(security="ACME", rules=(theirs,)))

    with pytest.raises(Refusal, match=r"LAW_MUST_STAY: .* rule maximum-holding of RegulatorMSP"):
        ruled.submit(ISSUER, TOKEN, "bind_rules", RulesGiven(security="ACME", rules=(own,)))
    both = RulesGiven(security="ACME", rules=(theirs, own))
    ruled.submit(ISSUER, TOKEN, "bind_rules", both)
    ruled.submit(ISSUER, TOKEN, "bind_rules", RulesGiven(security="ACME", rules=(theirs,)))
    assert len(ruled.evaluate(TOKEN, "rules", "ACME").load(RuleSet).rules) == 1


def test_a_venue_is_stricter_than_the_security_never_looser(ruled: RuledMarket) -> None:
    """SS-14, SS-51, F77."""
    ruled.bind(rule("maximum-holding", units=100))
    ruled.submit(ATS, TOKEN, "bind_venue_rules", "ACME", [rule("maximum-holding", units=50)])

    def most(venue: str | None) -> int:
        answer = ruled.evaluate(TOKEN, "can_transfer", sent(60), venue).json
        assert isinstance(answer, dict)
        assert isinstance(answer["most"], int)
        return answer["most"]

    assert (most(None), most(ATS)) == (100, 50)
    ruled.submit(ATS, TOKEN, "bind_venue_rules", "ACME", [rule("maximum-holding", units=500)])
    assert most(ATS) == 100
    refused = ruled.submit(ATS, TOKEN, "record_refusal", sent(101)).transaction_id
    ruled.submit(ATS, TOKEN, "bind_venue_rules", "ACME", [])
    assert recomputed(ruled, refused).agrees


def test_units_stand_still_while_a_disclosure_is_overdue(ruled: RuledMarket) -> None:
    """SS-77: to the second."""
    ruled.bind(rule("disclosure", document="annual-report"))
    assert [each.code for each in ruled.ask(1).reasons] == ["DISCLOSURE_OVERDUE"]
    version = DocumentVersion(
        security="ACME",
        name="annual-report",
        uri="https://issuer.example/2023",
        document_hash=HASH,
        next_due_at=ruled.after(timedelta(days=1)),
    )
    ruled.submit(ISSUER, TOKEN, "publish_document", version)

    ruled.ledger.advance(timedelta(days=1, seconds=-1))
    assert ruled.ask(1).allowed
    ruled.ledger.advance(timedelta(seconds=1))
    assert not ruled.ask(1).allowed


@pytest.mark.parametrize(
    ("parameters", "admitted"),
    [
        ({"venues": [ATS]}, True),
        ({"venues": ["OtherMSP"]}, False),
        ({"classes": ["ats"]}, True),
        ({"classes": ["exchange"]}, False),
        ({"categories": ["new-exchange"]}, True),
        ({"categories": ["traditional-exchange"]}, False),
    ],
)
def test_venues_are_admitted_by_name_licence_and_category(
    parameters: dict[str, JsonValue], ruled: RuledMarket, *, admitted: bool
) -> None:
    """SS-16, F133."""
    said = Description(category="new-exchange")
    ruled.submit(ATS, Chaincode.IDENTITY, "describe_organization", said)
    ruled.bind(rule("venue-only", **parameters))

    verdict = ruled.evaluate(TOKEN, "can_transfer", sent(1), ATS).load(Verdict)

    assert verdict.allowed is admitted


def test_a_new_class_of_intermediary_has_limits_of_its_own_from_the_next_block_on(
    ruled: RuledMarket,
) -> None:
    """SS-10, SS-11, SS-65, W7: class, licence and limits are data; without the licence, as all."""
    fund = LicenceClass(
        licence_class="pension-fund", title="Pension fund", powers=(Power.SAFEGUARD,)
    )
    ruled.submit(REGULATOR, Chaincode.IDENTITY, "define_classes", [fund])
    ruled.license(ruled.licence("FundMSP", "pension-fund"))
    held_for = Representation(identity="bob", organization="FundMSP")
    ruled.submit("FundMSP", Chaincode.IDENTITY, "represent", held_for, ruled.sign("bob", held_for))
    by_class: dict[str, dict[str, JsonValue]] = {
        "pension-fund": {"units": 500},
        "*": {"units": 50},
    }
    ruled.bind(Binding(rule="maximum-holding", parameters=by_class))

    assert ruled.ask(501).most == 500
    ruled.transfer("alice", "bob", 200)
    ruled.submit(
        REGULATOR, Chaincode.IDENTITY, "suspend_licence", "FundMSP", "pension-fund", "unpaid"
    )
    assert ruled.ask(1).most == 0


def test_a_receiver_says_whether_it_wants_a_security(ruled: RuledMarket) -> None:
    """F93."""
    ruled.bind(rule("receiver-accepts"))
    assert [each.code for each in ruled.ask(1).reasons] == ["RECEIVER_NOT_WILLING"]
    for accepts in (True, False):
        said = SecurityAccepted(security="ACME", holder="bob", accepts=accepts)
        ruled.submit(AGENT, TOKEN, "accept_security", said, ruled.sign("bob", said))

        assert ruled.ask(1).allowed is accepts
        assert ruled.evaluate(TOKEN, "accepts", "ACME", "bob").load(bool) is accepts


# --- counts ---


def test_holders_are_counted_as_they_come_and_go(ruled: RuledMarket) -> None:
    """SS-75, F100: counts are sums of changes since the first issue, by person and class."""
    ruled.attest("bob", "residence", "DE")
    ruled.transfer("alice", "bob", 5)
    ruled.transfer("alice", "bob", 5)

    def counts() -> HolderCounts:
        return ruled.evaluate(TOKEN, "holder_counts", "ACME").load(HolderCounts)

    assert (counts().persons, counts().by_class["residence@DE"]) == (2, 1)
    ruled.transfer("bob", "alice", 10)
    assert (counts().persons, "residence@DE" in counts().by_class) == (1, False)


def test_a_recount_follows_claims_that_changed_meanwhile(ruled: RuledMarket) -> None:
    ruled.attest("alice", "accreditation")
    ruled.attest("alice", "beneficial-owners", level=7)

    persons: list[JsonValue] = ["alice", "bob"]
    ruled.submit(AGENT, TOKEN, "recount", "ACME", persons)

    counts = ruled.evaluate(TOKEN, "holder_counts", "ACME").load(HolderCounts)
    assert (counts.persons, counts.owners, counts.by_class["accreditation@"]) == (1, 7, 1)


def test_transfers_of_different_holders_share_no_row_under_rules(ruled: RuledMarket) -> None:
    """SS-112, W25: with every rule that keeps no count of all holders."""
    ruled.onboard("carol", "dave")
    ruled.issue("carol", 10)
    ruled.bind(
        rule("maximum-holding", units=900),
        rule("volume-window", window="P30D", units=900),
        rule("lock-up", lines=[{"period": "P1D", "exemption": "reg-d"}]),
    )
    rows = ruled.ledger.world.rows[Chaincode.TOKEN]

    def written(sender: str, receiver: str) -> set[str]:
        before = {key: len(changes) for key, changes in rows.history.items()}
        ruled.transfer(sender, receiver, 1)
        return {key for key, changes in rows.history.items() if len(changes) > before.get(key, 0)}

    first, second = written("alice", "bob"), written("carol", "dave")
    assert len(first) >= 3
    assert first.isdisjoint(second)
