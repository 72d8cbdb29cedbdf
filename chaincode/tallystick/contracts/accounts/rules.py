"""When an answer to a challenge counts. Pure."""

from tallystick.contracts.accounts.models import Account, Challenge
from tallystick.contracts.instants import Instant
from tallystick.contracts.reasons import AccountReason, Finding
from tallystick.contracts.statements import AccountLinked


def answer_finding(
    challenge: Challenge | None,
    held: Account | None,
    answer: AccountLinked,
    *,
    key: str,
    moment: Instant,
) -> Finding | None:
    """Return why an answer does not link an account, or None when it does.

    Args:
        challenge: The venue's challenge of that name.
        held: Whose account it is already.
        answer: What the wallet signed.
        key: The key that signed it.
        moment: Now.
    """
    if challenge is None:
        return AccountReason.CHALLENGE_UNKNOWN.finding(venue=answer.venue)
    if (finding := _over(challenge, answer.venue, moment)) is not None:
        return finding
    bound = {"account": (challenge.account, answer.account), "key": (challenge.key or key, key)}
    for what, (expected, given) in bound.items():
        if given != expected:
            return AccountReason.CHALLENGE_FOR_ANOTHER.finding(
                venue=answer.venue, what=what, given=given
            )
    if held is not None:
        return AccountReason.ACCOUNT_TAKEN.finding(venue=answer.venue, account=answer.account)
    return None


def _over(challenge: Challenge, venue: str, moment: Instant) -> Finding | None:
    if challenge.spent_by is not None:
        return AccountReason.CHALLENGE_SPENT.finding(venue=venue)
    if moment >= challenge.expires_at:
        return AccountReason.CHALLENGE_EXPIRED.finding(venue=venue, expires_at=challenge.expires_at)
    return None
