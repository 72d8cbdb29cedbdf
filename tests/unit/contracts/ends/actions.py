"""How corporate actions end before everybody has what they give: a dividend, a redemption, a bonus.

Alice holds 600 units, bob 400. What nobody got by the end is the payer's again, and units that were
to end for money go on.
"""

from collections.abc import Iterator
from functools import cache, partial

from tests.unit.contracts.actions_stage import (
    A_DAY,
    AGENT,
    ISSUER,
    SETTLEMENT,
    announce,
    confirm,
    dividend,
    enter,
    fund,
    given,
    open_payer,
    pay,
    reclaim,
)
from tests.unit.contracts.ends.ending import (
    Amounts,
    Ending,
    Scene,
    Table,
    amounts,
    holdings,
    moved,
)

from tallystick.contracts.actions.models import Action
from tallystick.contracts.actions.states import TRANSITIONS, Status, Step
from tallystick.contracts.actions.terms import IN_UNITS, ActionTerms, ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.testing import Market

UNITS, EACH = {"alice": 600, "bob": 400}, 5
FUNDED = amounts("USD", acme=1000 * EACH)
FOR_BOB = amounts("USD", acme=UNITS["bob"] * EACH)
FOR_ALICE = UNITS["alice"] * EACH
GOT = {
    ActionType.CASH_DIVIDEND: amounts("USD", alice=FOR_ALICE, acme=-FOR_ALICE),
    ActionType.BONUS: amounts("ACME", alice=FOR_ALICE),
}
GOT[ActionType.REDEMPTION] = moved(
    GOT[ActionType.CASH_DIVIDEND], amounts("ACME", alice=-UNITS["alice"])
)
"""What changes hands as alice alone gets what an action gives."""


@cache
def staged() -> Market:
    """Return a market with an issuer that pays."""
    market = Market()
    market.open()
    market.onboard(*UNITS)
    for holder, units in UNITS.items():
        market.issue(holder, units)
    open_payer(market)
    return market


@cache
def begun(action_type: ActionType, status: Status, *, is_paid: bool = False) -> Scene[Market]:
    """Return a market with an action in a status; in the last one alice may have got hers."""
    market = staged().fork()
    had = holdings(market)
    reached = list(Status)[: list(Status).index(status) + 1]
    announce(market, _terms(market, action_type))
    if Status.CONFIRMED in reached:
        confirm(market, "D-1")
    if Status.ENTERED in reached:
        market.ledger.advance(A_DAY)
        market.submit(AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME")
        enter(market, *UNITS)
    if Status.FUNDED in reached and action_type not in IN_UNITS:
        fund(market, 1000 * EACH)
    if not is_paid:
        return Scene(market, had)
    market.ledger.advance(A_DAY)
    pay(market, "alice")
    return Scene(market, moved(had, GOT[action_type]))


def _terms(market: Market, action_type: ActionType) -> ActionTerms:
    distribution = given(market, EACH)
    if action_type in IN_UNITS:
        distribution = distribution.model_copy(update={"asset": "ACME", "payer": None})
    return dividend(market, action_type=action_type, distribution=distribution)


def cancel(market: Market) -> None:
    """End it, as its issuer."""
    market.submit(ISSUER, SETTLEMENT, "cancel_action", "D-1", "the board has changed its mind")


def reclaim_in_the_end(market: Market) -> None:
    """Take back what nobody has got in time."""
    market.ledger.advance(10 * A_DAY)
    reclaim(market)


def status_of_action(market: Market) -> Status:
    """Return where it stands."""
    return market.evaluate(SETTLEMENT, "action", "D-1").load(Action).status


def _endings() -> Iterator[Ending[Market]]:
    for kind in GOT:
        for status in (Status.ANNOUNCED, Status.CONFIRMED, Status.ENTERED):
            scene = partial(begun, kind, status)
            yield Ending(status, Step.CANCEL, f"{kind}", scene, cancel, status_of_action)
        partly = partial(begun, kind, Status.FUNDED, is_paid=True)
        yield _reclaimed(f"{kind}, partly paid", partly, Amounts() if kind in IN_UNITS else FOR_BOB)
        if kind not in IN_UNITS:
            yield _reclaimed(f"{kind}", partial(begun, kind, Status.FUNDED), FUNDED)


def _reclaimed(how: str, scene: partial[Scene[Market]], waits: Amounts) -> Ending[Market]:
    return Ending(
        Status.FUNDED, Step.RECLAIM, how, scene, reclaim_in_the_end, status_of_action, waits
    )


TABLE = Table(
    {status for status, _ in TRANSITIONS},
    {
        place: following
        for place, following in TRANSITIONS.items()
        if following is Status.CANCELLED or place[1] is Step.RECLAIM
    },
    tuple(_endings()),
)
