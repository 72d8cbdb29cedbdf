"""The base of the parts of the identity contract, which keeps the licences itself."""

from collections.abc import Sequence

from tallystick.chaincode import Context
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract
from tallystick.contracts.licensing.licences import Licences
from tallystick.contracts.parties import Exercised
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding


class IdentityPart(MarketContract):
    """Functions of the identity contract: the guard looks licences up in the contract's rows."""

    def licence_findings(self, ctx: Context, powers: Sequence[Power]) -> Sequence[Finding]:
        """Return why the submitting organisation may not act, from this contract's own rows."""
        wanted = Exercised(organization=ctx.client.msp_id, powers=tuple(powers))
        return Licences(ctx.state).findings([wanted], now(ctx))
