"""Settlement agency, as one transaction sees and changes it."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.agency.models import Agency
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.reasons import Finding, RegisterReason, TradeReason
from tallystick.contracts.rows import load_row


class Agencies:
    """Who settles for whom."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def accept(self, participant: str, valid_until: Instant) -> None:
        """Let the submitting settlement member settle for a participant until a moment.

        Raises:
            Refusal: MOMENT_PAST.
        """
        agent, moment = self._ctx.client.msp_id, now(self._ctx)
        if valid_until <= moment:
            raise RegisterReason.MOMENT_PAST.refusal(moment=valid_until, now=moment)
        row = Agency(accepted_at=moment, valid_until=valid_until)
        self._ctx.state.save(_key(participant, agent), row)
        self._ctx.emit(
            events.AgencyAccepted(participant=participant, agent=agent, valid_until=valid_until)
        )

    def end(self, participant: str, agent: str) -> None:
        """End an agency, as one of its two says.

        Raises:
            Refusal: AGENCY_MISSING.
        """
        caller = self._ctx.client.msp_id
        if self.find(participant, agent) is None or caller not in (participant, agent):
            raise TradeReason.AGENCY_MISSING.refusal(participant=participant, agent=agent)
        self._ctx.state.delete(_key(participant, agent))
        self._ctx.emit(events.AgencyEnded(participant=participant, agent=agent, by=caller))

    def find(self, participant: str, agent: str) -> Agency | None:
        """Return an agency, or None."""
        return load_row(self._ctx.state, _key(participant, agent), Agency)

    def finding(self, participant: str, agent: str) -> Finding | None:
        """Return why an agent does not settle for a participant now, or None when it does."""
        row = self.find(participant, agent)
        if row is not None and now(self._ctx) < row.valid_until:
            return None
        return TradeReason.AGENCY_MISSING.finding(participant=participant, agent=agent)


def _key(participant: str, agent: str) -> str:
    return composite_key("agency", participant, agent)
