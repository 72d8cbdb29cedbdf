"""Answers and records: of what the question leaves aside, of chosen lots, of every kind of act."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import TypeAdapter
from tests.unit.contracts.acts import refusal_of, refused
from tests.unit.contracts.compliance.stage import (
    AGENT,
    BROKER,
    IDENTITY,
    REGULATOR,
    TOKEN,
    RuledMarket,
    rule,
    sent,
)
from tests.unit.contracts.register_acts import allow, as_agent, draw, force, hold, signed

from tallystick.chaincode import Context, Refusal, transaction
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.contracts.book import Move
from tallystick.contracts.compliance.models import Binding, Pack, PackReference, RulesGiven
from tallystick.contracts.compliance.records import DecisionRecord, Outcome, Recomputation
from tallystick.contracts.events import Basis, RefusalRecorded, read_event
from tallystick.contracts.lots import LotChoice, LotLock, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.reasons import Finding
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import Allocation, Verdict
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.statements import (
    ANY_SCOPE,
    AllowanceScope,
    Portion,
    UnitsSentToMany,
)
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.token import TokenContract

ATS, CLEARING = Participant.ATS, Participant.CLEARING
A_MONTH = timedelta(days=30)


def issue_lots(market: RuledMarket, *origins: Origin) -> None:
    """Let alice have ten units of each origin, and nothing else."""
    as_agent(market, "redeem", "ACME", "alice", 1000, EVIDENCE)
    lines = [Allocation(to="alice", quantity=10, origin=each) for each in origins]
    as_agent(market, "issue_to_many", "ACME", lines)


def locked(market: RuledMarket, tranche: str = "a", since: str = "2020-01-01") -> Origin:
    lock = LotLock(holder_class="*", until=market.after(A_MONTH))
    return Origin(tranche=tranche, held_since=since, locks=(lock,))


def codes_of(refusal: Refusal) -> list[str]:
    """Return the codes of all reasons that a refusal names."""
    reasons = TypeAdapter(list[Finding]).validate_python(refusal.facts["reasons"])
    return [each.code for each in reasons]


def lines_of(verdict: Verdict) -> list[tuple[str, int]]:
    return [(each.moment, each.quantity) for each in verdict.unlocks]


# --- what the question leaves aside, and what it does not ---


def test_a_venue_that_could_not_settle_is_told_so(ruled: RuledMarket) -> None:
    """SS-01, SS-47: the licence of the venue is part of the verdict on a trade there."""
    ruled.bind(rule("maximum-holding", units=100))
    ruled.deposit("bob", 50_000)
    ruled.agree(ruled.terms())
    ruled.submit(REGULATOR, IDENTITY, "suspend_licence", ATS, "ats", "an inquiry")

    verdict = ruled.evaluate(TOKEN, "can_transfer", sent(10), ATS).load(Verdict)

    assert [each.code for each in verdict.reasons] == [refused(ruled.lock)]
    assert (verdict.allowed, verdict.most) == (False, 0)
    assert ruled.ask(10).allowed


def test_who_asks_needs_no_licence(ruled: RuledMarket) -> None:
    ruled.bind(rule("maximum-holding", units=100))
    answer = ruled.submit("StrangerMSP", TOKEN, "can_transfer", sent(10))
    assert answer.load(Verdict).allowed


def test_a_transfer_to_oneself_is_answered_too(ruled: RuledMarket) -> None:
    """F25, F27."""
    verdict = ruled.ask(10, receiver="alice")
    assert [each.code for each in verdict.reasons] == ["SAME_PARTY"]
    assert (verdict.allowed, verdict.available) == (False, 1000)


# --- when the rest unlocks ---


def test_a_lot_unlocks_only_what_may_go_then(ruled: RuledMarket) -> None:
    """W15: what is frozen, or above another limit, does not come with the moment."""
    ruled.bind(rule("volume-window", window="P90D", units=7))
    issue_lots(ruled, locked(ruled))
    assert lines_of(ruled.ask(1)) == [(ruled.after(A_MONTH), 7)]

    as_agent(ruled, "freeze_units", "ACME", "alice", 10, "an inquiry")
    assert lines_of(ruled.ask(1)) == []


def test_the_answer_about_chosen_lots_is_about_these(ruled: RuledMarket) -> None:
    """F162, W15."""
    ruled.bind(rule("maximum-holding", units=1000))
    issue_lots(ruled, locked(ruled), Origin(tranche="b"))
    of_b = sent(20).model_copy(update={"choice": LotChoice(tranche="b")})
    of_a = sent(20).model_copy(update={"choice": LotChoice(tranche="a")})

    free, waits = (
        ruled.evaluate(TOKEN, "can_transfer", each).load(Verdict) for each in (of_b, of_a)
    )

    assert (free.most, lines_of(free)) == (10, [])
    assert (waits.most, lines_of(waits)) == (0, [(ruled.after(A_MONTH), 10)])


def test_a_claim_that_ends_before_the_moment_unlocks_nothing(ruled: RuledMarket) -> None:
    for each in ("alice", "bob"):
        ruled.attest(each, "residence", "US")
    ruled.bind(rule("residence", allowed=["US"]))
    lock = LotLock(holder_class="*", until=ruled.after(timedelta(days=4000)))
    issue_lots(ruled, Origin(locks=(lock,)))

    assert lines_of(ruled.ask(1)) == []


def test_free_lots_serve_all_receivers_of_a_batch(ruled: RuledMarket) -> None:
    """F30, SS-73: the second receiver gets the second free lot, not the locked one."""
    ruled.onboard("carol")
    ruled.bind(rule("maximum-holding", units=1000))
    issue_lots(
        ruled, locked(ruled), Origin(held_since="2021-01-01"), Origin(held_since="2022-01-01")
    )
    portions = tuple(Portion(receiver=each, quantity=10) for each in ("bob", "carol"))
    both = UnitsSentToMany(security="ACME", sender="alice", portions=portions)

    signed(ruled, "alice", both)

    assert (ruled.units("bob"), ruled.units("carol"), ruled.units("alice")) == (10, 10, 10)
    assert [each.code for each in ruled.ask(1).reasons] == ["LOT_LOCKED"]


class NettingContract(TokenContract):
    """The token contract with a function that moves several holders' units at once."""

    @transaction
    def net(self, ctx: Context, moves: tuple[Move, ...]) -> None:
        """Move units, as one instruction."""
        Movements(ctx).execute(Instruction(moves, Basis.SETTLEMENT))


def test_who_sells_and_buys_at_once_has_sold_before_too(ruled: RuledMarket) -> None:
    """F89, F99: what remains in the end hides no sale from the window."""
    ruled.bind(rule("volume-window", window="P90D", units=60))
    chaincodes = {**ruled.ledger.world.chaincodes, TOKEN: ContractChaincode(NettingContract())}
    ruled.ledger.world = replace(ruled.ledger.world, chaincodes=chaincodes)
    ruled.issue("bob", 100)
    ruled.transfer("alice", "bob", 50)
    both = [
        Move(asset="ACME", sender="alice", receiver="bob", quantity=20),
        Move(asset="ACME", sender="bob", receiver="alice", quantity=30),
    ]
    assert refused(ruled.submit, AGENT, TOKEN, "net", both) == "VOLUME_EXCEEDED"


# --- whose law ---


def test_an_issuer_of_no_known_home_is_judged_by_every_law(ruled: RuledMarket) -> None:
    """SS-76: whoever leaves the home out does not leave the law behind."""
    accepts = Binding(rule="receiver-accepts", parameters={"*": {}}, roles=("issuer",))
    pack = Pack(
        pack="us-law",
        version=1,
        title="A law of the US",
        jurisdiction="US",
        dated="2024-01-01",
        rules=(accepts,),
    )
    ruled.submit(REGULATOR, TOKEN, "publish_pack", pack)
    packs = (PackReference(pack="us-law", version=1),)

    codes = {}
    for home in (None, "US", "DE"):
        given = RulesGiven(security="ACME", home=home, packs=packs)
        ruled.submit(AGENT, TOKEN, "bind_rules", given)
        codes[home] = [each.code for each in ruled.ask(1).reasons]

    willing = ["RECEIVER_NOT_WILLING"]
    assert codes == {None: willing, "US": willing, "DE": []}


# --- records of every kind of act ---


@pytest.mark.parametrize(
    ("scope", "venue", "codes"),
    [
        (ANY_SCOPE, None, ["VENUE_REQUIRED", "HOLDING_ABOVE_LIMIT", "ALLOWANCE_EXCEEDED"]),
        (AllowanceScope(venue=ATS), ATS, ["HOLDING_ABOVE_LIMIT", "ALLOWANCE_EXCEEDED"]),
        (AllowanceScope(trade="T-1"), None, ["VENUE_REQUIRED", "HOLDING_ABOVE_LIMIT"]),
    ],
)
def test_a_refused_draw_is_recorded_with_what_it_was_told(
    scope: AllowanceScope, venue: str | None, codes: list[str], ruled: RuledMarket
) -> None:
    """SS-58, SS-80, W31: of a custody exchange too, whose clearing firm draws what it sold."""
    ruled.bind(rule("venue-only", excepted=["allowance"]), rule("maximum-holding", units=6))
    quantity = 7
    allow(ruled, 5 if "ALLOWANCE_EXCEEDED" in codes else quantity, scope)
    told = refusal_of(draw, ruled, quantity, scope)
    assert told is not None

    recorded = ruled.submit(CLEARING, TOKEN, "record_refused_draw", sent(quantity), scope)

    name = recorded.transaction_id
    record = ruled.evaluate(TOKEN, "decision", "ACME", name).load(DecisionRecord)
    of_rules = [code for each in record.results for code in each.codes]
    assert [*of_rules, *record.beside] == codes == codes_of(told)
    assert (record.outcome, record.basis) == (Outcome.REFUSED, Basis.ALLOWANCE)
    (event,) = map(read_event, recorded.events)
    assert event == RefusalRecorded(security="ACME", decision=name, venue=venue, codes=tuple(codes))
    assert ruled.evaluate(TOKEN, "recompute", "ACME", name).load(Recomputation).agrees


def test_who_may_not_settle_for_a_venue_puts_that_on_record(ruled: RuledMarket) -> None:
    """SS-03: a broker may draw, but not what was sold at a venue."""
    ruled.bind(rule("maximum-holding", units=100))
    scope = AllowanceScope(venue=ATS)

    recorded = ruled.submit(BROKER, TOKEN, "record_refused_draw", sent(1), scope)

    record = ruled.evaluate(TOKEN, "decision", "ACME", recorded.transaction_id).load(DecisionRecord)
    assert record.beside == ("LICENCE_MISSING", "ALLOWANCE_MISSING")


def test_a_draw_that_would_pass_is_not_recorded_as_refused(ruled: RuledMarket) -> None:
    ruled.bind(rule("maximum-holding", units=100))
    allow(ruled, 5)
    record = (CLEARING, TOKEN, "record_refused_draw", sent(5))
    assert refused(ruled.submit, *record) == "NOTHING_TO_RECORD"
    draw(ruled, 5)
    assert refused(draw, ruled, 5) == "ALLOWANCE_MISSING"
    ruled.submit(*record)


@pytest.mark.parametrize("act", ["forced", "held", "locked"])
def test_every_decision_leaves_a_record_that_can_be_worked_out_again(
    act: str, ruled: RuledMarket
) -> None:
    """SS-78, SS-80, W31: forced movements, and what was held or locked, like any other."""
    ruled.deposit("bob", 50_000)
    ruled.agree(ruled.terms())
    match act:
        case "forced":
            outcome = force(ruled, 10)
        case "held":
            outcome = hold(ruled, 10)
        case _:
            outcome = ruled.lock()

    name = outcome.transaction_id
    record = ruled.evaluate(TOKEN, "decision", "ACME", name).load(DecisionRecord)
    again = ruled.evaluate(TOKEN, "recompute", "ACME", name).load(Recomputation)
    assert record.outcome is (Outcome.MOVED if act == "forced" else Outcome.HELD)
    assert again.recorded
    assert again.agrees
