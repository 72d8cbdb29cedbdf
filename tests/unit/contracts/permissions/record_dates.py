"""Who may fix record dates, split and redeem securities, and arguments that are well formed."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions.past import DATED
from tests.unit.contracts.permissions.roles import (
    TRANSFER_AGENT,
    Arguments,
    Permissions,
    anybody,
    licensed,
    only,
    through_settlement,
)
from tests.unit.contracts.permissions.scenery import HALTED

from tallystick.contracts.redemptions import PaidRedemption, UnitsDue
from tallystick.contracts.register.splits import SplitOrder
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.timelines import RecordDate

PERMITTED: Permissions = {
    "schedule_record_date": only(TRANSFER_AGENT),
    "take_record_date": only(TRANSFER_AGENT),
    "cancel_record_date": only(TRANSFER_AGENT),
    "seal_record_dates": licensed(),
    "split": only(TRANSFER_AGENT),
    "splits_made": anybody(),
    "timeline": anybody(),
    "record_date": anybody(),
    "position_at": anybody(),
    "positions_of_at": anybody(),
    "positions_at": anybody(),
    "supply_at": anybody(),
    "recorded_supply": through_settlement(),
    "redeem_for_payment": through_settlement(),
}

REDEMPTION = PaidRedemption(security="ACME", units=(UnitsDue(holder="alice", quantity=1),))
HOLDERS: list[JsonValue] = ["alice"]

QUESTIONS: Arguments = {
    "splits_made": [],
    "timeline": ["ACME"],
    "record_date": ["ACME", "r-1"],
    "position_at": ["ACME", "r-1", "alice"],
    "positions_of_at": ["ACME", "r-1", HOLDERS],
    "positions_at": ["ACME", "r-1"],
    "supply_at": ["ACME", "r-1"],
}


def arguments(market: Market) -> Arguments:
    tomorrow = RecordDate(name="r-4", at=market.after(timedelta(days=1)))
    return {
        "schedule_record_date": ["ACME", tomorrow],
        "take_record_date": ["ACME", "r-3"],
        "cancel_record_date": ["ACME", "r-2"],
        "seal_record_dates": [DATED],
        "recorded_supply": ["ACME", "r-1"],
        "redeem_for_payment": [REDEMPTION],
        "split": [SplitOrder(security=HALTED, new=2, old=1, document_hash=EVIDENCE)],
    }
