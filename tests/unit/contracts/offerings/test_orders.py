"""Orders: who may order for whom, by what right, and that it counts on both days."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.offerings.stage import (
    MONEY,
    PRICE,
    SETTLEMENT,
    TOKEN,
    P,
    PrimaryMarket,
    lots,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import Custody, CustodyAgreement
from tallystick.contracts.licensing.models import LicenceClass
from tallystick.contracts.lots import LotLock
from tallystick.contracts.offerings.models import (
    AllocationRule,
    SubscriptionPage,
)
from tallystick.contracts.statements import (
    CustodyAgreed,
    KeyAddition,
    KeyRevocation,
    MandateWithdrawn,
    Representation,
    Share,
    SubAccountOpened,
    SubscriptionOrder,
    UnitsDistributed,
)
from tallystick.contracts.testing import Market, new_wallet

IDENTITY = Chaincode.IDENTITY
BROKER = P.BROKER_DEALER
OFFICE, DX = "FamilyOfficeMSP", "DxMSP"
SECOND = timedelta(seconds=1)


@pytest.fixture
def office(primary: PrimaryMarket) -> PrimaryMarket:
    """A family office with an account for clients and money, and a network of intermediaries."""
    network = LicenceClass(licence_class="order-network", title="Network", powers=())
    primary.submit(P.REGULATOR, IDENTITY, "define_classes", [network])
    primary.license(primary.licence(OFFICE, "family-office"), primary.licence(DX, "order-network"))
    primary.onboard("office")
    statement = Representation(identity="office", organization=OFFICE)
    primary.submit(OFFICE, IDENTITY, "represent", statement, primary.sign("office", statement))
    opened = SubAccountOpened(identity="office", account="office-clients")
    primary.submit(OFFICE, IDENTITY, "open_sub_account", opened, primary.sign("office", opened))
    primary.wallets["office-clients"] = replace(
        primary.wallets["office"], identity="office-clients"
    )
    primary.deposit("office", MONEY)
    return primary


def for_client(market: PrimaryMarket, subscription: str, **changes: object) -> SubscriptionOrder:
    """Return an order that the office signs for a client, into the account for its clients."""
    of_the_office = {
        "intermediary": OFFICE,
        "holder": "office-clients",
        "payer": "office",
        "client": "client-17",
    }
    return market.order(subscription, "office", 500, **{**of_the_office, **changes})


# --- an office orders, through a network ---


def test_an_order_signed_by_an_office_travels_through_a_network_that_sees_no_client(
    office: PrimaryMarket,
) -> None:
    """SS-12, SS-36."""
    office.offer()
    office.place(for_client(office, "a"), submitter=DX)
    office.pay("a", submitter=DX)

    seen = office.view("a", by=OFFICE)
    assert seen.order is not None
    assert seen.order.client == "client-17"
    assert seen.subscription.intermediary == OFFICE
    for stranger in (DX, P.BROKER_DEALER, P.ISSUER, P.ATS):
        assert office.view("a", by=stranger).order is None
        page = office.submit(stranger, SETTLEMENT, "subscriptions", "O-1").load(SubscriptionPage)
        assert [each.order for each in page.subscriptions] == [None]
    for reader in (P.TRANSFER_AGENT, P.CLEARING, P.REGULATOR):
        assert office.view("a", by=reader).order == seen.order


def test_public_rows_and_events_name_no_client_and_no_amount(office: PrimaryMarket) -> None:
    """SS-12: ids, hashes and states only."""
    office.offer()
    placed = office.place(for_client(office, "a"), submitter=DX)
    paid = office.pay("a", submitter=OFFICE)

    rows = office.ledger.world.rows_of(SETTLEMENT)
    public = b"".join(value for key, value in rows.values.items() if "subscription" in key)
    told = b"".join(each.model_dump_json().encode() for each in (*placed.events, *paid.events))
    for secret in (b"client-17", b"office", b"500", str(500 * PRICE).encode()):
        assert secret not in public
        assert secret not in told
    places = {collection for collection, key in rows.private if "order" in key or "nonce" in key}
    assert places == {f"subscriptions_{OFFICE}"}


def test_units_for_clients_in_common_are_distributed_within_the_lock_up(
    office: PrimaryMarket,
) -> None:
    """SS-36: the lot keeps round, exemption, day and locks in the client's hands."""
    until = office.after(timedelta(days=400))
    office.offer(locks=[LotLock(holder_class="*", until=until)])
    office.subscribe_through(for_client(office, "a"), OFFICE)
    office.to_the_issue()
    office.issue_page("a")
    (lot,) = lots(office, "office-clients")
    custody = Custody(identity="office", client_accounts=("office-clients",))
    office.submit(OFFICE, TOKEN, "open_custody", custody)
    agreed = CustodyAgreed(custodian=OFFICE, client="bob")
    agreement = CustodyAgreement(agreed=agreed, intent=office.sign("bob", agreed))
    office.submit(OFFICE, TOKEN, "agree_custody", agreement=agreement)
    office.ledger.advance(timedelta(days=3))
    given = UnitsDistributed(
        security="ACME", account="office-clients", shares=(Share(client="bob", quantity=200),)
    )
    signed = office.sign("office-clients", given)

    office.submit(OFFICE, TOKEN, "distribute", given, [], signed)

    assert lots(office, "bob") == [lot.of(200)]
    assert lot.locks[0].until == until
    assert refused(office.transfer, "bob", "carol", 10) == "LOT_LOCKED"


def test_an_office_may_order_into_the_name_of_a_client_that_mandates_it(
    office: PrimaryMarket,
) -> None:
    office.offer()
    order = for_client(office, "a", holder="bob", payer="bob")
    assert refused(office.place, order, OFFICE) == "SUBSCRIBER_NOT_REPRESENTED"
    mandate = office.mandate("bob", OFFICE)
    office.submit(BROKER, IDENTITY, "grant_mandate", mandate.statement, mandate.intent)

    office.place(order, OFFICE)

    assert office.view("a").order == order


def test_a_mandate_of_somebody_serves_no_other_investor_of_the_same_broker(
    primary: PrimaryMarket,
) -> None:
    """Bob mandates the broker; that does not let alice, its other client, spend bob's money."""
    primary.offer()

    order = primary.order("a", "alice", 50, payer="bob")

    assert refused(primary.place, order) == "SUBSCRIBER_NOT_REPRESENTED"


# --- by what right, then and now ---


def test_an_order_needs_the_licence_of_its_intermediary_on_both_days(
    office: PrimaryMarket,
) -> None:
    """SS-36."""
    office.offer()
    suspended = office.fork()
    suspend(suspended)
    assert refused(suspended.place, for_client(suspended, "a"), DX) == "LICENCE_SUSPENDED"
    office.subscribe_through(for_client(office, "a"), OFFICE)
    office.to_the_issue()
    suspend(office)
    assert refused(office.issue_page, "a") == "LICENCE_SUSPENDED"
    office.submit(P.REGULATOR, IDENTITY, "resume_licence", OFFICE, "family-office")

    office.issue_page("a")

    assert office.units("office-clients") == 500


def suspend(market: Market) -> None:
    market.submit(
        P.REGULATOR, IDENTITY, "suspend_licence", OFFICE, "family-office", "under inquiry"
    )


def test_an_order_needs_its_key_on_both_days_and_can_be_confirmed_by_another(
    office: PrimaryMarket,
) -> None:
    """SS-36."""
    office.offer()
    order = for_client(office, "a")
    office.subscribe_through(order, OFFICE)
    office.to_the_issue()
    change_key(office, "office")
    assert refused(office.issue_page, "a") == "ORDER_LAPSED"
    office.confirm(order, DX)

    office.issue_page("a")

    assert office.units("office-clients") == 500


def change_key(market: Market, identity: str) -> None:
    """Enter a new key and revoke the old one."""
    old, new = market.wallets[identity], new_wallet(identity)
    addition = KeyAddition(identity=identity, key=new.new_key())
    intent = market.sign(identity, addition, new)
    market.submit(BROKER, IDENTITY, "add_key", addition, intent)
    market.wallets[identity] = new
    revocation = KeyRevocation(identity=identity, key=old.key)
    intent = market.sign(identity, revocation)
    market.submit(BROKER, IDENTITY, "revoke_key", revocation, intent)


def test_a_recovered_investor_keeps_place_and_money_and_confirms_with_its_new_key(
    primary: PrimaryMarket,
) -> None:
    """SS-36, SS-101: recovery replaces keys and moves nothing."""
    primary.offer(allocation=AllocationRule.FIRST_COME)
    primary.subscribe("a", "alice", 1000)
    before = primary.view("a")
    primary.ledger.advance(SECOND)
    primary.subscribe("b", "bob", 1000)
    primary.recover("alice")
    assert primary.view("a") == before
    primary.to_the_issue()
    assert refused(primary.issue_page, "a") == "ORDER_LAPSED"
    order = before.order
    assert order is not None
    primary.confirm(order)

    primary.issue_page("a")

    assert primary.units("alice") == 1000


def test_a_signature_places_one_order_once(primary: PrimaryMarket) -> None:
    primary.offer()
    order = primary.order("a", "alice", 50)
    intent = primary.sign("alice", order)
    place = (BROKER, SETTLEMENT, "subscribe")
    other = order.model_copy(update={"quantity": 60})
    with pytest.raises(Refusal, match="INTENT_SIGNATURE_INVALID"):
        primary.submit(*place, subscription=other, intent=intent)
    primary.submit(*place, subscription=order, intent=intent)
    again = order.model_copy(update={"subscription": "b"})

    with pytest.raises(Refusal, match="INTENT_ALREADY_USED"):
        primary.submit(*place, subscription=again, intent=intent)


def test_a_broker_orders_under_a_mandate_as_long_as_that_lasts(primary: PrimaryMarket) -> None:
    primary.offer()
    order = primary.order("a", "alice", 500)
    assert (
        refused(primary.submit, P.ATS, SETTLEMENT, "subscribe", subscription=order)
        == "MANDATE_MISSING"
    )
    primary.submit(BROKER, SETTLEMENT, "subscribe", subscription=order)
    primary.pay("a")
    primary.to_the_issue()
    withdrawn = MandateWithdrawn(identity="alice", participant=BROKER)
    primary.submit(BROKER, IDENTITY, "revoke_mandate", withdrawn)

    assert refused(primary.issue_page, "a") == "ORDER_LAPSED"
