"""The permission matrix: what every role is told by every function, as the table has it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.unit.contracts.permissions import cash, identity, settlement, token
from tests.unit.contracts.permissions.nothing import secret_without, without
from tests.unit.contracts.permissions.roles import CLASSES, Arguments, P, Permissions, Secrets
from tests.unit.contracts.permissions.secrets import PRELUDES, proofs, secrets
from tests.unit.contracts.permissions.stage import stage

from tallystick.chaincode import Refusal, split_composite_key
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing.world import Rows
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.testing import Market

TABLE: dict[Chaincode, Permissions] = {
    Chaincode.IDENTITY: identity.PERMITTED,
    Chaincode.TOKEN: token.PERMITTED,
    Chaincode.CASH: cash.PERMITTED,
    Chaincode.SETTLEMENT: settlement.PERMITTED,
}


def rows_in_force(market: Market) -> Mapping[tuple[str, ...], bytes]:
    """Return what is in force, by chaincode and key, but for the nonces that are used up."""
    return {
        (chaincode, *place): value
        for chaincode, rows in market.ledger.world.rows.items()
        for place, value in _placed(rows)
        if split_composite_key(place[-1])[0] != "nonce"
    }


def _placed(rows: Rows) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield public rows by key, and private ones by collection and key."""
    yield from (((key,), value) for key, value in rows.values.items())
    yield from rows.private.items()


@dataclass(frozen=True, slots=True)
class Stage:
    """A market, and the calls that are tried in it; each begins with the same past."""

    market: Market
    arguments: dict[Chaincode, Arguments]
    secrets: Secrets
    proofs: Mapping[str, Secrets]
    """What goes along with one function only."""
    hidden: frozenset[str] = frozenset()
    """Names that calls do not say: in place of each, they say that of nothing."""

    def given(self, role: str, chaincode: Chaincode, function: str) -> Sequence[Argument]:
        """Return the arguments of a role's call."""
        given = self.arguments[chaincode][function]
        return given(role) if callable(given) else given

    def answer(self, role: str, chaincode: Chaincode, function: str) -> str:
        """Return the code of the refusal of a role's call, or nothing."""
        market, brought = self._begun(role, function)
        return self._told(market, role, chaincode, function, brought)

    def answer_once_suspended(self, role: str, chaincode: Chaincode, function: str) -> str:
        """Return the same for a role whose licence is suspended right before its call."""
        market, brought = self._begun(role, function)
        regulator = (P.REGULATOR, Chaincode.IDENTITY)
        market.submit(*regulator, "suspend_licence", role, CLASSES[role], "a test")
        return self._told(market, role, chaincode, function, brought)

    def changes(
        self,
        role: str,
        chaincode: Chaincode,
        function: str,
        seen: Callable[[Market], object] = rows_in_force,
    ) -> bool:
        """Return whether a role's call, which succeeds, changes what is seen of the market.

        By default that is more than that a signature is used up.
        """
        market, brought = self._begun(role, function)
        before = seen(market)
        self._call(market, role, chaincode, function, brought)
        return seen(market) != before

    def _begun(self, role: str, function: str) -> tuple[Market, Secrets]:
        """Return the market right before a role's call, and what goes along with that."""
        market = self.market.fork()
        brought = {**self.secrets, **self.proofs.get(function, {})}
        prelude = PRELUDES.get(function)
        return market, brought if prelude is None else {**brought, **prelude(market, role, brought)}

    def _told(
        self, market: Market, role: str, chaincode: Chaincode, function: str, brought: Secrets
    ) -> str:
        try:
            self._call(market, role, chaincode, function, brought)
        except Refusal as refusal:
            return refusal.code
        return ""

    def _call(
        self, market: Market, role: str, chaincode: Chaincode, function: str, brought: Secrets
    ) -> None:
        arguments = self.given(role, chaincode, function)
        if self.hidden:
            arguments = [without(self.hidden, each) for each in arguments]
            brought = {name: secret_without(self.hidden, each) for name, each in brought.items()}
        market.submit(role, chaincode, function, *arguments, **brought)


def set_up(opened: Market) -> Stage:
    """Return the stage that begins with ``opened``."""
    market = stage(opened)
    brought = secrets(market)
    return Stage(
        market=market,
        arguments={
            Chaincode.IDENTITY: identity.arguments(market),
            Chaincode.TOKEN: token.arguments(market),
            Chaincode.CASH: cash.arguments(market),
            Chaincode.SETTLEMENT: settlement.arguments(market),
        },
        secrets=brought,
        proofs=proofs(market),
    )
