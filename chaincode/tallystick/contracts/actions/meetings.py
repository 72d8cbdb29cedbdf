"""Votes of those who held at a record date: cast in confidence, counted once."""

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts import events
from tallystick.contracts.actions.actions import Actions
from tallystick.contracts.actions.models import Action, MeetingResult, SignedVotes, Voted
from tallystick.contracts.actions.rules import result, vote_findings
from tallystick.contracts.actions.states import Step
from tallystick.contracts.actions.terms import Ballot
from tallystick.contracts.instants import now
from tallystick.contracts.parties import require_authority
from tallystick.contracts.reasons import ActionReason, refuse_if_any
from tallystick.contracts.statements import Vote, VotesCast


class Meetings:
    """Votes, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._actions = Actions(ctx)

    def vote(self, signed: SignedVotes) -> None:
        """Enter how a holder votes, by its signature or under its mandate.

        Raises:
            Refusal: VOTING_CLOSED, VOTE_FINAL, VOTE_MISSING, VOTES_TOO_MANY or CHOICE_UNKNOWN.
        """
        cast = signed.statement
        rows = self._actions.rows(self._actions.require(cast.action))
        require_authority(self._ctx, cast.holder, cast, signed.intent, rows)
        row = self._actions.advanced(cast.action, Step.VOTE)
        ballot, moment = _ballot(row), now(self._ctx)
        if not ballot.opens_at <= moment < ballot.closes_at:
            raise ActionReason.VOTING_CLOSED.refusal(
                action=cast.action,
                opens_at=ballot.opens_at,
                closes_at=ballot.closes_at,
                now=moment,
            )
        place = {"action": cast.action, "holder": cast.holder}
        key = composite_key("voted", cast.action, cast.holder)
        if not ballot.is_changeable and self._ctx.state.get(key) is not None:
            raise ActionReason.VOTE_FINAL.refusal(**place)
        (held,) = self._actions.register.held(row, (cast.holder,))
        units = 0 if cast.holder in ballot.excluded else held
        if not units:
            raise ActionReason.VOTE_MISSING.refusal(**place)
        refuse_if_any(list(vote_findings(ballot, cast, units)))
        self._ctx.state.save(key, Voted(units=units, at=moment))
        rows.save(vote_key(cast.action, cast.holder), cast)
        self._ctx.emit(events.VoteReceived(**place, units=units))

    def count(self, action: str) -> MeetingResult:
        """Count all votes of a meeting, once nobody votes any more.

        Raises:
            Refusal: VOTING_OPEN.
        """
        row = self._actions.advanced(action, Step.COUNT)
        ballot = _ballot(row)
        if now(self._ctx) < ballot.closes_at:
            raise ActionReason.VOTING_OPEN.refusal(action=action, closes_at=ballot.closes_at)
        votes = self._votes(row)
        supply = self._actions.register.supply(row)
        counted = MeetingResult(
            supply=supply,
            resolutions=tuple(result(each, votes, supply) for each in ballot.resolutions),
        )
        self._ctx.state.save(_result_key(action), counted)
        self._actions.close(row)
        return counted

    def result(self, action: str) -> MeetingResult | None:
        """Return what a meeting decided; None before it is counted."""
        self._actions.require(action)
        return self._ctx.state.load(_result_key(action), MeetingResult)

    def _votes(self, row: Action) -> list[Vote]:
        action, rows = row.terms.action, self._actions.rows(row)
        votes: list[Vote] = []
        # Who voted is public, and read as a range that must not have changed: nobody is left out.
        for key, _ in self._ctx.state.partial("voted", action):
            holder = split_composite_key(key)[1][1]
            cast = rows.load(vote_key(action, holder), VotesCast)
            assert cast is not None, "who has voted has said how"
            votes.extend(cast.votes)
        return votes


def _ballot(row: Action) -> Ballot:
    ballot = row.terms.ballot
    assert ballot is not None, "the terms of a meeting have a ballot"
    return ballot


def vote_key(action: str, holder: str) -> str:
    """Return the key of how somebody votes."""
    return composite_key("vote", action, holder)


def _result_key(action: str) -> str:
    return composite_key("result", action)
