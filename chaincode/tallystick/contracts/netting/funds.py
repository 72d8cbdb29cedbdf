"""What members have for what they owe net, and in which order it is used. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tallystick.contracts.netting.obligations import Line, Nets


@dataclass(frozen=True, slots=True)
class Funds:
    """What a member has in one asset.

    What is available goes first, then what its bank lends, then its collateral: collateral is
    there for what nothing else covers.

    Attributes:
        available: What it may dispose of.
        credit: How much more its bank lends it; of money only.
        collateral: How much of its collateral may be drawn; of money only.
    """

    available: int = 0
    credit: int = 0
    collateral: int = 0

    @property
    def cover(self) -> int:
        """How much it may owe net."""
        return self.available + self.credit + self.collateral

    def having(self, more: int) -> "Funds":
        """Return the funds with so much more available."""
        return replace(self, available=self.available + more)

    @property
    def pledged(self) -> "Funds":
        """What is left of it when the member is in default: what it gave for that case."""
        return Funds(collateral=self.collateral)


@dataclass(frozen=True, slots=True)
class Use:
    """Where a member gets what it owes net and does not have available."""

    credit: int
    collateral: int


NO_FUNDS = Funds()


def uses_of(nets: Nets, funds: Mapping[Line, Funds]) -> Iterator[tuple[Line, Use]]:
    """Yield each line that owes more than is available, with what it uses beside."""
    for line, net in nets.items():
        has = funds.get(line, NO_FUNDS)
        missing = -net - max(0, has.available)
        if missing > 0:
            credit = min(missing, has.credit)
            yield line, Use(credit=credit, collateral=missing - credit)
