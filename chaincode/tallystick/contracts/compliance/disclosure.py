"""The rule that what must be disclosed is disclosed, and in time."""

from collections.abc import Iterator

from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.rules import Needs, Rule, Side
from tallystick.contracts.models import Identifier, Model
from tallystick.contracts.reasons import ComplianceReason, Finding


class Disclosure(Model):
    """Parameters of ``disclosure``: the document, and its next version in time, must be there."""

    document: Identifier


class DisclosedInTime(Rule[Disclosure]):
    """Units change hands only while the document counts and its next version is not overdue."""

    name = "disclosure"
    side = Side.SENDER
    parameters = Disclosure

    def needs(self, parameters: Disclosure) -> Needs:
        """Return the document."""
        return Needs(documents=(parameters.document,))

    def findings(self, case: Case, leg: Leg, parameters: Disclosure) -> Iterator[Finding]:
        """Yield a finding when the document is missing or overdue."""
        for each in case.securities[leg.security].disclosed:
            if each.document != parameters.document:
                continue
            due = each.next_due_at
            if not each.is_there or (due is not None and case.moment >= due):
                yield ComplianceReason.DISCLOSURE_OVERDUE.finding(
                    security=leg.security, document=each.document, due=due or "once"
                )
