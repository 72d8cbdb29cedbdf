"""Which trades leave a cycle because rules stand against its end state. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from tallystick.contracts.book import Move
from tallystick.contracts.netting.obligations import Due, Kind, Obligation
from tallystick.contracts.reasons import Finding
from tallystick.contracts.reasons import Kind as ReasonKind

MAX_ROUNDS = 50
"""How often trades leave one by one; then all that are concerned leave."""

_AGAINST_SENDERS = {
    kind.value.erc1400 for kind in (ReasonKind.SENDER, ReasonKind.LOCKED, ReasonKind.BALANCE)
}
_AGAINST_RECEIVERS = {ReasonKind.RECEIVER.value.erc1400}


class Objected(NamedTuple):
    """A trade that leaves, with what stands against the move that it is part of."""

    trade: Obligation
    findings: tuple[Finding, ...]


def leaving(
    ordered: Sequence[Obligation],
    moves: Sequence[Move],
    findings: Sequence[tuple[Finding, ...]],
    *,
    one_by_one: bool,
) -> list[Objected]:
    """Return the trades that leave next: of each security the first in the order of removal.

    Candidates are the trades in which somebody delivers or gets units of the security against
    whose net position something stands: who delivers net if the reason is about senders, who gets
    if it is about receivers, else both. Units held for one trade are that trade's own.

    Args:
        ordered: The trades that are left, the first to go first.
        moves: What would be delivered.
        findings: What stands against each move.
        one_by_one: Whether only one trade of each security leaves; else all candidates do.
    """
    blamed = _blamed(moves, findings)
    securities: set[str] = set()
    gone = []
    for trade in ordered if blamed else ():
        for due in trade.of(Kind.SECURITY):
            found = next((blamed[part] for part in _parts(trade, due) if part in blamed), None)
            if found is not None and not (one_by_one and due.asset in securities):
                gone.append(Objected(trade, found))
                securities.add(due.asset)
                break
    return gone


class _Role(StrEnum):
    SENDER = "sender"
    RECEIVER = "receiver"
    TRADE = "trade"


class _Part(NamedTuple):
    """What a finding is about: a side of a net position, or a trade whose units are held."""

    asset: str
    role: _Role
    name: str


def _parts(trade: Obligation, due: Due) -> Iterator[_Part]:
    yield _Part(due.asset, _Role.TRADE, trade.trade)
    yield _Part(due.asset, _Role.SENDER, due.sender)
    yield _Part(due.asset, _Role.RECEIVER, due.receiver)


def _blamed(
    moves: Sequence[Move], findings: Sequence[tuple[Finding, ...]]
) -> Mapping[_Part, tuple[Finding, ...]]:
    blamed: dict[_Part, tuple[Finding, ...]] = {}
    for move, found in zip(moves, findings, strict=True):
        for part in _parts_of(move, found) if found else ():
            blamed[part] = (*blamed.get(part, ()), *found)
    return blamed


def _parts_of(move: Move, findings: tuple[Finding, ...]) -> Iterator[_Part]:
    if move.hold is not None:
        yield _Part(move.asset, _Role.TRADE, trade_of(move.hold))
        return
    codes = {finding.erc1400 for finding in findings}
    if codes - _AGAINST_RECEIVERS:
        yield _Part(move.asset, _Role.SENDER, str(move.sender))
    if codes - _AGAINST_SENDERS:
        yield _Part(move.asset, _Role.RECEIVER, str(move.receiver))


def trade_of(hold: str) -> str:
    """Return the trade for which something is on hold: further legs add a number to its id."""
    return hold.partition("@")[0]
