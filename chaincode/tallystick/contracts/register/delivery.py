"""What the settlement contract calls, each at most once in a transaction."""

from tallystick.chaincode import Context, transaction
from tallystick.contracts.book import LockedMove
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import Basis
from tallystick.contracts.licensed import MarketContract, only_through
from tallystick.contracts.register.movements import Instruction, Movements


class DeliveryFunctions(MarketContract):
    """Units locked for deliveries, delivered, or given back."""

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def lock(self, ctx: Context, moves: tuple[LockedMove, ...]) -> None:
        """Lock units for deliveries to come; the holder stays the holder."""
        Movements(ctx).lock(moves)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def release(self, ctx: Context, moves: tuple[LockedMove, ...]) -> None:
        """Give locks up without delivery."""
        Movements(ctx).release(moves)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def deliver(self, ctx: Context, moves: tuple[LockedMove, ...]) -> None:
        """Move locked units to those for whom they were locked."""
        Movements(ctx).execute(Instruction(moves, Basis.SETTLEMENT))
