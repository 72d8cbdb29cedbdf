"""Every function by which units or money move occurs in a course that is compared at every height.

The courses say by which functions anything moves in them, and `test_heights` holds them to it. What
no course sees moving is listed here with its reason, and moves nothing in the market in which the
permissions are tried either. A new function is in neither list, and fails here.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import chain

import pytest
from tests.scenarios.test_heights import COURSES
from tests.unit.contracts.permissions.matrix import Stage, set_up
from tests.unit.contracts.permissions.past import BOND, DATED
from tests.unit.contracts.permissions.scenery import HALTED
from tests.unit.contracts.test_contract_permissions import CASES, permitted

from tallystick.contracts.cash.models import CashPage, Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.register.models import RegisterPage
from tallystick.contracts.testing import Market

WRITING = {
    f"{each.chaincode}.{each.function}": each
    for each in CASES
    if each.writes and each.chaincode is not Chaincode.IDENTITY
}
"""What somebody may call, and changes something by; identities have nothing that moves."""

MOVING = frozenset(chain.from_iterable(course.moves for course in COURSES.values()))

RULES = """
token.create_security token.amend_security token.set_cap token.close_issuance token.deactivate
token.renounce_enforcement token.publish_pack token.bind_rules token.bind_venue_rules
token.publish_document token.remove_document token.list_product token.pause token.resume
token.freeze token.unfreeze token.schedule_record_date token.cancel_record_date
token.take_record_date token.seal_record_dates token.open_custody token.record_cover
cash.open_cash
settlement.list_security settlement.end_listing settlement.accept_agency settlement.end_agency
settlement.set_calendar settlement.set_conventions settlement.set_fees settlement.renew_permit_key
settlement.publish_discipline settlement.judge_fails settlement.set_withholding
settlement.declare_default settlement.lift_default
"""
WORDS = """
token.approve token.increase_allowance token.decrease_allowance token.revoke_allowance
token.accept_security token.approve_transfer token.withdraw_approval token.agree_custody
token.end_custody token.renew_hold
cash.grant_credit cash.make_receipt cash.void_receipt
settlement.place_order settlement.withdraw_order settlement.propose_trade settlement.consent
settlement.approve_trade settlement.hold_trade settlement.release_trade settlement.withdraw
settlement.open_cycle settlement.call_buy_in settlement.give_up_buy_in settlement.withdraw_buy_in
settlement.announce_offering settlement.approve_offering settlement.accept_offering
settlement.subscribe settlement.confirm_subscription settlement.pay_by_receipt
settlement.close_offering settlement.allot settlement.allocate_offering settlement.fund_offering
settlement.withdraw_offering settlement.lapse_offering
settlement.announce_action settlement.confirm_action settlement.cancel_action settlement.cast_votes
"""
NOTES = """
token.acknowledge token.query_decision token.record_refusal token.record_refused_draw token.recount
token.relabel_lots token.fold_changes token.report_volume
cash.report_deposit
settlement.record_failure settlement.record_fail settlement.mark_sale settlement.end_batch
settlement.conclude_offering settlement.count_votes
"""
STILL: Mapping[str, AbstractSet[str]] = {
    "says what may be done, or by what it is judged": set(RULES.split()),
    "says what shall be done, by somebody's will, and another function does it": set(WORDS.split()),
    "notes what has happened, or says the same of it in other rows": set(NOTES.split()),
}
"""Functions that write and move nothing, by what they do instead."""


def in_hand(market: Market) -> object:
    """Return what everybody has, what of it is available, and what waits in fees."""
    lines = []
    for security in ("ACME", HALTED, BOND, DATED):
        register = market.evaluate(Chaincode.TOKEN, "register", security).load(RegisterPage)
        assert not register.bookmark
        lines += [
            (security, each.holder, each.quantity, each.available) for each in register.holdings
        ]
    accounts = market.evaluate(Chaincode.CASH, "accounts", "USD").load(CashPage)
    assert not accounts.bookmark
    lines += [("USD", each.holder, each.amount, each.available) for each in accounts.accounts]
    asked = market.evaluate(Chaincode.CASH, "reconciliation", "USD")
    return lines, asked.load(Reconciliation).accrued


@pytest.fixture(scope="module")
def stage() -> Stage:
    """Return the market in which every act of the permission matrix finds its object."""
    market = Market()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.deposit("bob", 50_000)
    return set_up(market)


def test_whatever_writes_moves_something_in_a_course_or_has_a_reason_not_to() -> None:
    """SS-87, SS-89, SS-101."""
    still = list(chain.from_iterable(STILL.values()))
    assert len(still) == len(set(still))
    assert MOVING.isdisjoint(still)
    assert MOVING | set(still) == set(WRITING)


@pytest.mark.parametrize("function", sorted(chain.from_iterable(STILL.values())))
def test_what_has_a_reason_moves_nothing(function: str, stage: Stage) -> None:
    """SS-109: nobody has more or less by it, and nothing more waits or is free."""
    case = WRITING[function]
    role = permitted(case.row)
    assert not stage.changes(role, case.chaincode, case.function, in_hand)


@pytest.mark.parametrize(
    "function", ["token.force", "cash.fund", "settlement.refund_subscriptions"]
)
def test_what_moves_something_would_be_noticed(function: str, stage: Stage) -> None:
    """Units, money, and money that is free again: the test above sees each of them."""
    case = WRITING[function]
    role = permitted(case.row)
    assert stage.changes(role, case.chaincode, case.function, in_hand)
