"""What a query says of a movement is what the movement then meets: of every kind, by any rules.

SS-47, F98, W15. The rules, the state of the market, the kind and the quantity are random. Asked and
executed at the same height, verdict and outcome agree, and so do the reasons; the most that may go
goes, and one unit more does not.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from tests.unit.contracts.acts import refusal_of
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
from tests.unit.contracts.register_acts import allow, draw

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Binding, TransferApproval
from tallystick.contracts.custody.models import Custody, CustodyAgreement
from tallystick.contracts.lots import Origin
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.register.models import Allocation, Product, Verdict
from tallystick.contracts.statements import (
    ANY_SCOPE,
    AllowanceScope,
    CustodyAgreed,
    Representation,
    Share,
    SubAccountOpened,
    UnitsAllowed,
    UnitsDistributed,
)
from tallystick.contracts.testing import EVIDENCE

ATS, CLEARING = Participant.ATS, Participant.CLEARING
AT_THE_VENUE = AllowanceScope(venue=ATS)
POOL = "desk.clients"


def template() -> RuledMarket:
    """Return a market in which alice, and the clearing firm for its client bob, hold units."""
    market = RuledMarket()
    market.open()
    market.onboard("alice", "bob", "carol", "desk")
    opened = SubAccountOpened(identity="desk", account=POOL)
    held_for = Representation(identity="desk", organization=CLEARING)
    for function, statement in (("open_sub_account", opened), ("represent", held_for)):
        market.submit(CLEARING, IDENTITY, function, statement, market.sign("desk", statement))
    market.wallets[POOL] = replace(market.wallets["desk"], identity=POOL)
    custody = Custody(identity="desk", client_accounts=(POOL,))
    market.submit(CLEARING, TOKEN, "open_custody", custody)
    agreed = CustodyAgreed(custodian=CLEARING, client="bob")
    agreement = CustodyAgreement(agreed=agreed, intent=market.sign("bob", agreed))
    market.submit(CLEARING, TOKEN, "agree_custody", agreement=agreement)
    market.deposit("bob", 50_000)
    allocations = [
        Allocation(to=to, quantity=quantity, origin=Origin(exemption=exemption))
        for to, quantity, exemption in (
            ("alice", 60, None),
            ("alice", 40, "reg-d"),
            (POOL, 50, "reg-d"),
            (POOL, 30, None),
            ("carol", 9, None),
        )
    ]
    market.submit(AGENT, TOKEN, "issue_to_many", "ACME", allocations)
    market.attest("bob", "risk-profile", level=4)
    market.ledger.advance(timedelta(seconds=1))
    return market


TEMPLATE = template()


# --- movements, each with its query ---


class Movement(ABC):
    """One kind of movement from a holder to bob."""

    def prepare(self, market: RuledMarket, quantity: int) -> None:  # noqa: B027 -- most need nothing
        """Do what must be done before, so that the question is about the act alone."""

    @abstractmethod
    def ask(self, market: RuledMarket, quantity: int) -> Verdict:
        """Ask for the verdict."""

    @abstractmethod
    def act(self, market: RuledMarket, quantity: int) -> Outcome:
        """Move the units."""


class Transfer(Movement):
    """By the broker, under alice's mandate."""

    def ask(self, market: RuledMarket, quantity: int) -> Verdict:
        return market.ask(quantity)

    def act(self, market: RuledMarket, quantity: int) -> Outcome:
        return market.transfer("alice", "bob", quantity)


@dataclass(frozen=True)
class Draw(Movement):
    """By the clearing firm, on alice's allowance."""

    scope: AllowanceScope

    def ask(self, market: RuledMarket, quantity: int) -> Verdict:
        arguments = (sent(quantity), CLEARING, self.scope)
        return market.evaluate(TOKEN, "can_draw", *arguments).load(Verdict)

    def act(self, market: RuledMarket, quantity: int) -> Outcome:
        return draw(market, quantity, self.scope)


@dataclass(frozen=True)
class Trade(Movement):
    """By the clearing firm, of what was agreed at the venue: at once, or first locked."""

    function: str

    def prepare(self, market: RuledMarket, quantity: int) -> None:
        price = {"amount": 100, "price": price_of(100, quantity)}
        market.agree(market.terms(quantity=quantity).model_copy(update=price))

    def ask(self, market: RuledMarket, quantity: int) -> Verdict:
        return market.evaluate(TOKEN, "can_transfer", sent(quantity), ATS).load(Verdict)

    def act(self, market: RuledMarket, quantity: int) -> Outcome:  # noqa: ARG002 -- as agreed
        return market.submit(CLEARING, Chaincode.SETTLEMENT, self.function, "T-1")


class Distribution(Movement):
    """By the custodian, to its client."""

    def ask(self, market: RuledMarket, quantity: int) -> Verdict:
        arguments = ("ACME", POOL, "bob", quantity)
        return market.evaluate(TOKEN, "can_distribute", *arguments).load(Verdict)

    def act(self, market: RuledMarket, quantity: int) -> Outcome:
        shares = (Share(client="bob", quantity=quantity),)
        delivered = UnitsDistributed(security="ACME", account=POOL, shares=shares)
        intent = market.sign(POOL, delivered)
        return market.submit(CLEARING, TOKEN, "distribute", delivered, [], intent)


MOVEMENTS: Sequence[Movement] = (
    Transfer(),
    Draw(ANY_SCOPE),
    Draw(AT_THE_VENUE),
    Trade("settle_at_once"),
    Trade("lock_legs"),
    Distribution(),
)


# --- what is in force ---


BASES: st.SearchStrategy[list[JsonValue]] = st.lists(
    st.sampled_from(("transfer", "allowance", "settlement", "distribution")), unique=True
)
UNITS = st.integers(1, 110)
UNIT_PRICE = 7
RULES = st.lists(
    st.one_of(
        BASES.map(lambda bases: rule("venue-only", excepted=bases)),
        st.just(rule("venue-only", excepted=["allowance"], venues=["OtherMSP"])),
        UNITS.map(lambda units: rule("maximum-holding", units=units)),
        UNITS.map(lambda units: rule("minimum-holding", units=units)),
        st.integers(2, 4).map(lambda most: rule("holder-limit", most=most)),
        st.just(rule("full-exit-only")),
        st.tuples(UNITS, st.booleans()).map(
            lambda chosen: rule("volume-window", window="P9D", units=chosen[0], per_venue=chosen[1])
        ),
        BASES.map(
            lambda bases: rule(
                "lock-up", lines=[{"exemption": "reg-d", "period": "P1Y", "excepted": bases}]
            )
        ),
        BASES.map(lambda bases: rule("receiver-accepts", bases=bases)),
        BASES.map(lambda bases: rule("approved-transfer", approvers=[AGENT], bases=bases)),
        st.just(rule("suitability")),
        UNITS.map(
            lambda units: rule(
                "secondary-limit", exemption="reg-a", window="P1Y", amount=units * UNIT_PRICE
            )
        ),
    ),
    max_size=4,
)


def approve(quantity: int, exemption: str | None = None) -> Callable[[RuledMarket], None]:
    """Let the transfer agent approve units for alice and bob, whatever venues say; the first does.

    With an exemption, what alice sells to bob is part of an offering.
    """

    def approved(market: RuledMarket) -> None:
        approval = TransferApproval(
            security="ACME",
            sender="alice",
            receiver="bob",
            quantity=quantity,
            expires_at=market.after(timedelta(days=1)),
            waives=("venue-only",),
            exemption=exemption,
            evidence_hash=EVIDENCE,
        )
        refusal_of(market.submit, AGENT, TOKEN, "approve_transfer", approval)

    return approved


def allow_too_little(market: RuledMarket) -> None:
    for scope in (ANY_SCOPE, AT_THE_VENUE):
        allow(market, 5, scope)


def let_allowances_end(market: RuledMarket) -> None:
    market.ledger.advance(timedelta(hours=1))


def put_at_risk(risk_class: int) -> Callable[[RuledMarket], None]:
    product = Product(
        security="ACME", risk_class=risk_class, category="SHARE", summary_hash=EVIDENCE
    )
    return lambda market: _as_agent(market, "list_product", product)


def _as_agent(market: RuledMarket, function: str, *arguments: Model | str | int) -> None:
    market.submit(AGENT, TOKEN, function, *arguments)


CIRCUMSTANCES: Sequence[Callable[[RuledMarket], object]] = (
    approve(10),
    approve(60, "reg-a"),
    allow_too_little,
    let_allowances_end,
    put_at_risk(3),
    put_at_risk(5),
    lambda market: _as_agent(market, "pause", "ACME", "news"),
    lambda market: _as_agent(market, "freeze", "ACME", "bob", "theft"),
    lambda market: _as_agent(market, "freeze_units", "ACME", "alice", 50, "a court"),
    lambda market: refusal_of(market.transfer, "alice", "bob", 7),
    lambda market: market.submit(REGULATOR, IDENTITY, "suspend_licence", ATS, "ats", "unpaid"),
)


@dataclass(frozen=True)
class Scene:
    """A movement in a market in which something has happened, and some rules are in force."""

    movement: Movement
    rules: Sequence[Binding]
    happened: Sequence[int] = ()

    def market(self, quantity: int) -> RuledMarket:
        """Return the market, in which so much is about to move."""
        market = TEMPLATE.fork()
        self.movement.prepare(market, quantity)
        allow(market, None)
        allow(market, 80, AT_THE_VENUE)
        market.bind(*self.rules, unit_price=UNIT_PRICE)
        for each in self.happened:
            CIRCUMSTANCES[each](market)
        return market

    def checked(self, quantity: int) -> Verdict:
        """Hold the verdict against what happens; return it."""
        market = self.market(quantity)
        verdict = self.movement.ask(market, quantity)
        refusal = refusal_of(self.movement.act, market, quantity)
        assert verdict.allowed is (refusal is None)
        if refusal is not None:
            reasons = verdict.reasons
            if isinstance(self.movement, Trade) and verdict.reasons[0].code.startswith("LICENCE"):
                reasons = reasons[:1]  # the settlement contract asks no further
            assert refusal.facts["reasons"] == [each.model_dump() for each in reasons]
        return verdict


@pytest.mark.slow
@example(
    movement=Transfer(),
    rules=[rule("approved-transfer", approvers=[AGENT], bases=["allowance"])],
    happened=[0],
    quantity=1,
)
@settings(max_examples=120, deadline=None)
@given(
    movement=st.sampled_from(MOVEMENTS),
    rules=RULES,
    happened=st.lists(st.integers(0, len(CIRCUMSTANCES) - 1), unique=True, max_size=3),
    quantity=UNITS,
)
def test_the_verdict_of_the_query_is_what_the_movement_meets(
    movement: Movement, rules: list[Binding], happened: list[int], quantity: int
) -> None:
    """SS-47, F98, W15: at the same height, by random rules, for every kind of movement."""
    scene = Scene(movement, rules, happened)
    most = scene.checked(quantity).most
    if most:
        assert scene.checked(most).allowed
    assert not scene.checked(most + 1).allowed


@pytest.mark.parametrize("movement", MOVEMENTS, ids=lambda each: str(type(each).__name__))
def test_each_kind_of_movement_is_asked_about_by_its_own_right(movement: Movement) -> None:
    """SS-47, SS-53: where units go by venues alone, the kinds fare differently; each is told so."""
    venues = rule("venue-only", excepted=["allowance", "distribution"])

    verdict = Scene(movement, [venues]).checked(10)

    off_venue = isinstance(movement, Transfer) or movement == Draw(ANY_SCOPE)
    assert [each.code for each in verdict.reasons] == ["VENUE_REQUIRED"] * off_venue


def test_an_issue_is_asked_about_too() -> None:
    """SS-47: as much can be issued as the answer says, and no more."""
    market = Scene(Transfer(), [rule("maximum-holding", units=70)]).market(1)
    most = market.evaluate(TOKEN, "can_subscribe", "ACME", "bob").load(Verdict).most
    assert most == 70
    over = refusal_of(market.submit, AGENT, TOKEN, "issue", "ACME", "bob", most + 1)
    assert over is not None
    assert over.code == "HOLDING_ABOVE_LIMIT"
    market.submit(AGENT, TOKEN, "issue", "ACME", "bob", most)


def test_a_draw_by_who_may_not_is_told_so_with_what_the_allowance_lacks() -> None:
    """SS-58: who has no right to draw gets to know why at once."""
    market = Scene(Transfer(), [rule("maximum-holding", units=70)]).market(1)

    verdict = market.evaluate(TOKEN, "can_draw", sent(80), BROKER).load(Verdict)

    codes = [each.code for each in verdict.reasons]
    assert codes == ["HOLDING_ABOVE_LIMIT", "ALLOWANCE_MISSING"]
    assert (verdict.most, [each.code for each in verdict.cures]) == (0, codes)


@pytest.mark.parametrize(("hours", "unlocked"), [(13, []), (14, []), (15, [5])])
def test_nothing_unlocks_for_an_allowance_that_is_over_by_then(
    hours: int, unlocked: list[int]
) -> None:
    """SS-47, SS-58, W15: lots are locked until midnight, fourteen hours ahead."""
    market = Scene(Transfer(), [rule("lock-up", lines=[{"period": "P1D"}])]).market(1)
    market.ledger.now = market.ledger.now.replace(hour=10, minute=0, second=0)
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=CLEARING,
        quantity=5,
        expires_at=market.after(timedelta(hours=hours)),
    )
    market.submit(BROKER, TOKEN, "approve", allowed)

    verdict = market.evaluate(TOKEN, "can_draw", sent(5), CLEARING).load(Verdict)

    assert [each.code for each in verdict.reasons] == ["LOT_LOCKED"]
    assert [each.quantity for each in verdict.unlocks] == unlocked
    assert [each.quantity for each in market.ask(5).unlocks] == [100]
