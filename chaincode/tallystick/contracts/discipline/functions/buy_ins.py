"""The part of the settlement contract about buy-ins."""

from tallystick.chaincode import Context, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.discipline.buy_ins import BuyIns
from tallystick.contracts.discipline.models import Valuation
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier
from tallystick.contracts.powers import Power


class BuyInFunctions(MarketContract):
    """What is not delivered is bought elsewhere, or its value paid."""

    @transaction
    @licence_first()
    def call_buy_in(self, ctx: Context, trade: Identifier, agent: Identifier) -> None:
        """Appoint an agent to buy what the seller does not deliver, as the buyer says.

        The signature comes as transient data, under ``intent``.
        """
        BuyIns(ctx).call(trade, agent, secret_argument(ctx, "intent", SignedIntent))

    @transaction
    @licensed(Power.ACT_FOR_CLIENTS)
    def execute_buy_in(self, ctx: Context, trade: Identifier, replacement: Identifier) -> None:
        """End a trade, as the agent that bought the same by another that has settled."""
        BuyIns(ctx).execute(trade, replacement)

    @transaction
    @licensed(Power.ACT_FOR_CLIENTS)
    def give_up_buy_in(self, ctx: Context, trade: Identifier) -> None:
        """Enter that nothing could be bought, as the agent."""
        BuyIns(ctx).give_up(trade)

    @transaction
    @licensed(Power.CLEAR)
    def compensate_buy_in(self, ctx: Context, trade: Identifier) -> None:
        """End a trade and let its seller pay what the units have become dearer by.

        Their value and the hash of its evidence come as transient data, under ``valuation``.
        """
        valuation = secret_argument(ctx, "valuation", Valuation)
        BuyIns(ctx).compensate(trade, valuation.market_value, valuation.evidence_hash)

    @transaction
    @licence_first()
    def withdraw_buy_in(self, ctx: Context, trade: Identifier) -> None:
        """Wait for the seller again, as the buyer says.

        The signature comes as transient data, under ``intent``.
        """
        BuyIns(ctx).withdraw(trade, secret_argument(ctx, "intent", SignedIntent))
