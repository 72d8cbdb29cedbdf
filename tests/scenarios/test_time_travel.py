"""What time ends, to the second, on a network of several nodes whose clock is set.

The time of a transaction is that of its proposal, which every endorser compares with its own clock:
here all clocks stand at the microsecond before the moment, and then at the moment.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.scenarios.conftest import SECURITY, Market

from tallystick.client.errors import EndorseError
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import UnitsAllowed, UnitsSent
from tallystick.node.testing import LocalNetwork

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
A_YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
JUST_BEFORE = timedelta(microseconds=1)

Act = Callable[[], Awaitable[object]]


@pytest.fixture
async def market(tally_network: LocalNetwork) -> Market:
    """Alice holds 100 units since 9 o'clock; her claim and her mandate end in a year."""
    tally_network.clock.stand_still(START)
    market = Market(
        tally_network.channel_id,
        {str(each): tally_network.gateway(each) for each in Participant},
        lambda: datetime.fromtimestamp(tally_network.clock() / 1e9, UTC),
    )
    await market.open()
    await market.onboard("alice", "bob")
    await market.submit(
        Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, "alice", 100
    )
    return market


def sent(quantity: int = 1) -> UnitsSent:
    return UnitsSent(security=SECURITY, sender="alice", receiver="bob", quantity=quantity)


async def transfer(market: Market) -> None:
    await market.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "transfer", sent())


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


@pytest.mark.slow
@pytest.mark.requirement("SS-40")
async def test_a_claim_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    async def act() -> None:
        await market.submit(
            Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, "bob", 1
        )

    assert await ended_by(tally_network, act, START + A_YEAR) == "RECEIVER_NOT_VERIFIED"


@pytest.mark.slow
async def test_a_mandate_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    assert (
        await ended_by(tally_network, lambda: transfer(market), START + A_YEAR) == "MANDATE_EXPIRED"
    )


@pytest.mark.slow
@pytest.mark.requirement("SS-61")
async def test_an_allowance_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    allowed = UnitsAllowed(
        security=SECURITY,
        holder="alice",
        spender=Participant.CLEARING,
        quantity=100,
        expires_at=instant(START + HOUR),
    )
    await market.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "approve", allowed)

    async def draw() -> None:
        await market.submit(Participant.CLEARING, Chaincode.TOKEN, "transfer_from", sent())

    assert await ended_by(tally_network, draw, START + HOUR) == "ALLOWANCE_EXPIRED"


@pytest.mark.slow
@pytest.mark.requirement("SS-35")
async def test_a_licence_ends_with_its_last_second(
    market: Market, tally_network: LocalNetwork
) -> None:
    licence = LicenceGrant(
        organization=Participant.BROKER_DEALER,
        licence_class="broker-dealer",
        reference="no. 2",
        valid_from=instant(START),
        valid_until=instant(START + HOUR),
    )
    await market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "grant_licences", [licence])
    assert (
        await ended_by(tally_network, lambda: transfer(market), START + HOUR) == "LICENCE_EXPIRED"
    )
