"""How much a fee is, to the minor unit. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tallystick.contracts.fees.models import FeeKind, FeeLine, Rounding
from tallystick.contracts.models import MAX_QUANTITY, Model
from tallystick.contracts.payments import Fee
from tallystick.contracts.reasons import FeeReason, Finding
from tallystick.contracts.statements import Side

_WHOLE = 10_000  # basis points


class FeeCase(Model):
    """What fees are taken for.

    Attributes:
        amount: What is paid for the units, in the minor unit of ``cash``.
    """

    kind: FeeKind
    security: str
    cash: str
    amount: int
    buyer: str
    seller: str

    def party(self, side: Side) -> str:
        """Return who is on a side."""
        return self.buyer if side == "buyer" else self.seller


class Charge(NamedTuple):
    """What is taken for something.

    Attributes:
        fees: To be paid, line by line; none that comes to nothing.
        findings: FEE_TOO_LARGE for each that is more than any amount can be: what it is for cannot
            be settled then.
    """

    fees: tuple[Fee, ...] = ()
    findings: tuple[Finding, ...] = ()


def charge_of(lines: Sequence[FeeLine], case: FeeCase) -> Charge:
    """Return what is taken; nobody pays a fee to itself."""
    matching = [
        line for line in lines if line.kind is case.kind and line.security in {None, case.security}
    ]
    special = {(line.payer, line.receiver) for line in matching if line.security is not None}
    fees: list[Fee] = []
    findings: list[Finding] = []
    for line in matching:
        if line.security is None and (line.payer, line.receiver) in special:
            continue
        payer, amount = case.party(line.payer), amount_of(line, case.amount)
        if amount > MAX_QUANTITY:
            findings.append(
                FeeReason.FEE_TOO_LARGE.finding(
                    payer=payer, receiver=line.receiver, amount=amount, limit=MAX_QUANTITY
                )
            )
        elif amount and payer != line.receiver:
            fees.append(Fee(cash=case.cash, payer=payer, receiver=line.receiver, amount=amount))
    return Charge(tuple(fees), tuple(findings))


def amount_of(line: FeeLine, amount: int) -> int:
    """Return the fee that a line takes of an amount, in whole minor units.

    The part by basis points is rounded alone, as the line says; then the flat part is added; then
    the bounds count.
    """
    part, left = divmod(amount * line.basis_points, _WHOLE)
    rounds_up = line.rounding is Rounding.UP and left > 0
    if rounds_up or (line.rounding is Rounding.HALF_UP and 2 * left >= _WHOLE):
        part += 1
    fee = max(line.flat + part, line.minimum)
    return fee if line.maximum is None else min(fee, line.maximum)


def findings(lines: Sequence[FeeLine]) -> Iterator[Finding]:
    """Yield what is wrong with a schedule."""
    seen: set[tuple[str, str | None, str, str]] = set()
    for line in lines:
        place = (line.kind, line.security, line.payer, line.receiver)
        if place in seen:
            yield FeeReason.FEE_TWICE.finding(
                kind=line.kind,
                security=line.security or "all securities",
                payer=line.payer,
                receiver=line.receiver,
            )
        seen.add(place)
        if line.kind is FeeKind.SUBSCRIPTION and line.payer == "seller":
            yield FeeReason.FEE_PAYER_WRONG.finding(receiver=line.receiver)
        if line.maximum is not None and line.maximum < line.minimum:
            yield FeeReason.FEE_BOUNDS_WRONG.finding(
                receiver=line.receiver, minimum=line.minimum, maximum=line.maximum
            )
