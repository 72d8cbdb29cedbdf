"""All that may wait, by name."""

from collections.abc import Mapping

from tests.unit.contracts.ends import commitments, holds, reservations
from tests.unit.contracts.ends.hindered import Kind
from tests.unit.contracts.netting.cleared import ClearedMarket
from tests.unit.contracts.offerings.stage import PrimaryMarket

from tallystick.contracts.testing import Market

KINDS: Mapping[str, Kind[Market] | Kind[ClearedMarket] | Kind[PrimaryMarket]] = {
    **commitments.KINDS,
    **reservations.KINDS,
    **holds.REGISTER,
    **holds.TRADES,
    **holds.OFFERINGS,
}
