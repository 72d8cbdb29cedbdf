"""Settlement agency, as callers of the settlement contract see it.

Whose licence has the power to settle directly is a settlement member: in most markets the
wholesale tier. All others reach settlement through one.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.agency.agencies import Agencies
from tallystick.contracts.agency.models import Agency
from tallystick.contracts.instants import Instant
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier
from tallystick.contracts.powers import Power


class AgencyFunctions(MarketContract):
    """Who settles for whom."""

    @transaction
    @licensed(Power.SETTLE_DIRECTLY)
    def accept_agency(self, ctx: Context, participant: Identifier, valid_until: Instant) -> None:
        """Let the submitting settlement member settle for a participant until a moment."""
        Agencies(ctx).accept(participant, valid_until)

    @transaction
    @licensed()
    def end_agency(self, ctx: Context, participant: Identifier, agent: Identifier) -> None:
        """End an agency: each of the two may."""
        Agencies(ctx).end(participant, agent)

    @query
    def agency(self, ctx: Context, participant: str, agent: str) -> Agency | None:
        """Return on what terms an agent settles for a participant, or None when it does not."""
        return Agencies(ctx).find(participant, agent)
