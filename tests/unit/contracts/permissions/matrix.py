"""The permission matrix: what every role is told by every function, as the table has it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.unit.contracts.permissions import cash, identity, settlement, token
from tests.unit.contracts.permissions.roles import Arguments, Permissions, Secrets
from tests.unit.contracts.permissions.secrets import intents, permit, secrets
from tests.unit.contracts.permissions.stage import stage

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.testing import Market

TABLE: dict[Chaincode, Permissions] = {
    Chaincode.IDENTITY: identity.PERMITTED,
    Chaincode.TOKEN: token.PERMITTED,
    Chaincode.CASH: cash.PERMITTED,
    Chaincode.SETTLEMENT: settlement.PERMITTED,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A market, and the calls that are tried in it; each begins with the same past."""

    market: Market
    arguments: dict[Chaincode, Arguments]
    secrets: Secrets
    proofs: Mapping[str, Secrets]
    """What goes along with one function only."""

    def answer(self, role: str, chaincode: Chaincode, function: str) -> str:
        """Return the code of the refusal of a role's call, or nothing."""
        market = self.market.fork()
        given = {
            **self.secrets,
            **self.proofs.get(function, {}),
            **permit(market, role, function, self.secrets),
        }
        try:
            market.submit(role, chaincode, function, *self.arguments[chaincode][function], **given)
        except Refusal as refusal:
            return refusal.code
        return ""


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
        proofs=intents(market),
    )
