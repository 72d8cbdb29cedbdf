"""Securities: how many units there may be, how they move, and what is published about them."""

from collections.abc import Callable
from functools import partial

import pytest
from pydantic import ValidationError
from tests.unit.contracts.acts import refused
from tests.unit.contracts.register_acts import TOKEN, as_agent, force, hold, holding, sent, signed

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import MAX_REQUIREMENTS, Requirement
from tallystick.contracts.register.models import (
    Allocation,
    Amendment,
    CataloguePage,
    Document,
    DocumentVersion,
    PortfolioLine,
    Price,
    Product,
    Redemption,
    Security,
    SecurityTerms,
)
from tallystick.contracts.statements import Portion, UnitsSentToMany, UnitsSurrendered
from tallystick.contracts.testing import EVIDENCE, Market

AGENT, ISSUER = Participant.TRANSFER_AGENT, Participant.ISSUER


def supply(market: Market) -> int:
    return market.evaluate(TOKEN, "supply", "ACME").load(int)


# --- how many units there may be ---


def test_a_cap_is_reached_and_not_passed(market: Market) -> None:
    """F5: of 1,000 issued, with a cap of 1,010."""
    as_agent(market, "set_cap", "ACME", 1010)

    assert refused(market.issue, "bob", 11) == "CAP_EXCEEDED"
    market.issue("bob", 10)
    assert refused(market.issue, "bob", 1) == "CAP_EXCEEDED"
    as_agent(market, "redeem", "ACME", "bob", 5, EVIDENCE)
    market.issue("bob", 5)
    assert supply(market) == 1010


def test_an_issue_to_many_counts_as_one_against_the_cap(market: Market) -> None:
    as_agent(market, "set_cap", "ACME", 1010)
    both = [Allocation(to=name, quantity=6) for name in ("alice", "bob")]

    assert refused(as_agent, market, "issue_to_many", "ACME", both) == "CAP_EXCEEDED"
    assert supply(market) == 1000


def test_a_cap_can_be_raised_and_lifted_but_not_undercut(market: Market) -> None:
    assert refused(as_agent, market, "set_cap", "ACME", 999) == "CAP_BELOW_SUPPLY"
    as_agent(market, "set_cap", "ACME", 1000)
    assert refused(market.issue, "bob", 1) == "CAP_EXCEEDED"
    as_agent(market, "set_cap", "ACME", None)
    market.issue("bob", 1)


def test_a_closed_issue_stays_closed_and_units_move_on(market: Market) -> None:
    """F6."""
    as_agent(market, "close_issuance", "ACME")

    assert refused(market.issue, "bob", 1) == "ISSUANCE_CLOSED"
    market.transfer("alice", "bob", 1)
    as_agent(market, "redeem", "ACME", "bob", 1, EVIDENCE)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(lambda market: market.issue("bob", 10), "SECURITY_ENDED", id="issue"),
        pytest.param(
            lambda market: market.transfer("alice", "bob", 10), "SECURITY_ENDED", id="transfer"
        ),
        pytest.param(lambda market: force(market, 10), "SECURITY_ENDED", id="forced transfer"),
        pytest.param(
            lambda market: as_agent(market, "redeem", "ACME", "alice", 10, EVIDENCE),
            "",
            id="redemption",
        ),
        pytest.param(lambda market: force(market, 10, None), "", id="forced redemption"),
    ],
)
def test_after_its_end_units_of_a_security_can_only_be_redeemed(
    act: Callable[[Market], Outcome], code: str, market: Market
) -> None:
    """F35."""
    as_agent(market, "deactivate", "ACME", "wound up")

    if code:
        assert refused(act, market) == code
    else:
        act(market)
    assert supply(market) == (1000 if code else 990)


# --- how units move ---


def fund(market: Market) -> None:
    terms = SecurityTerms(
        security="FUND",
        name="A fund",
        issuer=ISSUER,
        granularity=10,
        decimals=2,
        identifiers=(SecurityIdentifier(scheme="ISIN", value="US0000000000"),),
    )
    as_agent(market, "create_security", terms)


@pytest.mark.parametrize(("quantity", "code"), [(10, ""), (20, ""), (15, "GRANULARITY_MISSED")])
def test_units_move_in_multiples_of_the_granularity(
    quantity: int, code: str, market: Market
) -> None:
    """F10."""
    fund(market)

    if code:
        assert refused(market.issue, "alice", quantity, "FUND") == code
    else:
        market.issue("alice", quantity, "FUND")
        assert market.units("alice", "FUND") == quantity


def test_a_security_says_what_it_is_called_and_how_it_is_shown(market: Market) -> None:
    """F11, F22, SS-99 in part."""
    fund(market)

    row = market.evaluate(TOKEN, "security", "FUND").load(Security)

    assert (row.terms.decimals, row.terms.identifiers[0].value) == (2, "US0000000000")


def test_no_security_asks_more_than_a_question_can_hold(market: Market) -> None:
    asked = [Requirement(topic=f"topic-{number}") for number in range(MAX_REQUIREMENTS + 1)]
    with pytest.raises(ValidationError, match="requirements"):
        market.create_security("BETA", asked)
    market.create_security("BETA", asked[1:])


def test_a_security_can_be_renamed_and_counts_its_versions(market: Market) -> None:
    """F22."""
    renamed = Amendment(
        security="ACME",
        name="Acme Holdings",
        identifiers=(SecurityIdentifier(scheme="CUSIP", value="000000000"),),
    )
    assert as_agent(market, "amend_security", renamed).load(int) == 2

    row = market.evaluate(TOKEN, "security", "ACME").load(Security)
    assert (row.terms.name, row.terms.identifiers) == (renamed.name, renamed.identifiers)
    assert row.terms.issuer == ISSUER


def test_a_pause_stops_movements_and_holds_but_not_the_agent(market: Market) -> None:
    """F3, F34."""
    as_agent(market, "pause", "ACME", "news pending")

    assert refused(market.transfer, "alice", "bob", 1) == "SECURITY_PAUSED"
    assert refused(hold, market) == "SECURITY_PAUSED"
    market.issue("alice", 1)
    force(market, 1)
    as_agent(market, "resume", "ACME")
    market.transfer("alice", "bob", 1)


# --- many at once ---


def test_a_transfer_to_many_is_signed_once_and_is_one_unit_of_work(market: Market) -> None:
    """F30."""
    market.onboard("carol")
    portions = (Portion(receiver="bob", quantity=10), Portion(receiver="carol", quantity=20))
    signed(market, "alice", UnitsSentToMany(security="ACME", sender="alice", portions=portions))
    assert (market.units("bob"), market.units("carol")) == (10, 20)

    market.register("stranger")
    further = (*portions, Portion(receiver="stranger", quantity=1))
    many = UnitsSentToMany(security="ACME", sender="alice", portions=further)
    assert refused(signed, market, "alice", many) == "RECEIVER_NOT_VERIFIED"
    assert (market.units("bob"), market.units("carol")) == (10, 20)


def test_a_redemption_from_many_is_one_unit_of_work(market: Market) -> None:
    market.transfer("alice", "bob", 10)
    some = [Redemption(holder="alice", quantity=90), Redemption(holder="bob", quantity=11)]

    assert (
        refused(as_agent, market, "redeem_from_many", "ACME", some, EVIDENCE)
        == "INSUFFICIENT_AVAILABLE"
    )
    as_agent(market, "redeem_from_many", "ACME", some[:1], EVIDENCE)
    assert supply(market) == 910


def test_a_holder_gives_units_back(market: Market) -> None:
    """F8: with its signature only."""
    surrendered = UnitsSurrendered(security="ACME", holder="alice", quantity=40)

    assert (
        refused(market.submit, Participant.CLEARING, TOKEN, "surrender", surrendered)
        == "MANDATE_MISSING"
    )
    signed(market, "alice", surrendered)
    assert (holding(market).quantity, supply(market)) == (960, 960)


def test_a_movement_carries_the_hash_of_what_it_is_for(market: Market) -> None:
    """F31."""
    outcome = signed(market, "alice", sent(1).model_copy(update={"document_hash": EVIDENCE}))
    data = outcome.events[0].data

    assert isinstance(data, dict)
    assert data["document_hash"] == EVIDENCE


# --- what is published ---


def version(hash_digit: str = "1") -> DocumentVersion:
    return DocumentVersion(
        security="ACME", name="prospectus", uri="urn:doc:7", document_hash=hash_digit * 64
    )


def publish(market: Market, participant: str, document: DocumentVersion) -> int:
    return market.submit(participant, TOKEN, "publish_document", document).load(int)


def document(market: Market) -> Document | None:
    answer = market.evaluate(TOKEN, "document", "ACME", "prospectus")
    return answer.load(Document) if answer.json else None


def test_a_document_has_versions_and_the_last_one_counts(market: Market) -> None:
    """SS-77, F161: by the agent and by the issuer of just this security."""
    assert publish(market, AGENT, version("1")) == 1
    assert publish(market, ISSUER, version("2")) == 2

    found = document(market)
    assert found is not None
    assert (found.number, found.document_hash) == (2, "2" * 64)


def test_a_removed_document_counts_no_more_and_its_number_goes_on(market: Market) -> None:
    publish(market, ISSUER, version())
    market.submit(ISSUER, TOKEN, "remove_document", "ACME", "prospectus")

    assert document(market) is None
    removal = partial(market.submit, ISSUER, TOKEN, "remove_document", "ACME", "prospectus")
    assert refused(removal) == "DOCUMENT_UNKNOWN"
    assert publish(market, ISSUER, version()) == 2


def test_an_issuer_publishes_about_its_own_securities_only(market: Market) -> None:
    """SS-05."""
    terms = SecurityTerms(security="OTHER", name="Another's", issuer="OtherIssuerMSP")
    as_agent(market, "create_security", terms)
    foreign = version().model_copy(update={"security": "OTHER"})

    assert refused(publish, market, ISSUER, foreign) == "LICENCE_MISSING"
    assert publish(market, AGENT, foreign) == 1


def test_the_catalogue_lists_products_with_their_risk_and_terms(market: Market) -> None:
    """SS-117: SS-41 compares the class of risk with what suits an investor."""
    fund(market)
    for security, risk_class in (("ACME", 5), ("FUND", 2), ("ACME", 6)):
        product = Product(
            security=security, risk_class=risk_class, category="EQUITY", summary_hash=EVIDENCE
        )
        market.submit(ISSUER, TOKEN, "list_product", product)
    as_agent(market, "pause", "ACME", "news pending")

    page = market.evaluate(TOKEN, "catalogue").load(CataloguePage)

    told = [(each.name, each.product.risk_class, each.is_halted) for each in page.products]
    assert told == [("ACME common stock", 6, True), ("A fund", 2, False)]
    found = market.evaluate(TOKEN, "product", "FUND").load(Product)
    assert found.risk_class == 2


def test_a_portfolio_is_what_somebody_holds_at_the_prices_asked(market: Market) -> None:
    """SS-117: prices are the asker's; the ledger has none."""
    fund(market)
    market.issue("bob", 20, "FUND")
    prices = [Price(security="ACME", price=50), Price(security="FUND", price=3)]

    lines = market.evaluate(TOKEN, "portfolio", "bob", prices).load(tuple[PortfolioLine, ...])

    assert [(line.security, line.value) for line in lines] == [("FUND", 60)]
