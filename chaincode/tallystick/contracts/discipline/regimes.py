"""Packs of settlement discipline and the regimes of venues, as one transaction sees them."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.discipline.packs import DisciplinePack, Regime, RegimePeriod
from tallystick.contracts.discipline.penalties import Figures
from tallystick.contracts.discipline.rules import continued
from tallystick.contracts.instants import Day, now
from tallystick.contracts.reasons import DisciplineReason
from tallystick.contracts.rows import load_row


class Regimes:
    """Packs, and which of them judges whose fails."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._state = ctx.state

    def require_pack(self, pack: str, version: int) -> DisciplinePack:
        """Return a version of a pack; refuse with DISCIPLINE_PACK_UNKNOWN when there is none."""
        row = load_row(self._state, _pack_key(pack, version), DisciplinePack)
        if row is None:
            raise DisciplineReason.DISCIPLINE_PACK_UNKNOWN.refusal(pack=pack, version=version)
        return row

    def publish(self, pack: DisciplinePack) -> None:
        """Enter a version of a pack; it stays as it is.

        Raises:
            Refusal: DISCIPLINE_PACK_EXISTS.
        """
        key = _pack_key(pack.pack, pack.version)
        if self._state.get(key) is not None:
            raise DisciplineReason.DISCIPLINE_PACK_EXISTS.refusal(
                pack=pack.pack, version=pack.version
            )
        self._state.save(key, pack)
        self._ctx.emit(
            events.DisciplinePackPublished(
                pack=pack.pack, pack_version=pack.version, document=pack.model_dump_json()
            )
        )

    def regime(self, venue: str) -> Regime:
        """Return by which figures a venue's fails are judged; none while nobody has said so."""
        return load_row(self._state, _regime_key(venue), Regime) or Regime(venue=venue)

    def judge_by(self, venue: str, period: RegimePeriod) -> None:
        """Let a venue's fails be judged by other figures, from a day to come on.

        Raises:
            Refusal: DISCIPLINE_PACK_UNKNOWN or PERIOD_BEGUN.
        """
        self.require_pack(period.pack, period.pack_version)
        row = continued(self.regime(venue), period, now(self._ctx))
        self._state.save(_regime_key(venue), row)
        self._ctx.emit(events.RegimeSet(venue=venue, document=period.model_dump_json()))

    def figures(self, venue: str, day: Day) -> Figures | None:
        """Return the figures by which a venue's fails of a day are judged, if any."""
        period = self.regime(venue).on(day)
        if period is None:
            return None
        return Figures(self.require_pack(period.pack, period.pack_version), period)

    def require_figures(self, venue: str, day: Day) -> Figures:
        """Return the figures of a day; refuse with REGIME_UNKNOWN when there are none."""
        figures = self.figures(venue, day)
        if figures is None:
            raise DisciplineReason.REGIME_UNKNOWN.refusal(venue=venue, day=day)
        return figures


def _pack_key(pack: str, version: int) -> str:
    return composite_key("discipline-pack", pack, str(version))


def _regime_key(venue: str) -> str:
    return composite_key("discipline", venue)
