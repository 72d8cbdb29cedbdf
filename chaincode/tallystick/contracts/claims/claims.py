"""Topics, claims and lists of the barred, as one transaction sees them."""

from collections.abc import Iterator

from tallystick.chaincode import State, composite_key, split_composite_key
from tallystick.contracts.claims.models import BarredList, Claim, SubjectClaims, Topic
from tallystick.contracts.reasons import ClaimReason
from tallystick.contracts.rows import load_row

_UNTRUSTED = Topic()
_NO_CLAIMS = SubjectClaims()


class Claims:
    """Where the rows of claims lie, and how they are read and written."""

    def __init__(self, state: State) -> None:
        self._state = state

    def topic(self, topic: str) -> Topic:
        """Return a topic; one that trusts nobody when there is no row."""
        return load_row(self._state, topic_key(topic), Topic) or _UNTRUSTED

    def save_topic(self, topic: str, row: Topic) -> None:
        """Write a topic."""
        self._state.save(topic_key(topic), row)

    def about(self, subject: str) -> SubjectClaims:
        """Return all claims about an identity."""
        return load_row(self._state, claims_key(subject), SubjectClaims) or _NO_CLAIMS

    def save(self, subject: str, row: SubjectClaims) -> None:
        """Write all claims about an identity."""
        self._state.save(claims_key(subject), row)

    def require(self, subject: str, topic: str, issuer: str) -> Claim:
        """Return a claim; refuse with CLAIM_UNKNOWN when there is none."""
        claim = self.about(subject).find(topic, issuer)
        if claim is None:
            raise ClaimReason.CLAIM_UNKNOWN.refusal(identity=subject, topic=topic, issuer=issuer)
        return claim

    def page(self, page_size: int, bookmark: str) -> tuple[Iterator[tuple[str, Claim]], str]:
        """Return the claims about the subjects of one page, and the bookmark of the next."""
        page = self._state.partial_page("claims", page_size=page_size, bookmark=bookmark)
        claims = (
            (split_composite_key(key)[1][0], claim)
            for key, value in page.rows
            for claim in SubjectClaims.model_validate_json(value).claims
        )
        return claims, page.bookmark

    def barred_list(self, issuer: str, list_name: str) -> BarredList | None:
        """Return the version of a list that is in force, or None."""
        return load_row(self._state, composite_key("barred-list", issuer, list_name), BarredList)

    def save_barred_list(self, issuer: str, list_name: str, row: BarredList) -> None:
        """Write the version of a list that is in force."""
        self._state.save(composite_key("barred-list", issuer, list_name), row)


def topic_key(topic: str) -> str:
    """Return the key of a topic's row."""
    return composite_key("topic", topic)


def claims_key(subject: str) -> str:
    """Return the key of the row of all claims about an identity."""
    return composite_key("claims", subject)
