"""The part of the settlement contract about the figures of settlement discipline."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.discipline.packs import DisciplinePack, Regime, RegimePeriod
from tallystick.contracts.discipline.regimes import Regimes
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier
from tallystick.contracts.powers import Power


class FigureFunctions(MarketContract):
    """Packs, and which of them judges a venue's fails."""

    @transaction
    @licensed(Power.OVERSEE)
    def publish_discipline(self, ctx: Context, pack: DisciplinePack) -> None:
        """Enter a version of a pack of penalties, buy-ins and close-outs."""
        Regimes(ctx).publish(pack)

    @transaction
    @licensed(Power.OVERSEE)
    def judge_fails(self, ctx: Context, venue: Identifier, period: RegimePeriod) -> None:
        """Let a venue's fails be judged by a pack, from a day to come on."""
        Regimes(ctx).judge_by(venue, period)

    @query
    def discipline_pack(self, ctx: Context, pack: str, version: int) -> DisciplinePack:
        """Return a version of a pack."""
        return Regimes(ctx).require_pack(pack, version)

    @query
    def regime(self, ctx: Context, venue: str) -> Regime:
        """Return by which packs a venue's fails are judged, period by period."""
        return Regimes(ctx).regime(venue)
