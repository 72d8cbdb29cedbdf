"""The rules that every security has, bound or not: pauses, stops, and who the holders are."""

from collections.abc import Iterator

from tallystick.contracts.compliance.bindings import Bound, bind
from tallystick.contracts.compliance.case import Case, Holder, Leg
from tallystick.contracts.compliance.rules import NoParameters, Rule, Side
from tallystick.contracts.reasons import ComplianceReason, Finding


class NotPaused(Rule[NoParameters]):
    """A pause stops movements between holders, not issue and redemption.

    Supply can be put right while trading is halted.
    """

    name = "not-paused"
    parameters = NoParameters

    def findings(self, case: Case, leg: Leg, parameters: NoParameters) -> Iterator[Finding]:  # noqa: ARG002
        """Yield a finding when the security is paused."""
        reason = case.securities[leg.security].pause
        if reason is not None and leg.is_between_holders:
            yield ComplianceReason.SECURITY_PAUSED.finding(security=leg.security, reason=reason)


class Open(Rule[NoParameters]):
    """Without requirements and rules nothing moves between holders: closed unless opened."""

    name = "open"
    parameters = NoParameters

    def findings(self, case: Case, leg: Leg, parameters: NoParameters) -> Iterator[Finding]:  # noqa: ARG002
        """Yield a finding when nothing says to whom the security may go."""
        if leg.is_between_holders and not case.securities[leg.security].is_open:
            yield ComplianceReason.RULES_MISSING.finding(security=leg.security)


class InGoodStanding(Rule[NoParameters]):
    """Both sides are known, meet the requirements of the security, and are not stopped."""

    name = "in-good-standing"
    parameters = NoParameters

    def findings(self, case: Case, leg: Leg, parameters: NoParameters) -> Iterator[Finding]:  # noqa: ARG002
        """Yield what stands against the sender, then against the receiver."""
        if (sender := case.sender(leg)) is not None:
            yield from _findings_of(
                leg, sender, ComplianceReason.SENDER_FROZEN, ComplianceReason.SENDER_NOT_VERIFIED
            )
        if (receiver := case.receiver(leg)) is not None:
            yield from _findings_of(
                leg,
                receiver,
                ComplianceReason.RECEIVER_FROZEN,
                ComplianceReason.RECEIVER_NOT_VERIFIED,
            )


class GiverInGoodStanding(Rule[NoParameters]):
    """Who gives units up is known and not stopped: by surrender, for money, or on hold for nobody.

    The agent's own redemptions are not judged by it: they put the register right.
    """

    name = "giver-in-good-standing"
    side = Side.SENDER
    parameters = NoParameters

    def findings(self, case: Case, leg: Leg, parameters: NoParameters) -> Iterator[Finding]:  # noqa: ARG002
        """Yield what stands against a sender where there is no receiver."""
        sender = case.sender(leg)
        if leg.receiver is None and sender is not None:
            yield from _findings_of(
                leg, sender, ComplianceReason.SENDER_FROZEN, ComplianceReason.SENDER_NOT_VERIFIED
            )


def _findings_of(
    leg: Leg, holder: Holder, stopped: ComplianceReason, not_verified: ComplianceReason
) -> Iterator[Finding]:
    name = holder.holder
    if holder.stop is not None:
        yield stopped.finding(holder=name, asset=leg.security, reason=holder.stop)
    for lack in holder.lacks:
        yield not_verified.finding(holder=name, asset=leg.security, cause=lack.message)


GIVING_UP: tuple[Bound, ...] = (bind(GiverInGoodStanding(), NoParameters()),)

ALWAYS: tuple[Bound, ...] = (
    bind(NotPaused(), NoParameters()),
    bind(Open(), NoParameters()),
    bind(InGoodStanding(), NoParameters()),
)
