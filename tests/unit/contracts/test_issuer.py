"""What an issuer decides about its securities, and what it cannot do with anybody's units."""

from functools import partial

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.permissions import settlement, token
from tests.unit.contracts.permissions.roles import P
from tests.unit.contracts.permissions.stage import stage

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.testing import Market

TABLES = {Chaincode.TOKEN: token, Chaincode.SETTLEMENT: settlement}

OWN = [
    (Chaincode.SETTLEMENT, "announce_offering"),
    (Chaincode.SETTLEMENT, "allot"),
    (Chaincode.SETTLEMENT, "withdraw_offering"),
    (Chaincode.SETTLEMENT, "announce_action"),
    (Chaincode.SETTLEMENT, "demand"),
    (Chaincode.TOKEN, "bind_rules"),
    (Chaincode.TOKEN, "publish_document"),
]

OTHERS = ["issue", "redeem", "force", "freeze", "freeze_units", "split"]


@pytest.mark.requirement("SS-05")
@pytest.mark.parametrize(("chaincode", "function"), OWN)
def test_the_issuer_offers_sets_rules_publishes_and_declares(
    chaincode: Chaincode, function: str
) -> None:
    """Each of these is tried with a licence and without in the permission matrix."""
    assert P.ISSUER in TABLES[chaincode].PERMITTED[function].may


@pytest.mark.requirement("SS-05")
@pytest.mark.parametrize("function", OTHERS)
def test_the_issuer_moves_stops_and_creates_nobodys_units(function: str, market: Market) -> None:
    staged = stage(market)
    arguments = token.arguments(staged)[function]
    assert not callable(arguments), "they do not depend on who calls"
    before = staged.units("alice")
    act = partial(staged.submit, P.ISSUER, Chaincode.TOKEN, function, *arguments)
    assert refused(act) == "LICENCE_MISSING"
    assert staged.units("alice") == before
