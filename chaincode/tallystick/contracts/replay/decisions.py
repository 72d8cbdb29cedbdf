"""Records of decisions against the events of their transactions, and against the rules then. Pure.

Nothing is decided by a record, so none is rebuilt. But each can be held to what is known without
it: the events tell which decisions there were, what moved by them, and every version of the rules;
and by the rules of that version the recorded facts must come to the recorded results.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tallystick.chaincode import split_composite_key
from tallystick.contracts import events
from tallystick.contracts.compliance.records import DecisionRecord, Outcome, recomputed
from tallystick.contracts.models import Model

Place = tuple[str, str]
"""A decision: its security, and the id of its transaction."""

Sides = tuple[str | None, str | None, int]
"""Of a leg: sender, receiver and quantity."""


@dataclass(slots=True)
class Decided:
    """What events tell of one decision.

    Attributes:
        legs: What moved or was held, in order; nothing of a refusal, whose event does not tell it.
        codes: Of a refusal: why.
    """

    outcome: Outcome
    legs: list[Sides] = field(default_factory=list)
    codes: tuple[str, ...] = ()


@dataclass(slots=True)
class Decisions:
    """The decisions that the events applied so far tell of."""

    by_place: dict[Place, Decided] = field(default_factory=dict)
    _agreed: dict[Place, bytes] = field(default_factory=dict)

    def apply(self, told: Iterable[events.LedgerEvent], transaction_id: str) -> None:
        """Take in the events of one transaction."""
        for event in told:
            match event:
                case events.UnitsTransferred():
                    sides = (event.sender, event.receiver, event.quantity)
                    self._add(event.security, transaction_id, Outcome.MOVED, sides)
                case events.HoldPlaced():
                    sides = (event.holder, event.receiver, event.quantity)
                    self._add(event.security, transaction_id, Outcome.HELD, sides)
                case events.RefusalRecorded():
                    place = (event.security, event.decision)
                    self.by_place[place] = Decided(Outcome.REFUSED, codes=event.codes)
                case _:
                    continue

    def findings(
        self, told: Mapping[str, Model | str], held: Iterable[tuple[str, bytes]]
    ) -> Iterator[tuple[Place, str]]:
        """Yield each decision that is not recorded as it was, and what is wrong.

        Args:
            told: Rows of the token contract by key, as replay has them: the rules are among them.
            held: All rows of that contract's public state, in any order.
        """
        rows: dict[Place, bytes] = {}
        for key, row in held:
            kind, parts = split_composite_key(key)
            if kind == "decision":
                rows[parts[0], parts[1]] = row
        for place in sorted(self.by_place.keys() | rows.keys()):
            decided, value = self.by_place.get(place), rows.get(place)
            if decided is None or value is None:
                yield place, "no record" if value is None else "no event tells of it"
            elif self._agreed.get(place) != value:
                wrong = _wrong(decided, DecisionRecord.model_validate_json(value), told)
                if wrong:
                    yield place, wrong
                else:
                    self._agreed[place] = value

    def _add(self, security: str, transaction_id: str, outcome: Outcome, sides: Sides) -> None:
        decided = self.by_place.setdefault((security, transaction_id), Decided(outcome))
        decided.legs.append(sides)


def _wrong(decided: Decided, row: DecisionRecord, told: Mapping[str, Model | str]) -> str:
    """Return how a record is not what it should be, or nothing."""
    if row.outcome is not decided.outcome:
        return f"recorded as {row.outcome}, and events tell {decided.outcome}"
    if row.outcome is Outcome.REFUSED:
        codes = (*(code for each in row.results for code in each.codes), *row.beside)
        if set(codes) != set(decided.codes):
            return "refused for other reasons than events tell"
    elif [(leg.sender, leg.receiver, leg.quantity) for leg in row.legs] != decided.legs:
        return "other movements are recorded than events tell"
    if recomputed(row, told.get) != row.results:
        return "the rules then come to other results"
    return ""
