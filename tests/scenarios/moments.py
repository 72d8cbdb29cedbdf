"""A market on a network whose clock is set, and what begins or ends with a second of it.

The time of a transaction is that of its proposal, which every endorser compares with its own clock:
here all clocks stand at the microsecond before the moment, and then at the moment.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.scenarios.conftest import Market

from tallystick.client.errors import EndorseError
from tallystick.node.testing import LocalNetwork

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
JUST_BEFORE = timedelta(microseconds=1)

Act = Callable[[], Awaitable[object]]


async def opened_at_nine(network: LocalNetwork) -> Market:
    """Return a market that was opened at START, where all clocks stand still."""
    network.clock.stand_still(START)
    return await Market.opened_on(network)


async def refused(act: Act) -> str:
    """Return the code with which an act is refused."""
    with pytest.raises(EndorseError) as refusal:
        await act()
    return refusal.value.refusals[0].message.partition(":")[0]


async def ended_by(network: LocalNetwork, act: Act, moment: datetime) -> str:
    """Let an act happen just before a moment; return the code that ends it from that second on."""
    network.clock.stand_still(moment - JUST_BEFORE)
    await act()
    network.clock.stand_still(moment)
    return await refused(act)


async def begun_by(network: LocalNetwork, act: Act, moment: datetime) -> str:
    """Let an act happen at a moment; return the code with which it is refused just before."""
    network.clock.stand_still(moment - JUST_BEFORE)
    code = await refused(act)
    network.clock.stand_still(moment)
    await act()
    return code
