"""Units that move by themselves: no trade, no offering and no corporate action.

What moves at one height:

- units come into being, change hands or end, for all holders of the call, also out of a hold, by
  an allowance, by order, or out of a custodian's account;
- units wait for a notary, or are free again; units are frozen, or move again;
- all units are split.

No row says that such a movement has happened: its event does. Each is of a quantity of its own,
which tells it from all others.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import TypeAdapter
from tests.scenarios.conftest import SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import HOUR, P, endow, represent
from tests.scenarios.height_rows import (
    frozen_units_of,
    supply_of_units,
    units_of,
    waiting_units_of,
)
from tests.scenarios.heights import Course, Holdings, holdings, moved, reading, telling
from tests.scenarios.moments import opened_at_nine

from tallystick.client.contract import Argument
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import Custody, CustodyAgreement
from tallystick.contracts.events import LedgerEvent
from tallystick.contracts.instants import instant
from tallystick.contracts.register.folding import ChangeRow
from tallystick.contracts.register.models import (
    Allocation,
    ForcedMove,
    ForcedOrder,
    HoldExecution,
    Redemption,
)
from tallystick.contracts.register.splits import SplitOrder
from tallystick.contracts.statements import (
    CustodyAgreed,
    HoldDeclined,
    Portion,
    Share,
    Statement,
    UnitsAllowed,
    UnitsDistributed,
    UnitsHeld,
    UnitsSent,
    UnitsSentToMany,
    UnitsSurrendered,
)
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

WAITING, FROZEN = "units that wait", "frozen units"
CUSTODIAN = "custodian"
UNITS = {"alice": 1_000, CUSTODIAN: 100}
ORDER_HASH = "e" * 64


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let units move in every way in which they can by themselves."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob", "carol", CUSTODIAN)
    await endow(market, units=UNITS, money={})
    await issue_and_end(market)
    await send(market)
    await draw(market)
    for name, quantity in HOLDS.items():
        await hold(market, name, quantity)
    await fold(market)
    await split(market)


async def keep(market: Market, function: str, *arguments: Argument) -> None:
    """Call the register, as the transfer agent."""
    await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, function, SECURITY, *arguments)


async def say(market: Market, function: str, signer: str, statement: Statement) -> None:
    """Submit to the register what a holder signs."""
    signed = (statement, market.sign(signer, statement))
    await market.submit(P.BROKER_DEALER, Chaincode.TOKEN, function, *signed)


async def issue_and_end(market: Market) -> None:
    """Let units come into being and end, by page and one holder's at a time."""
    await keep(market, "issue", "alice", 11)
    allocations = [Allocation(to="bob", quantity=12), Allocation(to="carol", quantity=13)]
    await keep(market, "issue_to_many", allocations)
    await keep(market, "redeem", "bob", 5, ORDER_HASH)
    redemptions = [Redemption(holder="alice", quantity=6), Redemption(holder="bob", quantity=7)]
    await keep(market, "redeem_from_many", redemptions, ORDER_HASH)
    surrendered = UnitsSurrendered(security=SECURITY, holder="alice", quantity=17)
    await say(market, "surrender", "alice", surrendered)
    await freeze(market)


async def freeze(market: Market) -> None:
    """Freeze units, let them move again, and move others as a court orders."""
    for function in ("freeze_units", "unfreeze_units"):
        await keep(market, function, "alice", 24, "a court")
    forced = ForcedMove(holder="alice", receiver="carol", quantity=25)
    order = ForcedOrder(security=SECURITY, moves=(forced,), evidence_hash=ORDER_HASH)
    await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "force", order)


async def send(market: Market) -> None:
    """Let alice send units to one, and to many at once."""
    sent = UnitsSent(security=SECURITY, sender="alice", receiver="bob", quantity=14)
    await say(market, "transfer", "alice", sent)
    portions = (Portion(receiver="bob", quantity=15), Portion(receiver="carol", quantity=16))
    many = UnitsSentToMany(security=SECURITY, sender="alice", portions=portions)
    await say(market, "transfer_to_many", "alice", many)


async def draw(market: Market) -> None:
    """Let a custodian draw on an allowance, and give a client what it keeps for it."""
    await represent(market, CUSTODIAN, P.CLEARING)
    custody = (P.CLEARING, Chaincode.TOKEN)
    await market.submit(*custody, "open_custody", Custody(identity=CUSTODIAN))
    agreed = CustodyAgreed(custodian=P.CLEARING, client="bob")
    agreement = CustodyAgreement(agreed=agreed, intent=market.sign("bob", agreed))
    await market.submit(*custody, "agree_custody", agreement=agreement)
    allowed = UnitsAllowed(
        security=SECURITY,
        holder="alice",
        spender=P.CLEARING,
        quantity=20,
        expires_at=instant(market.now() + HOUR),
    )
    await say(market, "approve", "alice", allowed)
    drawn = UnitsSent(security=SECURITY, sender="alice", receiver="bob", quantity=18)
    await market.submit(*custody, "transfer_from", drawn)
    shares = (Share(client="bob", quantity=26),)
    given = UnitsDistributed(security=SECURITY, account=CUSTODIAN, shares=shares)
    await market.submit(*custody, "distribute", given, [], market.sign(CUSTODIAN, given))


HOLDS = {"h-1": 20, "h-2": 21, "h-3": 22, "h-4": 23}
"""What waits: for a part to be delivered, to be released, to be declined, and to end by order."""

DELIVERED = 19


async def hold(market: Market, name: str, quantity: int) -> None:
    """Let units wait for bob, and end that in the way of each hold."""
    place = {"security": SECURITY, "holder": "alice", "hold": name}
    held = UnitsHeld(
        **place,
        quantity=quantity,
        notary=P.CLEARING,
        receiver="bob",
        expires_at=instant(market.now() + HOUR),
    )
    await say(market, "place_hold", "alice", held)
    notary = (P.CLEARING, Chaincode.TOKEN)
    match name:
        case "h-1":
            await market.submit(*notary, "execute_hold", HoldExecution(**place, quantity=DELIVERED))
        case "h-2":
            await market.submit(*notary, "release_hold", SECURITY, "alice", name)
        case "h-3":
            await say(market, "decline_hold", "bob", HoldDeclined(**place, receiver="bob"))
        case _:
            await keep(market, "release_hold_by_order", "alice", name, ORDER_HASH)


async def fold(market: Market) -> None:
    """Let one row stand for all changes of the supply: it is the same at the height after."""
    network = market.gateways[P.TRANSFER_AGENT].network(market.channel_id)
    contract = network.contract(Chaincode.TOKEN)
    found = await contract.evaluate("changes", SECURITY, "supply")
    rows: Sequence[ChangeRow] = TypeAdapter(tuple[ChangeRow, ...]).validate_json(found)
    await keep(market, "fold_changes", "supply", list(rows))


async def split(market: Market) -> None:
    """Let there be two units in the place of each, without a corporate action."""
    agent = (P.TRANSFER_AGENT, Chaincode.TOKEN)
    await keep(market, "pause", "a split")
    order = SplitOrder(security=SECURITY, new=2, old=1, document_hash=ORDER_HASH)
    await market.submit(*agent, "split", order)


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what moves with each movement of units, with each hold, and with each freeze."""
    sent = {
        11: (None, "alice"),
        12: (None, "bob"),
        13: (None, "carol"),
        5: ("bob", None),
        6: ("alice", None),
        7: ("bob", None),
        17: ("alice", None),
        25: ("alice", "carol"),
        14: ("alice", "bob"),
        15: ("alice", "bob"),
        16: ("alice", "carol"),
        18: ("alice", "bob"),
        26: (CUSTODIAN, "bob"),
        DELIVERED: ("alice", "bob"),
    }
    acts = {
        f"{quantity} units": moved(SECURITY, quantity, *sides) for quantity, sides in sent.items()
    }
    for quantity in HOLDS.values():
        acts[f"{quantity} units held"] = holdings({WAITING: {"alice": quantity}})
        acts[f"{quantity} units free"] = holdings({WAITING: {"alice": -quantity}})
    acts[f"{DELIVERED} units"].update(holdings({WAITING: {"alice": -HOLDS["h-1"]}}))
    for quantity in (24, -24):
        acts[f"{quantity} units frozen"] = holdings({FROZEN: {"alice": quantity}})
    return acts


BEGUN = holdings({SECURITY: UNITS})
ACTS = {**acts(), "split": holdings({SECURITY: trades.held_in_the_end(BEGUN, acts())})}
WORDS: Mapping[type[LedgerEvent], str] = {
    events.UnitsTransferred: "{quantity} units",
    events.HoldPlaced: "{quantity} units held",
    events.HoldReleased: "{quantity} units free",
    events.UnitsFrozen: "{quantity} units frozen",
    events.SecuritySplit: "split",
}
HAVING = {
    SECURITY: partial(units_of, security=SECURITY),
    WAITING: partial(waiting_units_of, security=SECURITY),
    FROZEN: partial(frozen_units_of, security=SECURITY),
}


def supply(state: StateView) -> Mapping[str, int]:
    """Return how many units there are."""
    return {SECURITY: supply_of_units(state, SECURITY)}


COURSE = Course(
    live=live,
    begun=BEGUN,
    acts=ACTS,
    holdings=reading(HAVING),
    happened=lambda _: set(),
    told=telling(WORDS, ACTS.keys()),
    supply=supply,
    moves={
        "token.decline_hold",
        "token.distribute",
        "token.execute_hold",
        "token.force",
        "token.freeze_units",
        "token.issue",
        "token.issue_to_many",
        "token.place_hold",
        "token.redeem",
        "token.redeem_from_many",
        "token.release_hold",
        "token.release_hold_by_order",
        "token.split",
        "token.surrender",
        "token.transfer",
        "token.transfer_from",
        "token.transfer_to_many",
        "token.unfreeze_units",
    },
    steps=[
        {"11 units"},
        {"12 units", "13 units"},
        {"5 units"},
        {"6 units", "7 units"},
        {"17 units"},
        {"24 units frozen"},
        {"-24 units frozen"},
        {"25 units"},
        {"14 units"},
        {"15 units", "16 units"},
        {"18 units"},
        {"26 units"},
        {"20 units held"},
        {"19 units"},
        {"21 units held"},
        {"21 units free"},
        {"22 units held"},
        {"22 units free"},
        {"23 units held"},
        {"23 units free"},
        {"split"},
    ],
)
