"""Rules about claims and residence, as tables: who may be on which side."""

import pytest
from tests.unit.contracts.compliance.stage import (
    AGENT,
    TOKEN,
    RuledMarket,
    Written,
    attested,
    case,
    codes,
    holder,
    rule,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.compliance.case import SecurityFacts
from tallystick.contracts.compliance.models import BoundRule
from tallystick.contracts.compliance.records import Recomputation
from tallystick.contracts.events import Basis
from tallystick.contracts.parties import Attested, LiveLicence, Standing
from tallystick.contracts.register.models import Product
from tallystick.contracts.testing import EVIDENCE

ACCREDITED: Written = {"all": [{"topic": "accreditation", "level": 2}]}
US, DE = attested("residence", "US"), attested("residence", "DE")
VERIFIED = attested("accreditation", level=2)


@pytest.mark.parametrize(
    ("formula", "claims", "passes"),
    [
        (ACCREDITED, [], False),
        (ACCREDITED, [attested("accreditation")], False),
        (ACCREDITED, [VERIFIED], True),
        ({"any": [{"topic": "accreditation"}, {"topic": "family"}]}, [attested("family")], True),
        ({"any": [{"topic": "accreditation"}, {"topic": "family"}]}, [US], False),
        ({"none": [{"topic": "sells-only"}]}, [], True),
        ({"none": [{"topic": "sells-only"}]}, [attested("sells-only")], False),
        ({"all": [{"topic": "residence", "excluded": ["US"]}]}, [US], False),
        ({"all": [{"topic": "residence", "excluded": ["US"]}]}, [DE], True),
        ({**ACCREDITED, "bases": ["issue"]}, [], True),
    ],
)
@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_claims_decide_who_may_be_on_a_side(
    side: str, formula: Written, claims: list[Attested], *, passes: bool
) -> None:
    """SS-15, SS-72, F81, F115: a formula of all, any and none, by level and value (F78, F97)."""
    at = case(holder("a", 9, -1, claims=claims), holder("b", 0, 1, claims=claims), 1)

    found = codes(f"{side}-claims", formula, at)

    assert found == ([] if passes else [f"{side.upper()}_NOT_ELIGIBLE"])


@pytest.mark.parametrize(
    ("parameters", "sender", "receiver", "expected"),
    [
        ({}, [US], [DE], []),
        ({}, [], [DE], ["RESIDENCE_UNKNOWN"]),
        ({"allowed": ["US"]}, [US], [DE], ["RESIDENCE_BARRED"]),
        ({"barred": ["US"]}, [US], [US], ["RESIDENCE_BARRED", "RESIDENCE_BARRED"]),
        ({"barred": ["US"]}, [DE], [DE], []),
    ],
)
def test_both_sides_reside_where_the_security_may_be_held(
    parameters: Written, sender: list[Attested], receiver: list[Attested], expected: list[str]
) -> None:
    """F79, F80."""
    at = case(holder("a", 9, -1, claims=sender), holder("b", 0, 1, claims=receiver), 1)

    assert codes("residence", parameters, at) == expected


@pytest.mark.parametrize(("level", "expected"), [(2, ["PRODUCT_UNSUITABLE"]), (3, []), (4, [])])
def test_a_product_suits_a_risk_profile_of_its_class(level: int, expected: list[str]) -> None:
    """SS-41, W28: the receiver is judged, never the sender."""
    buyer = holder("b", 0, 1, claims=[attested("risk-profile", level=level)])

    facts = SecurityFacts(security="ACME", risk_class=3)
    at = case(holder("a", 9, -1), buyer, 1, facts=facts)
    assert codes("suitability", {}, at) == expected


@pytest.mark.parametrize(
    ("listed", "bound", "enough"),
    [(3, None, 3), (3, 2, 3), (3, 5, 5), (None, 5, 5), (None, None, None)],
)
def test_a_binding_asks_for_more_than_the_catalogue_and_never_for_less(
    listed: int | None, bound: int | None, enough: int | None
) -> None:
    """SS-41, W28: of a product without any class nobody can say whom it suits."""
    facts = SecurityFacts(security="ACME", risk_class=listed)
    suits = {
        level
        for level in range(1, 8)
        if not codes(
            "suitability",
            {} if bound is None else {"risk_class": bound},
            case(
                holder("a", 9, -1),
                holder("b", 0, 1, claims=[attested("risk-profile", level=level)]),
                1,
                facts=facts,
            ),
        )
    }
    assert suits == (set() if enough is None else set(range(enough, 8)))


def test_suitability_follows_the_catalogue_and_is_worked_out_again_by_what_it_said(
    ruled: RuledMarket,
) -> None:
    """SS-41, SS-78, W28: the class of the moment counts, and the record keeps it."""
    ruled.attest("bob", "risk-profile", level=4)
    ruled.bind(rule("suitability"))
    assert [each.code for each in ruled.ask(1).reasons] == ["PRODUCT_NOT_CLASSED"]
    product = Product(security="ACME", risk_class=4, category="EQUITY", summary_hash=EVIDENCE)
    ruled.submit(AGENT, TOKEN, "list_product", product)
    moved = ruled.transfer("alice", "bob", 1).transaction_id

    ruled.submit(AGENT, TOKEN, "list_product", product.model_copy(update={"risk_class": 5}))

    with pytest.raises(Refusal, match="PRODUCT_UNSUITABLE"):
        ruled.transfer("alice", "bob", 1)
    again = ruled.evaluate(TOKEN, "recompute", "ACME", moved).load(Recomputation)
    assert again.agrees


def test_the_first_version_of_suitability_stays_for_what_it_decided() -> None:
    """SS-78: it takes the class that it was bound with, whatever the catalogue says."""
    first = BoundRule(rule="suitability", version=1, parameters={"*": {"risk_class": 3}}).bound()
    buyer = holder("b", 0, 1, claims=[attested("risk-profile", level=3)])
    facts = SecurityFacts(security="ACME", risk_class=7)
    at = case(holder("a", 9, -1), buyer, 1, facts=facts)
    assert list(first.findings(*at)) == []


@pytest.mark.parametrize(
    ("receiver", "moment", "stale"),
    [
        (US, "2026-06-01T00:00:00Z", False),
        (DE, "2026-05-01T23:59:59Z", False),
        (DE, "2026-05-02T00:00:00Z", True),
    ],
)
def test_across_borders_confirmations_are_fresh(
    receiver: Attested, moment: str, *, stale: bool
) -> None:
    """SS-79: at home, claims that run will do."""
    at = case(
        holder("a", 9, -1, claims=[US, attested("kyc")]),
        holder("b", 0, 1, claims=[receiver, attested("kyc")]),
        1,
        moment=moment,
    )

    found = codes("fresh-confirmation", {"topics": ["kyc"], "window": "P1D"}, at)

    assert found == (["CONFIRMATION_STALE"] * 2 if stale else [])


ROLES = ["issuer", "sender", "receiver", "venue"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("here", ROLES)
def test_the_law_of_a_place_counts_for_whoever_is_there(role: str, here: str) -> None:
    """SS-76: issuer's, sender's, receiver's and venue's law; each finding names the pack."""
    place = {each: US if each == here else DE for each in ("sender", "receiver")}
    at, leg = case(
        holder("a", 9, -1, claims=[place["sender"]]),
        holder("b", 0, 1, claims=[place["receiver"]]),
        1,
        facts=SecurityFacts(security="ACME", home="US" if here == "issuer" else "DE"),
    )
    licence = LiveLicence(licence_class="ats", jurisdiction="US" if here == "venue" else "DE")
    at = type(at)(
        at.moment,
        at.basis,
        at.legs,
        at.holders,
        at.securities,
        Standing(organization="V", licences=(licence,)),
    )
    bound = BoundRule.model_validate(
        {
            "rule": "receiver-claims",
            "version": 1,
            "parameters": {"*": ACCREDITED},
            "provisions": {"all": "s. 7"},
            "roles": [role],
            "pack": "us-law 3",
            "jurisdiction": "US",
        }
    ).bound()

    found = [finding.message for finding in bound.findings(at, leg)]

    assert [message.endswith("[us-law 3: s. 7]") for message in found] == [True] * (role == here)


def test_who_does_not_say_where_it_resides_is_judged_by_every_law() -> None:
    """SS-76."""
    bound = BoundRule.model_validate(
        {
            "rule": "receiver-claims",
            "version": 1,
            "parameters": {"*": ACCREDITED},
            "roles": ["receiver"],
            "pack": "us-law 3",
            "jurisdiction": "US",
        }
    ).bound()

    assert list(bound.findings(*case(holder("a", 9, -1), holder("b", 0, 1), 1)))


@pytest.mark.parametrize(
    ("licences", "claims", "limit"),
    [
        (["family-office"], [], 50),
        ([], [VERIFIED], 20),
        (["family-office"], [VERIFIED], 50),
        (["custodian"], [], None),
        ([], [], 5),
    ],
)
def test_parameters_are_those_of_the_first_class_that_is_named(
    licences: list[str], claims: list[Attested], limit: int | None
) -> None:
    """SS-65, F103: same rule, other figures for an intermediary; None lifts it for a class."""
    bound = BoundRule.model_validate(
        {
            "rule": "maximum-holding",
            "version": 1,
            "parameters": {
                "family-office": {"units": 50},
                "accreditation@": {"units": 20},
                "custodian": None,
                "*": {"units": 5},
            },
        }
    ).bound()
    at = case(holder("a", 900, -90), holder("b", 0, 90, licences=licences, claims=claims), 90)

    assert bound.most(*at, 90) == (90 if limit is None else limit)


def test_an_issue_has_a_receiver_to_judge_and_no_sender() -> None:
    """F4."""
    issue = case(None, holder("b", 0, 1), 1, basis=Basis.ISSUE)

    assert codes("receiver-claims", ACCREDITED, issue) == ["RECEIVER_NOT_ELIGIBLE"]
    assert codes("sender-claims", ACCREDITED, issue) == []
