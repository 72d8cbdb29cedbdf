"""What corporate actions ask the token contract, which alone knows who holds what, and tell it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ConfigDict, JsonValue, TypeAdapter

from tallystick.chaincode import Context
from tallystick.contracts.actions.models import Action
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import Finding
from tallystick.contracts.redemptions import PaidRedemption, UnitsDue, Unredeemed
from tallystick.contracts.timelines import RecordDate, Timeline

_UNITS = TypeAdapter(tuple[int, ...])
_UNREDEEMED = TypeAdapter(tuple[Unredeemed, ...])

Portion = tuple[str, int]
"""A holder, and how many units."""


class _Terms(Model):
    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str


class _Security(Model):
    """As much of the token contract's answer as actions must know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    terms: _Terms


class _Sealed(Model):
    """As much of a sealed record date as actions must know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    turn: int


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

    def units_then(self, row: Action, quantities: Sequence[int], splits_seen: int) -> list[int]:
        """Return what quantities agreed after so many splits were at an action's record date.

        A fraction that a split left by then is none of it.
        """
        timeline, turn = self._timeline(row.terms.security), self._turn(row)
        return [timeline.whole(quantity, splits_seen, turn) for quantity in quantities]

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

    def issue(self, row: Action, security: str, portions: Iterable[Portion]) -> None:
        """Issue units of the record date to holders; nothing to those who get none."""
        lines: list[JsonValue] = [
            {"to": holder, "quantity": quantity}
            for holder, quantity in self._present(row, security, portions)
            if quantity
        ]
        if lines:
            self._ctx.invoke(Chaincode.TOKEN, "issue_to_many", security, lines)

    def redeem(
        self, row: Action, portions: Iterable[Portion], *, is_asked: bool
    ) -> Mapping[str, tuple[Finding, ...]]:
        """End units of the record date of those against whom nothing stands.

        Returns:
            The other holders, none of whose units have ended, with every reason.
        """
        security = row.terms.security
        due = [
            UnitsDue(holder=holder, quantity=quantity)
            for holder, quantity in self._present(row, security, portions)
            if quantity
        ]
        if not due:
            return {}
        asked = PaidRedemption(security=security, units=tuple(due), is_asked=is_asked)
        answer = self._ctx.invoke(Chaincode.TOKEN, "redeem_for_payment", asked)
        return {each.holder: each.findings for each in _UNREDEEMED.validate_json(answer)}

    def _present(
        self, row: Action, security: str, portions: Iterable[Portion]
    ) -> Iterator[Portion]:
        """Yield portions with what splits have made of them since the record date.

        Between a record date and a split of another security there is no order but that of their
        moments.
        """
        timeline, record_at = self._timeline(security), _record_at(row)
        turn = self._turn(row) if security == row.terms.security else None
        for holder, quantity in portions:
            present = timeline.recorded(quantity, record_at)
            yield holder, present if turn is None else timeline.scaled(quantity, turn)

    def _turn(self, row: Action) -> int:
        """Return the number of an action's record date among the turns of its security."""
        place = (row.terms.security, row.terms.action)
        answer = self._ctx.invoke(Chaincode.TOKEN, "record_date", *place)
        return _Sealed.model_validate_json(answer).turn

    def _timeline(self, security: str) -> Timeline:
        answer = self._ctx.invoke(Chaincode.TOKEN, "timeline", security)
        return Timeline.model_validate_json(answer)


def _record_at(row: Action) -> Instant:
    assert row.terms.record_at is not None, "who is entitled is so at a record date"
    return row.terms.record_at
