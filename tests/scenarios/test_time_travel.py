"""What time ends, to the second, on a network of several nodes whose clock is set."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.moments import (
    JUST_BEFORE,
    START,
    begun_by,
    ended_by,
    opened_at_nine,
    refused,
)

from tallystick.contracts.calendars.models import (
    CalendarGiven,
    Convention,
    ConventionsGiven,
    Schedule,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.discipline.models import Cause, CauseNote, ChangeGiven, FailView
from tallystick.contracts.discipline.packs import DisciplinePack, RegimePeriod
from tallystick.contracts.instants import instant
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.lots import ANY_CLASS, LotLock, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import HoldExecution
from tallystick.contracts.statements import (
    ChangeAgreed,
    SettleEarly,
    UnitsAllowed,
    UnitsHeld,
    UnitsSent,
)
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.testing import LocalNetwork

A_YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
async def market(tally_network: LocalNetwork) -> Market:
    """Alice holds 100 units since 9 o'clock; her claim and her mandate end in a year."""
    market = await opened_at_nine(tally_network)
    await market.onboard("alice", "bob")
    await market.submit(
        Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, "alice", 100
    )
    return market


def sent(quantity: int = 1, *, sender: str = "alice", receiver: str = "bob") -> UnitsSent:
    return UnitsSent(security=SECURITY, sender=sender, receiver=receiver, quantity=quantity)


async def transfer(
    market: Market, *, quantity: int = 1, sender: str = "alice", receiver: str = "bob"
) -> None:
    statement = sent(quantity, sender=sender, receiver=receiver)
    await market.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "transfer", statement)


@pytest.mark.slow
@pytest.mark.requirement("SS-40")
async def test_a_claim_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    async def act() -> None:
        await market.submit(
            Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, "bob", 1
        )

    assert await ended_by(tally_network, act, START + A_YEAR) == "RECEIVER_NOT_VERIFIED"


@pytest.mark.slow
async def test_a_mandate_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    assert (
        await ended_by(tally_network, lambda: transfer(market), START + A_YEAR) == "MANDATE_EXPIRED"
    )


@pytest.mark.slow
@pytest.mark.requirement("SS-61")
async def test_an_allowance_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    allowed = UnitsAllowed(
        security=SECURITY,
        holder="alice",
        spender=Participant.CLEARING,
        quantity=100,
        expires_at=instant(START + HOUR),
    )
    await market.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "approve", allowed)

    async def draw() -> None:
        await market.submit(Participant.CLEARING, Chaincode.TOKEN, "transfer_from", sent())

    assert await ended_by(tally_network, draw, START + HOUR) == "ALLOWANCE_EXPIRED"


@pytest.mark.slow
@pytest.mark.requirement("F68", "F70")
async def test_a_hold_is_the_notarys_until_its_last_second_and_then_anybodys_to_release(
    market: Market, tally_network: LocalNetwork
) -> None:
    held = UnitsHeld(
        security=SECURITY,
        holder="alice",
        hold="h-1",
        quantity=10,
        notary=Participant.CLEARING,
        receiver="bob",
        expires_at=instant(START + HOUR),
    )
    await market.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "place_hold", held)
    unit = HoldExecution(security=SECURITY, holder="alice", hold="h-1", quantity=1, keeps_open=True)

    async def execute() -> None:
        await market.submit(Participant.CLEARING, Chaincode.TOKEN, "execute_hold", unit)

    async def release() -> None:
        await market.submit(
            Participant.BANK, Chaincode.TOKEN, "release_hold", SECURITY, "alice", "h-1"
        )

    assert await ended_by(tally_network, execute, START + HOUR) == "HOLD_EXPIRED"
    assert await begun_by(tally_network, release, START + HOUR) == "NOT_THE_NOTARY"


@pytest.mark.slow
@pytest.mark.requirement("SS-35")
async def test_a_licence_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    licence = LicenceGrant(
        organization=Participant.BROKER_DEALER,
        licence_class="broker-dealer",
        reference="no. 2",
        valid_from=instant(START),
        valid_until=instant(START + HOUR),
    )
    await market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "grant_licences", [licence])
    assert (
        await ended_by(tally_network, lambda: transfer(market), START + HOUR) == "LICENCE_EXPIRED"
    )


# --- lock-ups and windows ---


@pytest.mark.slow
@pytest.mark.requirement("SS-73")
async def test_a_lot_is_free_from_the_second_of_its_class(
    market: Market, tally_network: LocalNetwork
) -> None:
    locks = (
        LotLock(holder_class="family-office", until=instant(START + HOUR)),
        LotLock(holder_class=ANY_CLASS, until=instant(START + 2 * HOUR)),
    )
    await market.submit(
        Participant.TRANSFER_AGENT,
        Chaincode.TOKEN,
        "issue",
        SECURITY,
        "bob",
        10,
        Origin(locks=locks),
    )

    async def sell() -> None:
        await transfer(market, sender="bob", receiver="alice")

    assert await begun_by(tally_network, sell, START + 2 * HOUR) == "LOT_LOCKED"
    assert await market.units("alice") == 101


@pytest.mark.slow
@pytest.mark.requirement("SS-73")
async def test_a_holding_period_is_over_at_midnight_of_its_last_day(
    market: Market, tally_network: LocalNetwork
) -> None:
    await bind(market, "lock-up", {"lines": [{"period": "P90D"}]})
    end = START.replace(hour=0) + timedelta(days=90)
    assert await begun_by(tally_network, lambda: transfer(market), end) == "LOT_LOCKED"
    assert await market.units("bob") == 1


@pytest.mark.slow
@pytest.mark.requirement("F89")
async def test_a_rolling_window_gives_a_sale_back_to_the_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    await bind(market, "volume-window", {"window": "P30D", "units": 10})
    await transfer(market, quantity=7)
    tally_network.clock.stand_still(START + HOUR)
    await transfer(market, quantity=3)
    first_leaves, both_left = START + timedelta(days=30), START + HOUR + timedelta(days=30)

    async def sell_seven() -> None:
        await transfer(market, quantity=7)

    assert await begun_by(tally_network, sell_seven, first_leaves) == "VOLUME_EXCEEDED"
    assert await refused(lambda: transfer(market)) == "VOLUME_EXCEEDED"
    assert await begun_by(tally_network, lambda: transfer(market, quantity=3), both_left) == (
        "VOLUME_EXCEEDED"
    )
    assert await market.units("bob") == 20


async def bind(market: Market, rule: str, parameters: JsonValue) -> None:
    """Bind one rule to the security, with the same parameters for everybody."""
    given = {"security": SECURITY, "rules": [{"rule": rule, "parameters": {"*": parameters}}]}
    agent = Participant.TRANSFER_AGENT
    await market.submit(agent, Chaincode.TOKEN, "bind_rules", RulesGiven.model_validate(given))


# --- settlement ---

# The network's clock stands at Monday 2 March 2026, 09:00Z; Tuesday is a holiday.
LONDON = CalendarGiven(
    calendar="london",
    title="Business days of a market whose Tuesday is a holiday",
    cycle=1,
    longest_cycle=2,
    holidays=("2026-03-03",),
    schedules=(Schedule(since="2026-01-01", weekend=(6, 7), opens="07:00:00", cut_off="17:30:00"),),
)
PACKS = Path(__file__).parents[2] / "docs" / "packs" / "settlement-discipline"
OPENING = datetime(2026, 3, 4, 7, tzinfo=UTC)
CUT_OFF = datetime(2026, 3, 4, 17, 30, tzinfo=UTC)


async def trade(market: Market, **changes: object) -> TradeTerms:
    """Let bob buy ten units from alice by the calendar, at T+1: on Wednesday."""
    await market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "set_calendar", LONDON)
    conventions = ConventionsGiven(standard=Convention(calendar="london"))
    await market.submit(Participant.ATS, Chaincode.SETTLEMENT, "set_conventions", conventions)
    await market.submit(Participant.BANK, Chaincode.CASH, "deposit", CASH, "bob", 50_000)
    due = {"settlement_day": "2026-03-04", "expires_at": instant(START + 30 * DAY)}
    terms = market.terms("T-1").model_copy(update={**due, **changes})
    await market.propose(terms)
    for side in terms.parties:
        await market.consent(terms, side)
    return terms


async def age(market: Market) -> int:
    """Return how many business days a trade has failed, as a query tells."""
    contract = market.gateways[Participant.CLEARING].network(market.channel_id)
    answer = await contract.contract(Chaincode.SETTLEMENT).evaluate("fail", "T-1")
    return FailView.model_validate_json(answer).age


@pytest.mark.slow
@pytest.mark.requirement("SS-98", "F129", "F143")
async def test_a_trade_settles_after_the_holiday_from_the_second_of_the_opening(
    market: Market, tally_network: LocalNetwork
) -> None:
    await trade(market)
    await market.lock("T-1")

    code = await begun_by(tally_network, lambda: market.settle("T-1"), OPENING)

    assert code == "SETTLEMENT_DAY_NOT_REACHED"
    assert await market.units("bob") == 10


@pytest.mark.slow
@pytest.mark.requirement("SS-98", "F144")
async def test_a_trade_fails_from_the_second_of_the_cut_off_and_grows_older_by_itself(
    market: Market, tally_network: LocalNetwork
) -> None:
    await trade(market)
    ages = []
    for moment in (CUT_OFF, CUT_OFF + DAY):
        tally_network.clock.stand_still(moment - JUST_BEFORE)
        ages.append(await age(market))
        tally_network.clock.stand_still(moment)
        ages.append(await age(market))

    assert ages == [0, 1, 1, 2]
    note = CauseNote(day="2026-03-05", cause=Cause.LACK_OF_SECURITIES, side="seller")

    async def record() -> None:
        await market.submit(
            Participant.CLEARING, Chaincode.SETTLEMENT, "record_fail", "T-1", note=note
        )

    assert await begun_by(tally_network, record, CUT_OFF + DAY) == "DAY_NOT_FAILED"


@pytest.mark.slow
@pytest.mark.requirement("SS-105", "F144")
async def test_a_penalty_is_due_from_the_second_of_the_cut_off_and_is_paid_once(
    market: Market, tally_network: LocalNetwork
) -> None:
    pack = DisciplinePack.model_validate_json((PACKS / "eu-csdr-2026-01-01.json").read_text())
    period = RegimePeriod(
        since="2026-03-04", pack=pack.pack, pack_version=1, standard="liquid-share"
    )
    regulator = Participant.REGULATOR
    await market.submit(regulator, Chaincode.SETTLEMENT, "publish_discipline", pack)
    await market.submit(regulator, Chaincode.SETTLEMENT, "judge_fails", Participant.ATS, period)
    await market.submit(Participant.BANK, Chaincode.CASH, "deposit", CASH, "alice", 1000)
    await trade(market, amount=500_000, price="50000")
    note = CauseNote(day="2026-03-04", cause=Cause.LACK_OF_SECURITIES, side="seller")
    tally_network.clock.stand_still(CUT_OFF)
    await market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "record_fail", "T-1", note=note)
    named: list[JsonValue] = ["T-1"]

    async def collect() -> None:
        await market.submit(
            Participant.CLEARING, Chaincode.SETTLEMENT, "collect_penalties", named, "2026-03-31"
        )

    assert await begun_by(tally_network, collect, CUT_OFF) == "NOTHING_DUE"
    assert await market.money("alice") == 950
    assert await refused(collect) == "NOTHING_DUE"


@pytest.mark.slow
@pytest.mark.requirement("SS-98")
async def test_both_sides_bring_a_settlement_forward_to_the_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    terms = await trade(market)
    await market.lock("T-1")
    change = SettleEarly(settles_from=instant(START + HOUR))
    for side in terms.parties:
        said = ChangeAgreed(
            trade="T-1",
            side=side,
            party=terms.parties[side],
            terms_hash=terms.digest,
            change=change,
        )
        await market.submit(
            Participant.BROKER_DEALER,
            Chaincode.SETTLEMENT,
            "agree_change",
            "T-1",
            side,
            change=ChangeGiven(change=change),
            intent=market.sign(terms.parties[side], said),
        )

    code = await begun_by(tally_network, lambda: market.settle("T-1"), START + HOUR)

    assert code == "SETTLEMENT_DAY_NOT_REACHED"


@pytest.mark.slow
@pytest.mark.requirement("SS-85")
async def test_a_trade_and_a_consent_end_with_their_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    terms = await trade(market, expires_at=instant(OPENING + HOUR))
    tally_network.clock.stand_still(OPENING + HOUR)
    assert await refused(lambda: market.lock("T-1")) == "TRADE_EXPIRED"

    other = terms.model_copy(
        update={
            "trade": "T-2",
            "settlement_day": None,
            "expires_at": instant(START + 30 * DAY),
            "buy": terms.buy.model_copy(update={"order": "T-2-buy"}),
            "sell": terms.sell.model_copy(update={"order": "T-2-sell"}),
        }
    )
    await market.propose(other)
    agreed = other.model_copy(update={"settlement_day": "2026-03-05"})
    until = instant(OPENING + 2 * HOUR)
    for side in agreed.parties:
        await market.consent(agreed, side, until)
    tally_network.clock.stand_still(OPENING + 2 * HOUR)
    assert await refused(lambda: market.lock("T-2")) == "CONSENT_EXPIRED"
    tally_network.clock.stand_still(OPENING + 2 * HOUR - JUST_BEFORE)
    await market.lock("T-2")


@pytest.mark.slow
@pytest.mark.requirement("SS-85")
async def test_a_mediators_approval_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    await trade(market, mediators=(Participant.ISSUER,))
    until = instant(OPENING + HOUR)
    await market.submit(Participant.ISSUER, Chaincode.SETTLEMENT, "approve_trade", "T-1", until)
    await market.lock("T-1")
    tally_network.clock.stand_still(OPENING + HOUR)
    assert await refused(lambda: market.settle("T-1")) == "MEDIATION_EXPIRED"
    tally_network.clock.stand_still(OPENING + HOUR - JUST_BEFORE)
    await market.settle("T-1")
