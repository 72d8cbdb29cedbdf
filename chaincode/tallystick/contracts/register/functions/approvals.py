"""Approvals of transfers beforehand, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.compliance.case import PairApproval
from tallystick.contracts.compliance.catalogue import current_version
from tallystick.contracts.compliance.counters import Counters
from tallystick.contracts.compliance.models import TransferApproval
from tallystick.contracts.compliance.packs import Packs
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import ComplianceReason, refuse_if_any
from tallystick.contracts.register.securities import Securities

APPROVERS = (
    Power.KEEP_REGISTER,
    Power.OVERSEE,
    Power.ISSUE_SECURITIES,
    Power.ACT_FOR_CLIENTS,
)


class ApprovalFunctions(MarketContract):
    """What is approved beforehand for a sender and a receiver."""

    @transaction
    @licensed(*APPROVERS)
    def approve_transfer(self, ctx: Context, approval: TransferApproval) -> None:
        """Approve one transfer beforehand; where several must, each approves the same.

        Who keeps the register is the first to approve one that waives rules or is part of an
        offering: those who then approve the same change nothing of what it says.
        """
        actor = ctx.client.msp_id
        counters = Counters(ctx.state, ctx.transaction_id)
        before = counters.approval(approval.security, approval.sender, approval.receiver)
        if before is not None and now(ctx) >= before.expires_at:
            before = None  # what has ended is begun anew
        has_effect = approval.waives or approval.exemption is not None
        if before is None and has_effect and self.licence_findings(ctx, (Power.KEEP_REGISTER,)):
            raise ComplianceReason.WAIVER_NOT_PERMITTED.refusal(
                actor=actor, power=Power.KEEP_REGISTER
            )
        _check_effect(ctx, approval)
        row = PairApproval(**approval.model_dump(), approvers=(actor,))
        if before is not None:
            said = {"approvers": before.approvers, "as_of": before.as_of}
            row = row.model_copy(update=said)
            if row != before:
                raise ComplianceReason.APPROVAL_DIFFERS.refusal(
                    security=row.security, sender=row.sender, receiver=row.receiver
                )
            approvers = tuple(sorted({*before.approvers, actor}))
            row = row.model_copy(update={"approvers": approvers})
        counters.save_approval(row)
        ctx.emit(events.TransferApproved(**approval.model_dump(), approver=actor))

    @transaction
    @licensed(*APPROVERS)
    def withdraw_approval(
        self, ctx: Context, security: Identifier, sender: Identifier, receiver: Identifier
    ) -> None:
        """Withdraw an approval: for oneself, or, as the keeper of the register, for all.

        It ends when nobody is left who approves.
        """
        actor = ctx.client.msp_id
        counters = Counters(ctx.state, ctx.transaction_id)
        row = counters.approval(security, sender, receiver)
        if row is None:
            raise ComplianceReason.APPROVAL_UNKNOWN.refusal(
                security=security, sender=sender, receiver=receiver
            )
        lacks_power = self.licence_findings(ctx, (Power.KEEP_REGISTER,))
        if actor not in row.approvers:
            refuse_if_any(lacks_power)
        left = tuple(each for each in row.approvers if each != actor) if lacks_power else ()
        if left:
            counters.save_approval(row.model_copy(update={"approvers": left}))
        else:
            counters.end_approval(security, sender, receiver)
        ctx.emit(
            events.ApprovalWithdrawn(
                security=security, sender=sender, receiver=receiver, actor=actor, left=left
            )
        )

    @query
    def approval(
        self, ctx: Context, security: str, sender: str, receiver: str
    ) -> PairApproval | None:
        """Return what was approved for a sender and a receiver, if anything."""
        return Counters(ctx.state, ctx.transaction_id).approval(security, sender, receiver)


def _check_effect(ctx: Context, approval: TransferApproval) -> None:
    """Refuse an approval by which nothing would be waived, or be part of an offering."""
    for each in approval.waives:
        current_version(each)  # what is always asked is not for anybody to waive
    if approval.exemption is not None:
        rules = Securities(ctx.state).require(approval.security).rules
        Packs(ctx).require_placement(approval.security, rules, approval.exemption)
