"""The rule of movements that are made against their holder's will, or without it."""

from collections.abc import Iterator

from tallystick.contracts.compliance.bindings import Bound, bind
from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.rules import NoParameters, Rule
from tallystick.contracts.reasons import ComplianceReason, Finding


class ReceiverMayHold(Rule[NoParameters]):
    """Forced movements too go to somebody who may hold the security; nothing else stands in way.

    A stop does not count: what was taken from a frozen holder by mistake can be given back.
    """

    name = "receiver-may-hold"
    parameters = NoParameters

    def findings(self, case: Case, leg: Leg, parameters: NoParameters) -> Iterator[Finding]:  # noqa: ARG002
        """Yield what the receiver lacks."""
        receiver = case.receiver(leg)
        for lack in () if receiver is None else receiver.lacks:
            yield ComplianceReason.RECEIVER_NOT_VERIFIED.finding(
                holder=str(leg.receiver), asset=leg.security, cause=lack.message
            )


ENFORCED: tuple[Bound, ...] = (bind(ReceiverMayHold(), NoParameters()),)
