"""What corporate actions ask the token contract, which alone knows who holds what, and tell it."""

from collections.abc import Iterable, Sequence

from pydantic import ConfigDict, JsonValue, TypeAdapter

from tallystick.chaincode import Context
from tallystick.contracts.actions.models import Action
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.timelines import RecordDate, Timeline

_UNITS = TypeAdapter(tuple[int, ...])


class _Terms(Model):
    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str


class _Security(Model):
    """As much of the token contract's answer as actions must know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    terms: _Terms


class Register:
    """The register of holders, as corporate actions see it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def issuer_of(self, security: str) -> str:
        """Return the MSP of the issuer of a security."""
        answer = self._ctx.invoke(Chaincode.TOKEN, "security", security)
        return _Security.model_validate_json(answer).terms.issuer

    def held(self, row: Action, holders: Sequence[str]) -> tuple[int, ...]:
        """Return what some held at an action's record date, which must be sealed."""
        names: list[JsonValue] = list(holders)
        place = (row.terms.security, row.terms.action)
        answer = self._ctx.invoke(Chaincode.TOKEN, "positions_of_at", *place, names)
        return _UNITS.validate_json(answer)

    def supply(self, row: Action) -> int:
        """Return how many units there were at an action's record date."""
        place = (row.terms.security, row.terms.action)
        return int(self._ctx.invoke(Chaincode.TOKEN, "recorded_supply", *place))

    def units_then(self, row: Action, quantity: int, agreed_at: Instant) -> int:
        """Return what a quantity agreed at a moment was at an action's record date.

        A fraction that a split left by then is none of it.
        """
        answer = self._ctx.invoke(Chaincode.TOKEN, "timeline", row.terms.security)
        timeline = Timeline.model_validate_json(answer)
        assert row.terms.record_at is not None, "who is entitled is so at a record date"
        return timeline.between(quantity, agreed_at, row.terms.record_at)

    def schedule(self, row: Action) -> None:
        """Set an action's record date, if it has one; it bears the action's id."""
        if row.terms.record_at is not None:
            date = RecordDate(name=row.terms.action, at=row.terms.record_at)
            self._ctx.invoke(Chaincode.TOKEN, "schedule_record_date", row.terms.security, date)

    def split(self, row: Action) -> None:
        """Split the security as announced."""
        exchange = row.terms.exchange
        assert exchange is not None, "the terms of a split have one"
        order: dict[str, JsonValue] = {
            "security": row.terms.security,
            "new": exchange.new,
            "old": exchange.old,
            "document_hash": row.terms.documents[0].document_hash,
        }
        self._ctx.invoke(Chaincode.TOKEN, "split", order)

    def issue(self, security: str, portions: Iterable[tuple[str, int]]) -> None:
        """Issue units to holders; nothing to those who get none."""
        self._for_each("issue_to_many", security, "to", portions)

    def redeem(self, security: str, portions: Iterable[tuple[str, int]]) -> None:
        """End units of holders; nothing of those who have none."""
        self._for_each("redeem_from_many", security, "holder", portions)

    def _for_each(
        self, function: str, security: str, who: str, portions: Iterable[tuple[str, int]]
    ) -> None:
        lines: list[JsonValue] = [
            {who: holder, "quantity": quantity} for holder, quantity in portions if quantity
        ]
        if lines:
            self._ctx.invoke(Chaincode.TOKEN, function, security, lines)
