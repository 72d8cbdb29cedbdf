"""Corporate actions at work: announced by issuers, confirmed by the transfer agent."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.actions.models import Action, ActionPage, ActionSecret
from tallystick.contracts.actions.register import Register
from tallystick.contracts.actions.states import Status, Step, after
from tallystick.contracts.actions.terms import BALLOTS, DISTRIBUTIONS, SPLITS, ActionTerms
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import now
from tallystick.contracts.parties import Exercised, require_licences
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import actions_of
from tallystick.contracts.reasons import ActionReason, ComplianceReason

_KINDS = {
    Step.ENTER: DISTRIBUTIONS,
    Step.VOTE: BALLOTS,
    Step.COUNT: BALLOTS,
    Step.SPLIT: SPLITS,
}
"""For which types some steps are."""


class Actions:
    """All corporate actions, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.register = Register(ctx)

    # --- steps that all kinds have ---

    def announce(self, terms: ActionTerms, secret: ActionSecret) -> None:
        """Enter what the issuer of a security announces.

        Raises:
            Refusal: NOT_THE_ISSUER or ACTION_EXISTS.
        """
        issuer = self.register.issuer_of(terms.security)
        participant = self._ctx.client.msp_id
        if participant != issuer:
            raise ComplianceReason.NOT_THE_ISSUER.refusal(
                actor=participant, security=terms.security
            )
        if self._ctx.state.get(_key(terms.action)) is not None:
            raise ActionReason.ACTION_EXISTS.refusal(action=terms.action)
        row = Action(
            terms=terms,
            issuer=issuer,
            status=Status.ANNOUNCED,
            announced_at=now(self._ctx),
        )
        self.save(row)
        rows = ConfidentialRows(self._ctx, actions_of(issuer), secret.salt)
        rows.save(composite_key("action-secret", terms.action), secret)
        self._ctx.emit(
            events.ActionAnnounced(
                action=terms.action,
                action_type=terms.action_type,
                security=terms.security,
                issuer=issuer,
                document=terms.model_dump_json(),
            )
        )

    def confirm(self, action: str) -> None:
        """Confirm an action, and set its record date in the register, which bears its id."""
        row = self.advanced(action, Step.CONFIRM)
        self.save(row.model_copy(update={"confirmed_at": now(self._ctx)}))
        self.register.schedule(row)
        record_at = row.terms.record_at
        self._ctx.emit(events.ActionConfirmed(action=action, record_at=record_at))

    def cancel(self, action: str, reason: str) -> None:
        """End an action that has given nobody anything: its issuer may, or the transfer agent."""
        participant = self._ctx.client.msp_id
        is_own = self.require(action).issuer == participant
        power = Power.ISSUE_SECURITIES if is_own else Power.KEEP_REGISTER
        require_licences(self._ctx, Exercised(organization=participant, powers=(power,)))
        self.save(self.advanced(action, Step.CANCEL))
        self._ctx.emit(events.ActionCancelled(action=action, by=participant, reason=reason))

    def split(self, action: str) -> None:
        """Carry a split out, as announced; the security must be paused."""
        row = self.advanced(action, Step.SPLIT)
        self.close(row)
        self.register.split(row)

    # --- what is known of an action ---

    def require(self, action: str) -> Action:
        """Return an action; refuse with ACTION_UNKNOWN when there is none."""
        row = self._ctx.state.load(_key(action), Action)
        if row is None:
            raise ActionReason.ACTION_UNKNOWN.refusal(action=action)
        return row

    def rows(self, row: Action) -> ConfidentialRows:
        """Return the confidential rows of an issuer's actions; only peers of members can."""
        return ConfidentialRows(self._ctx, actions_of(row.issuer), self.secret(row))

    def secret(self, row: Action) -> str:
        """Return what hides the rows of an action from who could guess them."""
        rows = ConfidentialRows(self._ctx, actions_of(row.issuer))
        secret = rows.load(composite_key("action-secret", row.terms.action), ActionSecret)
        assert secret is not None, "an action is announced together with its secret"
        return secret.salt

    def page(self, page_size: int, bookmark: str) -> ActionPage:
        """Return one page of all actions, by id."""
        page = self._ctx.state.partial_page("action", page_size=page_size, bookmark=bookmark)
        actions = tuple(Action.model_validate_json(value) for _, value in page.rows)
        return ActionPage(actions=actions, bookmark=page.bookmark)

    # --- for the steps of each kind ---

    def advanced(self, action: str, step: Step) -> Action:
        """Return an action as it is after a step; nothing is written.

        Raises:
            Refusal: ACTION_UNKNOWN, ACTION_DIFFERS or ACTION_STATUS.
        """
        row = self.require(action)
        kinds = _KINDS.get(step)
        if kinds is not None and row.terms.action_type not in kinds:
            raise ActionReason.ACTION_DIFFERS.refusal(
                action=action, action_type=row.terms.action_type, step=step
            )
        return row.model_copy(update={"status": after(action, row.status, step)})

    def save(self, row: Action) -> None:
        """Write an action."""
        self._ctx.state.save(_key(row.terms.action), row)

    def close(self, row: Action) -> None:
        """Write and tell that an action is over."""
        self.save(row.model_copy(update={"status": Status.CLOSED}))
        self._ctx.emit(events.ActionClosed(action=row.terms.action))


def _key(action: str) -> str:
    return composite_key("action", action)
