"""The settlement contract, as callers see it: put together from the parts of its concerns.

It holds no units and no money: it tells the token and the cash contract what to lock, deliver and
release, each in one call, so that all legs of a trade change in one transaction or not at all.
"""

from tallystick.contracts.actions.functions import ActionFunctions
from tallystick.contracts.agency.functions import AgencyFunctions
from tallystick.contracts.calendars.functions import CalendarFunctions
from tallystick.contracts.discipline.functions.buy_ins import BuyInFunctions
from tallystick.contracts.discipline.functions.fails import FailFunctions
from tallystick.contracts.discipline.functions.figures import FigureFunctions
from tallystick.contracts.fees.functions import FeeFunctions
from tallystick.contracts.listings.functions import ListingFunctions
from tallystick.contracts.netting.functions import NettingFunctions
from tallystick.contracts.offerings.functions.offerings import OfferingFunctions
from tallystick.contracts.offerings.functions.subscriptions import SubscriptionFunctions
from tallystick.contracts.orders.functions import OrderFunctions
from tallystick.contracts.surveillance.functions import SurveillanceFunctions
from tallystick.contracts.trades.functions import TradeFunctions


class SettlementContract(
    ListingFunctions,
    AgencyFunctions,
    OrderFunctions,
    TradeFunctions,
    SurveillanceFunctions,
    FeeFunctions,
    CalendarFunctions,
    FigureFunctions,
    FailFunctions,
    BuyInFunctions,
    ActionFunctions,
    OfferingFunctions,
    SubscriptionFunctions,
    NettingFunctions,
):
    """What is offered, traded and settled."""

    name = "settlement"
