"""Licences: what counts is what the register says at the moment of the call."""

from datetime import timedelta
from functools import partial

import pytest
from pydantic import JsonValue
from tests.unit.contracts.acts import refused

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity.models import IdentityView
from tallystick.contracts.instants import Instant
from tallystick.contracts.licensing.models import (
    Conflict,
    Conflicts,
    Description,
    Licence,
    LicenceClass,
    OrganizationLine,
    OrganizationPage,
    WaiverGrant,
)
from tallystick.contracts.licensing.rules import power_findings
from tallystick.contracts.licensing.standard import STANDARD_CLASSES
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Exercised, PartiesCheck, PartiesReport, Standing
from tallystick.contracts.powers import MEANINGS, Power
from tallystick.contracts.statements import UnitsSent
from tallystick.contracts.testing import EVIDENCE, Market

P = Participant
IDENTITY = Chaincode.IDENTITY
OFFICE = "OfficeMSP"
DELEGATE = "DelegateMSP"
A_DAY = timedelta(days=1)
HALF_A_DAY = timedelta(hours=12)
A_SECOND = timedelta(seconds=1)


def licences_of(market: Market, organization: str) -> tuple[Licence, ...]:
    outcome = market.evaluate(IDENTITY, "organization", organization)
    return outcome.load(OrganizationLine).licences


def submit(market: Market, who: str, function: str, *arguments: JsonValue) -> Outcome:
    return market.submit(who, IDENTITY, function, *arguments)


# --- when a licence counts: a table ---

START, END = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"


def licence(licence_class: str = "ats", suspension: str | None = None) -> Licence:
    return Licence(
        licence_class=licence_class,
        jurisdiction="US",
        reference="no. 1",
        valid_from=START,
        valid_until=END,
        granted_by="RegulatorMSP",
        suspension=suspension,
    )


@pytest.mark.parametrize(
    ("licences", "powers", "moment", "codes"),
    [
        pytest.param([licence()], ["operate-venue"], START, [], id="from its first second on"),
        pytest.param(
            [licence()],
            ["operate-venue"],
            "2025-12-31T23:59:59Z",
            ["LICENCE_NOT_YET_VALID"],
            id="a second early",
        ),
        pytest.param(
            [licence()], ["operate-venue"], "2026-12-31T23:59:59Z", [], id="in its last second"
        ),
        pytest.param(
            [licence()], ["operate-venue"], END, ["LICENCE_EXPIRED"], id="a second too late"
        ),
        pytest.param(
            [licence(suspension="an inquiry")],
            ["operate-venue"],
            START,
            ["LICENCE_SUSPENDED"],
            id="suspended",
        ),
        pytest.param([licence()], ["clear"], START, ["LICENCE_MISSING"], id="of another class"),
        pytest.param([licence()], ["clear", "operate-venue"], START, [], id="one of two suffices"),
        pytest.param([licence()], [], START, [], id="any will do"),
        pytest.param([licence()], [], END, ["LICENCE_EXPIRED"], id="any live one"),
        pytest.param([], [], START, ["LICENCE_MISSING"], id="none at all"),
        pytest.param(
            [licence("ats", "an inquiry"), licence("ats")],
            ["operate-venue"],
            START,
            [],
            id="a second one stands in",
        ),
    ],
)
def test_a_licence_counts_or_says_why_not(
    licences: list[Licence], powers: list[str], moment: Instant, codes: list[str]
) -> None:
    """SS-01, SS-35."""
    wanted = Exercised(organization="ATSMSP", powers=tuple(map(Power, powers)))
    findings = power_findings(wanted, licences, STANDARD_CLASSES, moment)
    assert [finding.code for finding in findings] == codes


def test_every_power_has_a_meaning_and_a_class() -> None:
    conveyed = {power for each in STANDARD_CLASSES.values() for power in each.powers}
    assert set(MEANINGS) == set(Power) == conveyed


# --- the life of a licence ---


def test_a_licence_is_granted_ends_and_is_renewed_to_the_second(market: Market) -> None:
    """SS-01, SS-35, F167, W17: the next call after the last second is refused."""
    market.license(market.licence(P.TRANSFER_AGENT, "transfer-agent", life=A_DAY))
    market.ledger.advance(A_DAY - A_SECOND)
    market.issue("alice", 1)
    market.ledger.advance(A_SECOND)
    assert refused(market.issue, "alice", 1) == "LICENCE_EXPIRED"
    market.license(market.licence(P.TRANSFER_AGENT, "transfer-agent", life=A_DAY))
    market.issue("alice", 1)
    assert len(licences_of(market, P.TRANSFER_AGENT)) == 1


def test_a_suspension_counts_from_the_next_call_and_until_it_is_resumed(market: Market) -> None:
    """SS-35."""
    suspended = (P.ATS, "ats", "an inquiry")
    submit(market, P.REGULATOR, "suspend_licence", *suspended)
    assert refused(lambda: market.propose(market.terms())) == "LICENCE_SUSPENDED"
    submit(market, P.REGULATOR, "resume_licence", P.ATS, "ats")
    market.propose(market.terms())


def test_a_revoked_licence_is_gone(market: Market) -> None:
    """SS-01."""
    revoked = (P.ATS, "ats", "fraud")
    outcome = submit(market, P.REGULATOR, "revoke_licence", *revoked)
    assert outcome.event_types == ("identity.LicenceRevoked",)
    assert licences_of(market, P.ATS) == ()
    assert refused(lambda: market.propose(market.terms())) == "LICENCE_MISSING"


def test_licences_of_one_class_in_two_jurisdictions_stand_side_by_side(market: Market) -> None:
    """SS-16, SS-52."""
    grant = market.licence(P.ATS, "ats")
    market.license(*(grant.model_copy(update={"jurisdiction": each}) for each in ("US", "SG")))
    submit(market, P.REGULATOR, "suspend_licence", P.ATS, "ats", "an inquiry", "US")
    states = {each.jurisdiction: each.suspension for each in licences_of(market, P.ATS)}
    assert states == {"SG": None, "US": "an inquiry", "XX": None}


def test_a_mandate_needs_a_licence_to_be_used(market: Market) -> None:
    """SS-02, SS-35: the broker's client is not sold by a broker without a licence."""
    market.transfer("alice", "bob", 1)
    suspended = (P.BROKER_DEALER, "broker-dealer", "an inquiry")
    submit(market, P.REGULATOR, "suspend_licence", *suspended)
    assert refused(market.transfer, "alice", "bob", 1) == "LICENCE_SUSPENDED"


def test_a_trade_whose_venue_lost_its_licence_cannot_be_locked(market: Market) -> None:
    """SS-35: pending trades feel it at once."""
    market.agree(market.terms())
    submit(market, P.REGULATOR, "revoke_licence", P.ATS, "ats", "fraud")
    assert refused(market.lock) == "LICENCE_MISSING"


def test_a_certificate_of_a_licensed_name_is_not_enough(market: Market) -> None:
    """SS-116: what the register does not say, nobody is."""
    assert refused(submit, market, "ATS2MSP", "onboard", []) == "LICENCE_MISSING"


# --- classes are data ---


def test_a_new_class_of_intermediary_can_act_in_the_next_transaction(market: Market) -> None:
    """SS-10, SS-11."""
    class_ = LicenceClass(
        licence_class="robo-adviser", title="Robo-adviser", powers=(Power.ACT_FOR_CLIENTS,)
    )
    market.submit(P.REGULATOR, IDENTITY, "define_classes", [class_])
    market.license(market.licence(OFFICE, "robo-adviser"))
    mandate = market.mandate("alice").statement.model_copy(update={"participant": OFFICE})
    market.submit(OFFICE, IDENTITY, "grant_mandate", mandate, market.sign("alice", mandate))
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    market.submit(OFFICE, Chaincode.TOKEN, "transfer", sent)
    assert market.units("bob") == 1


def test_a_class_that_is_defined_again_changes_the_licences_already_granted(
    market: Market,
) -> None:
    narrower = LicenceClass(licence_class="ats", title="Bulletin board", powers=())
    market.submit(P.REGULATOR, IDENTITY, "define_classes", [narrower])
    assert refused(lambda: market.propose(market.terms())) == "LICENCE_MISSING"


def test_the_classes_are_listed_with_the_standard_ones(market: Market) -> None:
    own = LicenceClass(licence_class="zoo", title="Zoo", powers=())
    market.submit(P.REGULATOR, IDENTITY, "define_classes", [own])
    listed = market.evaluate(IDENTITY, "licence_classes").load(list[LicenceClass])
    assert [each.licence_class for each in listed] == [*sorted(STANDARD_CLASSES), "zoo"]


def test_everybody_is_enrolled_firms_by_a_class_of_licence_and_customers_by_an_identity(
    market: Market,
) -> None:
    """SS-08: exchanges, broker-dealers and banks; customers need neither licence nor MSP."""
    listed = market.evaluate(IDENTITY, "licence_classes").load(tuple[LicenceClass, ...])
    conveyed = {each.licence_class: each.powers for each in listed}
    works = {P.ATS: Power.OPERATE_VENUE, P.BROKER_DEALER: Power.ACT_FOR_CLIENTS}
    for firm, power in (works | {P.BANK: Power.ISSUE_CASH}).items():
        (held,) = licences_of(market, firm)
        assert power in conveyed[held.licence_class]

    market.register("anna")
    customer = market.evaluate(IDENTITY, "identity", "anna").load(IdentityView).identity
    assert (customer.identity, customer.organization) == ("anna", None)


# --- the regulator and its delegates ---


def test_a_delegate_grants_what_it_may_and_no_power_over_licences(market: Market) -> None:
    """SS-06."""
    market.license(market.licence(DELEGATE, "regulators-delegate"))
    grant = market.licence(OFFICE, "family-office")
    market.submit(DELEGATE, IDENTITY, "grant_licences", [grant])
    assert licences_of(market, OFFICE)[0].granted_by == DELEGATE
    for licence_class in ("regulator", "regulators-delegate"):
        wider = market.licence(OFFICE, licence_class)
        assert (
            refused(market.submit, DELEGATE, IDENTITY, "grant_licences", [wider])
            == "LICENCE_MISSING"
        )


def test_nobody_decides_about_its_own_licences(market: Market) -> None:
    market.license(market.licence(DELEGATE, "regulators-delegate"))
    own = market.licence(DELEGATE, "ats")
    assert refused(market.submit, DELEGATE, IDENTITY, "grant_licences", [own]) == "NOT_FOR_ONESELF"


@pytest.mark.parametrize(
    ("who", "licence_class"), [(DELEGATE, "broker-dealer"), (P.REGULATOR, "regulator")]
)
def test_nobody_widens_a_licence_of_its_own(who: str, licence_class: str, market: Market) -> None:
    """SS-06: neither a delegate nor the regulator gives itself power over units."""
    classes = ("regulators-delegate", "broker-dealer")
    market.license(*(market.licence(DELEGATE, each) for each in classes))
    wider = LicenceClass(licence_class=licence_class, title="x", powers=(Power.KEEP_REGISTER,))
    assert refused(market.submit, who, IDENTITY, "define_classes", [wider]) == "NOT_FOR_ONESELF"


def test_a_delegate_leaves_the_regulators_class_alone(market: Market) -> None:
    """SS-06: else it could take all power from the regulator."""
    market.license(market.licence(DELEGATE, "regulators-delegate"))
    empty = LicenceClass(licence_class="regulator", title="Regulator", powers=())
    act = partial(market.submit, DELEGATE, IDENTITY, "define_classes", [empty])
    assert refused(act) == "LICENCE_MISSING"


def test_what_the_regulator_suspended_no_delegate_resumes(market: Market) -> None:
    """SS-35: neither by resuming nor by granting anew; what it suspended itself, it may."""
    market.license(market.licence(DELEGATE, "regulators-delegate"))
    market.submit(P.REGULATOR, IDENTITY, "suspend_licence", P.ATS, "ats", "an inquiry")
    resume = partial(market.submit, DELEGATE, IDENTITY, "resume_licence", P.ATS, "ats")
    renewal = [market.licence(P.ATS, "ats")]
    assert refused(resume) == "LICENCE_MISSING"
    assert refused(market.submit, DELEGATE, IDENTITY, "grant_licences", renewal) == (
        "LICENCE_MISSING"
    )
    submit(market, P.REGULATOR, "resume_licence", P.ATS, "ats")
    submit(market, DELEGATE, "suspend_licence", P.ATS, "ats", "late reports")
    resume()
    assert licences_of(market, P.ATS)[0].suspension is None


def test_the_regulator_can_hand_over(market: Market) -> None:
    """F166."""
    market.license(market.licence("NewRegulatorMSP", "regulator"))
    revoked = (P.REGULATOR, "regulator", "handed over")
    submit(market, "NewRegulatorMSP", "revoke_licence", *revoked)
    assert refused(lambda: market.license(market.licence(OFFICE, "ats"))) == "LICENCE_MISSING"
    market.submit("NewRegulatorMSP", IDENTITY, "grant_licences", [market.licence(OFFICE, "issuer")])


def test_the_regulator_has_no_power_over_units(market: Market) -> None:
    """SS-06: it halts and reads, and moves nothing."""
    assert refused(
        lambda: market.submit(P.REGULATOR, Chaincode.TOKEN, "issue", "ACME", "bob", 1)
    ) == ("LICENCE_MISSING")
    market.submit(P.REGULATOR, Chaincode.TOKEN, "pause", "ACME", "an inquiry")


def standing(market: Market, organization: str) -> Standing:
    check = PartiesCheck(organizations=(organization,))
    report = market.evaluate(IDENTITY, "check_parties", check).load(PartiesReport)
    return report.organizations[0]


def test_rules_learn_what_a_venue_is_and_where_it_may_trade(market: Market) -> None:
    """SS-16, SS-52, SS-54: category, rulebook, and the licences that count now."""
    market.license(market.licence(P.ATS, "ats").model_copy(update={"jurisdiction": "US"}))
    said = Description(category="new-exchange", rulebook_hash=EVIDENCE)
    market.submit(P.ATS, IDENTITY, "describe_organization", said)
    submit(market, P.REGULATOR, "suspend_licence", P.ATS, "ats", "an inquiry")
    venue = standing(market, P.ATS)
    assert (venue.category, venue.rulebook_hash) == ("new-exchange", EVIDENCE)
    assert [(each.licence_class, each.jurisdiction) for each in venue.licences] == [("ats", "US")]


# --- separation of functions ---

PAIR = (Power.OPERATE_VENUE, Power.CLEAR)


def commingled(market: Market) -> Market:
    """Return a market whose venue has a licence to clear as well, with a trade to be locked."""
    market.license(market.licence(P.ATS, "clearing"))
    market.agree(market.terms())
    return market


def lock_as_venue(market: Market) -> Outcome:
    return market.submit(P.ATS, Chaincode.SETTLEMENT, "lock_legs", "T-1")


def waive(market: Market) -> None:
    grant = WaiverGrant(
        organization=P.ATS,
        first=PAIR[1],
        second=PAIR[0],
        valid_until=market.after(HALF_A_DAY),
        reason_hash=EVIDENCE,
    )
    market.submit(P.REGULATOR, IDENTITY, "grant_waiver", grant)


def test_one_organisation_does_not_match_and_clear_the_same_trade(market: Market) -> None:
    """SS-07, W17."""
    commingled(market)
    assert refused(lock_as_venue, market) == "FUNCTIONS_NOT_SEPARATE"
    market.lock()


def test_it_may_clear_the_trades_of_another_venue(market: Market) -> None:
    market.license(market.licence(OFFICE, "ats"), market.licence(P.ATS, "clearing"))
    terms = market.terms().model_copy(update={"venue": OFFICE})
    market.list_security("ACME", venue=OFFICE)
    market.submit(OFFICE, Chaincode.SETTLEMENT, "propose_trade", terms=terms)
    market.consent(terms, "buyer")
    market.consent(terms, "seller")
    assert lock_as_venue(market).event_types[-1] == "settlement.LegsLocked"


def test_a_waiver_lifts_the_conflict_until_it_ends(market: Market) -> None:
    """SS-07: it is recorded, and over from its last second on."""
    commingled(market)
    waive(market)
    market.ledger.advance(HALF_A_DAY - A_SECOND)
    outcome = lock_as_venue(market)
    assert "settlement.LegsLocked" in outcome.event_types
    market.ledger.advance(A_SECOND)
    assert (
        refused(market.submit, P.ATS, Chaincode.SETTLEMENT, "settle", "T-1")
        == "FUNCTIONS_NOT_SEPARATE"
    )


def test_a_waiver_can_be_taken_back(market: Market) -> None:
    commingled(market)
    waive(market)
    submit(market, P.REGULATOR, "revoke_waiver", P.ATS, *PAIR)
    assert refused(lock_as_venue, market) == "FUNCTIONS_NOT_SEPARATE"


def test_the_matrix_of_conflicts_is_data(market: Market) -> None:
    """SS-07."""
    commingled(market)
    other = Conflicts(pairs=(Conflict(first=Power.LICENSE, second=Power.CLEAR),))
    market.submit(P.REGULATOR, IDENTITY, "set_conflicts", other)
    assert market.evaluate(IDENTITY, "conflicts").load(Conflicts) == other
    lock_as_venue(market)


def test_organisations_are_listed_page_by_page(market: Market) -> None:
    first = market.evaluate(IDENTITY, "organizations", 4).load(OrganizationPage)
    second = market.evaluate(IDENTITY, "organizations", 4, first.bookmark).load(OrganizationPage)
    names = [each.organization for page in (first, second) for each in page.organizations]
    assert names == sorted(set(Participant) - {P.REGULATOR})
