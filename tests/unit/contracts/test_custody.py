"""Custody by allowance: who holds, who may draw, how it is reported, and what insures it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

import tallystick.contracts.register
from tallystick.chaincode import Refusal, composite_key
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.book import Position
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.custody.models import (
    ClientPage,
    Cover,
    Custodian,
    Custody,
    CustodyAgreement,
    CustodyEnding,
    CustodyReport,
    Holding,
    SignedAllowance,
    Valuation,
)
from tallystick.contracts.lots import ANY_CLASS, Lot, LotLock, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    CustodyAgreed,
    CustodyEnded,
    Representation,
    Share,
    SubAccountOpened,
    UnitsAllowed,
    UnitsDistributed,
    UnitsSent,
)
from tallystick.contracts.testing import Market

P = Participant
OFFICE = "FamilyOfficeMSP"
POLICY = "5" * 64
HOUR = timedelta(hours=1)


@pytest.fixture
def office(market: Market) -> Market:
    """A family office with 100 units of its own and 500 for its clients, alice and bob."""
    market.license(market.licence(OFFICE, "family-office"))
    market.onboard("office")
    _represent(market)
    _open_sub_account(market, "office-clients")
    market.submit(OFFICE, Chaincode.TOKEN, "open_custody", CUSTODY)
    for client in ("alice", "bob"):
        agree(market, client)
    market.issue("office", 100)
    market.issue("office-clients", 500)
    return market


CUSTODY = Custody(identity="office", client_accounts=("office-clients",))


def _represent(market: Market) -> None:
    statement = Representation(identity="office", organization=OFFICE)
    intent = market.sign("office", statement)
    market.submit(OFFICE, Chaincode.IDENTITY, "represent", statement, intent)


def _open_sub_account(market: Market, account: str) -> None:
    statement = SubAccountOpened(identity="office", account=account)
    intent = market.sign("office", statement)
    market.submit(OFFICE, Chaincode.IDENTITY, "open_sub_account", statement, intent)
    market.wallets[account] = replace(market.wallets["office"], identity=account)


def agree(market: Market, client: str) -> Outcome:
    statement = CustodyAgreed(custodian=OFFICE, client=client)
    intent = market.sign(client, statement)
    agreement = CustodyAgreement(agreed=statement, intent=intent)
    return market.submit(OFFICE, Chaincode.TOKEN, "agree_custody", agreement=agreement)


def allowed(market: Market, holder: str, quantity: int, spender: str = OFFICE) -> UnitsAllowed:
    return UnitsAllowed(
        security="ACME",
        holder=holder,
        spender=spender,
        quantity=quantity,
        expires_at=market.after(HOUR),
    )


def signed(market: Market, statement: UnitsAllowed) -> SignedAllowance:
    return SignedAllowance(statement=statement, intent=market.sign(statement.holder, statement))


def distribute(
    market: Market,
    shares: dict[str, int],
    allowances: Sequence[SignedAllowance] = (),
    *,
    account: str = "office-clients",
    security: str = "ACME",
) -> Outcome:
    statement = UnitsDistributed(
        security=security,
        account=account,
        shares=tuple(Share(client=name, quantity=units) for name, units in shares.items()),
    )
    intent = market.sign(account, statement)
    return market.submit(OFFICE, Chaincode.TOKEN, "distribute", statement, list(allowances), intent)


def draw(market: Market, holder: str, quantity: int, spender: str = OFFICE) -> Outcome:
    sent = UnitsSent(security="ACME", sender=holder, receiver="bob", quantity=quantity)
    return market.submit(spender, Chaincode.TOKEN, "transfer_from", sent)


def report(market: Market, *, price: int = 10) -> CustodyReport:
    valuations = [Valuation(security="ACME", price=price)]
    return market.evaluate(Chaincode.TOKEN, "custody_report", OFFICE, valuations).load(
        CustodyReport
    )


def lots(market: Market, holder: str, security: str = "ACME") -> list[Lot]:
    key = composite_key("position", security, holder)
    row = market.ledger.world.rows_of(Chaincode.TOKEN).values[key]
    return list(Position.model_validate_json(row).lots)


def refused(act: Callable[[], object]) -> list[str]:
    """Return the codes of all reasons for which an act is refused, the first one first."""
    with pytest.raises(Refusal) as refusal:
        act()
    reasons = refusal.value.facts.get("reasons")
    if isinstance(reasons, list):
        return [str(each["code"]) for each in reasons if isinstance(each, dict)]
    return [refusal.value.code]


# --- settling without a live signature ---


def test_an_investor_approves_once_and_the_clearing_firm_settles_many_trades(
    market: Market,
) -> None:
    """SS-58, F49."""
    statement = allowed(market, "alice", 30, P.CLEARING)
    intent = market.sign("alice", statement)
    market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "approve", statement, intent)
    signatures = market.nonces
    for _ in range(3):
        draw(market, "alice", 9, P.CLEARING)
    assert (market.units("bob"), market.nonces) == (27, signatures)
    assert refused(lambda: draw(market, "alice", 4, P.CLEARING)) == ["ALLOWANCE_EXCEEDED"]

    withdrawn = AllowanceWithdrawn(security="ACME", holder="alice", spender=P.CLEARING)
    intent = market.sign("alice", withdrawn)
    market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "revoke_allowance", withdrawn, intent)
    assert refused(lambda: draw(market, "alice", 1, P.CLEARING)) == ["ALLOWANCE_MISSING"]


# --- distribution ---


def test_delivery_and_allowance_come_in_one_transaction(office: Market) -> None:
    """SS-64, W8."""
    back = signed(office, allowed(office, "alice", 40))
    outcome = distribute(office, {"alice": 40}, [back])
    assert outcome.event_types == ("token.Transferred", "token.AllowanceSet")
    assert office.units("alice") == 1040
    draw(office, "alice", 40)
    assert office.units("bob") == 40


def test_a_delivery_whose_allowance_is_not_signed_does_not_happen(office: Market) -> None:
    """SS-64."""
    forged = signed(office, allowed(office, "alice", 40))
    wrong = forged.model_copy(update={"statement": allowed(office, "alice", 41)})
    assert refused(lambda: distribute(office, {"alice": 40}, [wrong])) == [
        "INTENT_SIGNATURE_INVALID"
    ]
    assert office.units("alice") == 1000


def test_units_are_distributed_to_several_clients_or_to_none(office: Market) -> None:
    distribute(office, {"alice": 10, "bob": 20})
    assert (office.units("alice"), office.units("bob")) == (1010, 20)
    assert refused(lambda: distribute(office, {"alice": 10, "bob": 2000})) == [
        "INSUFFICIENT_AVAILABLE"
    ]
    assert (office.units("alice"), office.units("bob")) == (1010, 20)


def test_a_stranger_gets_nothing_by_distribution(office: Market) -> None:
    """SS-63."""
    office.onboard("carol")
    assert refused(lambda: distribute(office, {"alice": 1, "carol": 1})) == ["NOT_A_CLIENT"]


def test_a_client_who_was_let_go_gets_nothing_more(office: Market) -> None:
    ended = CustodyEnded(custodian=OFFICE, client="alice")
    office.submit(OFFICE, Chaincode.TOKEN, "end_custody", ending=CustodyEnding(ended=ended))
    assert refused(lambda: distribute(office, {"alice": 1})) == ["NOT_A_CLIENT"]
    agree(office, "alice")
    distribute(office, {"alice": 1})
    assert office.units("alice") == 1001


def test_an_allowance_for_somebody_else_is_no_part_of_a_distribution(office: Market) -> None:
    back = signed(office, allowed(office, "alice", 1, P.CLEARING))
    others = signed(office, allowed(office, "bob", 1))
    assert refused(lambda: distribute(office, {"alice": 1}, [back, others])) == [
        "ALLOWANCE_NOT_FOR_CUSTODY",
        "ALLOWANCE_NOT_FOR_CUSTODY",
    ]


def test_a_client_has_the_lots_of_the_office_with_their_dates(office: Market) -> None:
    """SS-63."""
    bought = lots(office, "office-clients")
    office.ledger.advance(timedelta(days=90))
    distribute(office, {"bob": 200})
    assert lots(office, "bob") == [bought[0].of(200)]


def locked_issue(market: Market) -> None:
    """Issue units to the office for clients, which nobody may pass on for ninety days."""
    lock = LotLock(holder_class=ANY_CLASS, until=market.after(timedelta(days=90)))
    origin = Origin(round="series-a", locks=(lock,))
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "issue", "BETA", "office-clients", 300, origin)


def test_within_a_lock_up_units_go_to_clients_and_nowhere_else(office: Market) -> None:
    """SS-63."""
    office.create_security("BETA")
    office.onboard("carol")
    locked_issue(office)
    bought = lots(office, "office-clients", "BETA")
    office.ledger.advance(timedelta(days=10))
    distribute(office, {"bob": 200}, security="BETA")
    assert lots(office, "bob", "BETA") == [bought[0].of(200)]

    to_a_stranger = sent("office-clients", "carol")
    assert refused(lambda: transfer(office, "office", to_a_stranger)) == ["LOT_LOCKED"]
    assert refused(lambda: distribute(office, {"carol": 1}, security="BETA")) == ["NOT_A_CLIENT"]
    assert refused(lambda: transfer(office, "bob", sent("bob", "carol"))) == ["LOT_LOCKED"]
    assert refused(lambda: transfer(office, "bob", sent("bob", "alice"))) == ["LOT_LOCKED"]
    office.ledger.advance(timedelta(days=80))
    transfer(office, "bob", sent("bob", "carol"))
    assert office.units("carol", "BETA") == 1


def test_a_holding_period_that_excepts_distribution_lets_it_pass_to_clients(
    office: Market,
) -> None:
    """SS-63, SS-65."""
    line = {"period": "P90D", "excepted": ["distribution"]}
    lock_up = Binding(rule="lock-up", parameters={ANY_CLASS: {"lines": [line]}})
    given = RulesGiven(security="ACME", rules=(lock_up,))
    office.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "bind_rules", given)
    distribute(office, {"bob": 200})
    refusal = refused(lambda: transfer(office, "bob", sent("bob", "alice", "ACME")))
    assert refusal == ["LOT_LOCKED"]


def sent(sender: str, receiver: str, security: str = "BETA") -> UnitsSent:
    return UnitsSent(security=security, sender=sender, receiver=receiver, quantity=1)


def transfer(market: Market, wallet: str, statement: UnitsSent) -> Outcome:
    signer = replace(market.wallets[wallet], identity=statement.sender)
    market.wallets[statement.sender] = signer
    intent = market.sign(statement.sender, statement)
    return market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "transfer", statement, intent)


def test_an_office_without_a_live_licence_distributes_nothing(office: Market) -> None:
    """SS-10, SS-35."""
    office.submit(
        P.REGULATOR, Chaincode.IDENTITY, "suspend_licence", OFFICE, "family-office", "an audit"
    )
    assert refused(lambda: distribute(office, {"alice": 1})) == ["LICENCE_SUSPENDED"]


# --- how units are held ---


def test_the_report_tells_omnibus_from_distributed_holding_and_from_its_own(
    office: Market,
) -> None:
    """SS-62, SS-66."""
    assert report(office).lines[0].holding is Holding.OMNIBUS
    backs = [signed(office, allowed(office, each, 1000)) for each in ("alice", "bob")]
    distribute(office, {"alice": 200, "bob": 100}, backs)
    line = report(office).lines[0]
    assert (line.own, line.omnibus, line.distributed, line.clients) == (100, 200, 1100, 2)
    assert line.holding is Holding.BOTH
    distribute(office, {"bob": 200})
    assert report(office).lines[0].holding is Holding.DISTRIBUTED
    office.ledger.advance(HOUR)  # the allowances end, and the clients are the holders still
    assert report(office).lines[0].holding is Holding.NONE
    assert (office.units("alice"), office.units("bob")) == (1200, 300)


def test_all_that_a_client_has_may_be_in_custody(office: Market) -> None:
    """SS-61, SS-66."""
    everything = allowed(office, "alice", 1).model_copy(update={"quantity": None})
    distribute(office, {"alice": 200}, [signed(office, everything)])
    assert report(office).lines[0].distributed == 1200
    draw(office, "alice", 1200)
    assert report(office).lines[0].distributed == 0


def test_an_office_holds_more_than_an_investor_for_as_long_as_it_is_licensed(
    office: Market,
) -> None:
    """SS-10, SS-65, F52."""
    most = {ANY_CLASS: {"units": 1000}, "family-office": {"units": 5000}}
    given = RulesGiven(security="ACME", rules=(Binding(rule="maximum-holding", parameters=most),))
    office.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "bind_rules", given)
    office.issue("office-clients", 900)
    assert refused(lambda: office.issue("alice", 1)) == ["HOLDING_ABOVE_LIMIT"]

    office.submit(
        P.REGULATOR, Chaincode.IDENTITY, "suspend_licence", OFFICE, "family-office", "an audit"
    )
    assert refused(lambda: office.issue("office-clients", 1)) == ["HOLDING_ABOVE_LIMIT"]
    assert (office.units("office-clients"), report(office).lines[0].own) == (1400, 100)


def test_omnibus_holding_may_last(office: Market) -> None:
    """SS-62: nothing on the ledger makes an office register its clients."""
    office.ledger.advance(timedelta(days=360))
    assert report(office).lines[0].omnibus == 500


# --- insurance ---


def insure(market: Market, limit: int) -> Outcome:
    cover = Cover(
        insurer="Lloyd",
        policy_hash=POLICY,
        currency="USD",
        limit=limit,
        valid_from=market.after(timedelta(0)),
        valid_until=market.after(timedelta(days=30)),
    )
    return market.submit(P.REGULATOR, Chaincode.TOKEN, "record_cover", OFFICE, cover)


def test_holdings_above_the_limit_of_the_insurance_are_flagged(office: Market) -> None:
    """SS-68."""
    assert (report(office).limit, report(office).is_covered) == (0, False)
    insure(office, 5_000)
    covered = report(office, price=10)
    assert (covered.exposure, covered.limit, covered.is_covered) == (5_000, 5_000, True)
    assert not report(office, price=11).is_covered
    office.ledger.advance(timedelta(days=30) - timedelta(seconds=1))
    assert report(office).is_covered
    office.ledger.advance(timedelta(seconds=1))
    assert not report(office).is_covered


def test_the_evidence_of_an_insurance_outlives_a_change_of_accounts(office: Market) -> None:
    """SS-68."""
    insure(office, 5_000)
    office.submit(OFFICE, Chaincode.TOKEN, "open_custody", Custody(identity="office"))
    row = office.evaluate(Chaincode.TOKEN, "custodian", OFFICE).load(Custodian)
    assert row.cover is not None
    assert (row.cover.policy_hash, row.custody.accounts) == (POLICY, ("office",))


# --- what custody is not ---


@pytest.mark.parametrize("account", ["office", "office-clients", "office-other"])
def test_nobody_is_its_own_client(office: Market, account: str) -> None:
    _open_sub_account(office, "office-other")
    assert refused(lambda: agree(office, account)) == ["SAME_PARTY"]


@pytest.mark.parametrize("account", ["alice", "office-clients", "nobody"])
def test_a_custodian_holds_by_its_own_identity_only(office: Market, account: str) -> None:
    wrong = Custody(identity=account)
    assert refused(lambda: office.submit(OFFICE, Chaincode.TOKEN, "open_custody", wrong)) == [
        "NOT_ITS_ACCOUNT"
    ]


DX = "DxMSP"


def test_the_network_above_an_office_learns_nothing_of_its_clients(office: Market) -> None:
    """SS-13: no query, no event, no row that everybody has; not even that there is a new one."""
    office.license(office.licence(DX, "investment-manager"))
    office.onboard("dora")

    outcomes = [agree(office, "dora")]
    ended = CustodyEnded(custodian=OFFICE, client="dora")
    outcomes += [
        office.submit(OFFICE, Chaincode.TOKEN, "end_custody", ending=CustodyEnding(ended=ended))
    ]
    agree(office, "dora")

    assert all("dora" not in str(event) for each in outcomes for event in each.events)
    rows = office.ledger.world.rows_of(Chaincode.TOKEN)
    public = [*rows.values.items()]
    assert all("dora" not in key and b"dora" not in value for key, value in public)
    collections = {collection for collection, _ in rows.private}
    assert collections == {f"clients_{OFFICE}"}
    valuations = [Valuation(security="ACME", price=10)]
    for query in (("custody_clients", OFFICE), ("custody_report", OFFICE, valuations)):
        assert refused(partial(office.submit, DX, Chaincode.TOKEN, *query)) == ["LICENCE_MISSING"]
    references = (DX, Chaincode.IDENTITY, "references", "dora")
    assert refused(partial(office.submit, *references)) == ["MANDATE_MISSING"]


def test_the_keys_of_private_rows_name_no_client(office: Market) -> None:
    """SS-13: every peer has the hashes of the keys, and could try the pseudonyms that it knows."""
    rows = office.ledger.world.rows_of(Chaincode.TOKEN).private
    assert all("alice" not in key for _, key in rows if "nonce" not in key)
    before = dict(rows)
    ended = CustodyEnded(custodian=OFFICE, client="alice")
    office.submit(OFFICE, Chaincode.TOKEN, "end_custody", ending=CustodyEnding(ended=ended))
    after = office.ledger.world.rows_of(Chaincode.TOKEN).private
    assert after.keys() == before.keys()  # emptied, not deleted


def test_an_office_and_those_who_watch_read_who_its_clients_are(office: Market) -> None:
    for reader in (OFFICE, Participant.REGULATOR, Participant.TRANSFER_AGENT):
        page = office.submit(reader, Chaincode.TOKEN, "custody_clients", OFFICE, 1)
        first = page.load(ClientPage)
        rest = office.submit(reader, Chaincode.TOKEN, "custody_clients", OFFICE, 1, first.bookmark)
        assert (first.clients, rest.load(ClientPage).clients) == (("alice",), ("bob",))


def test_the_register_works_without_custody() -> None:
    """SS-60: positions, allowances and locks know nothing of custodians."""
    modules = list(Path(tallystick.contracts.register.__file__).parent.glob("*.py"))
    assert modules
    assert not [each.name for each in modules if "contracts.custody" in each.read_text()]
