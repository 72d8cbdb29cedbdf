"""What a cycle came to: how far netting reduced it, and for whom it came to what. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from tallystick.contracts.netting.funds import Use
from tallystick.contracts.netting.models import AssetReport, NetPosition
from tallystick.contracts.netting.obligations import Due, Kind, Line, Obligation, Transfer

WHOLE = 10_000
"""Ten-thousandths in a whole."""


def asset_reports(
    settled: Sequence[Obligation], transfers: Sequence[Transfer]
) -> Iterator[AssetReport]:
    """Yield, by asset, what was due gross and what went over.

    Args:
        settled: The trades.
        transfers: What went over to settle them.
    """
    gross: Counter[tuple[Kind, str]] = Counter()
    trades: Counter[tuple[Kind, str]] = Counter()
    for trade in settled:
        trades.update({(due.kind, due.asset) for due in trade.dues})
        for due in trade.dues:
            gross[due.kind, due.asset] += due.quantity
    net: Counter[tuple[Kind, str]] = Counter()
    count: Counter[tuple[Kind, str]] = Counter()
    for each in transfers:
        net[each.kind, each.asset] += each.quantity
        count[each.kind, each.asset] += 1
    for place, quantity in sorted(gross.items()):
        kind, asset = place
        yield AssetReport(
            kind=kind,
            asset=asset,
            gross=quantity,
            net=net[place],
            trades=trades[place],
            transfers=count[place],
            reduction=(quantity - net[place]) * WHOLE // quantity,
        )


def net_positions(settled: Sequence[Obligation], uses: Mapping[Line, Use]) -> Iterator[NetPosition]:
    """Yield what the trades came to, by member and asset.

    Args:
        settled: The trades.
        uses: Where members got what they did not have, by line.
    """
    receives: Counter[Line] = Counter()
    owes: Counter[Line] = Counter()
    for due in _dues(settled):
        owes[due.outgoing] += due.quantity
        receives[due.incoming] += due.quantity
    for line in sorted({*receives, *owes}):
        use = uses.get(line, Use(credit=0, collateral=0))
        yield NetPosition(
            kind=line.kind,
            asset=line.asset,
            member=line.member,
            receives=receives[line],
            owes=owes[line],
            net=receives[line] - owes[line],
            credit=use.credit,
            collateral=use.collateral,
        )


def _dues(trades: Sequence[Obligation]) -> Iterator[Due]:
    return chain.from_iterable(trade.dues for trade in trades)
