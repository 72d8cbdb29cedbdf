"""Topics and claims, as callers of the identity contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.claims.claims import Claims
from tallystick.contracts.claims.models import (
    MAX_CLAIMS,
    MAX_ISSUERS,
    Claim,
    OverdueLine,
    OverduePage,
    OverdueQuestion,
    SignedClaims,
    SubjectClaims,
    Topic,
    TopicTerms,
)
from tallystick.contracts.claims.rules import is_overdue
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identities.signatures import require_signatures
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import licensed
from tallystick.contracts.licensing.part import IdentityPart
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import ClaimReason
from tallystick.contracts.statements import ClaimMade, ClaimWithdrawn


class ClaimFunctions(IdentityPart):
    """Whose word counts on a topic, and what they say about whom."""

    # --- topics ---

    @transaction
    @licensed(Power.OVERSEE, Power.KEEP_REGISTER)
    def set_topic(self, ctx: Context, terms: TopicTerms) -> None:
        """Say what is asked of claims of a topic: quorum, grace, vocabulary."""
        claims = Claims(ctx.state)
        facts = terms.model_dump(exclude={"topic"})
        claims.save_topic(terms.topic, claims.topic(terms.topic).model_copy(update=facts))
        ctx.emit(events.TopicSet(**terms.model_dump()))

    @transaction
    @licensed(Power.OVERSEE, Power.KEEP_REGISTER)
    def trust_issuer(self, ctx: Context, topic: Identifier, issuer: Identifier) -> None:
        """Let an identity's claims of a topic count from now on."""
        Identities(ctx.state).require_controlling(issuer)
        claims = Claims(ctx.state)
        row = claims.topic(topic)
        issuers = tuple(sorted({*row.issuers, issuer}))
        if len(issuers) > MAX_ISSUERS:
            raise ClaimReason.ISSUERS_TOO_MANY.refusal(topic=topic, limit=MAX_ISSUERS)
        claims.save_topic(topic, row.model_copy(update={"issuers": issuers}))
        ctx.emit(events.IssuerTrusted(topic=topic, issuer=issuer))

    @transaction
    @licensed(Power.OVERSEE, Power.KEEP_REGISTER)
    def distrust_issuer(self, ctx: Context, topic: Identifier, issuer: Identifier) -> None:
        """Let an identity's claims of a topic count no longer, those already made included."""
        claims = Claims(ctx.state)
        row = claims.topic(topic)
        if issuer not in row.issuers:
            raise ClaimReason.ISSUER_NOT_TRUSTED.refusal(topic=topic, issuer=issuer)
        remaining = tuple(each for each in row.issuers if each != issuer)
        claims.save_topic(topic, row.model_copy(update={"issuers": remaining}))
        ctx.emit(events.IssuerDistrusted(topic=topic, issuer=issuer))

    # --- claims ---

    @transaction
    @licensed()
    def add_claim(self, ctx: Context, claim: ClaimMade, intent: SignedIntent) -> None:
        """Enter a claim signed by its issuer, in place of what it said on the topic before."""
        _enter(ctx, claim, intent)

    @transaction
    @licensed()
    def add_claims(self, ctx: Context, claims: SignedClaims) -> None:
        """Enter many claims: all of them or none."""
        for each in claims:
            _enter(ctx, each.statement, each.intent)

    @transaction
    @licensed()
    def revoke_claim(self, ctx: Context, claim: ClaimWithdrawn, intent: SignedIntent) -> None:
        """Take a claim back; signed by its issuer."""
        claims = Claims(ctx.state)
        row = claims.require(claim.subject, claim.topic, claim.issuer)
        require_signatures(ctx, claim.issuer, claim, intent)
        revoked = row.model_copy(update={"revoked_at": now(ctx)})
        claims.save(claim.subject, claims.about(claim.subject).having(revoked))
        ctx.emit(
            events.ClaimRevoked(
                subject=claim.subject,
                topic=claim.topic,
                issuer=claim.issuer,
                claim_version=row.version,
            )
        )

    # --- queries ---

    @query
    def claims(self, ctx: Context, subject: str) -> SubjectClaims:
        """Return all claims about an identity, those that do not count included."""
        return Claims(ctx.state).about(subject)

    @query
    def topic(self, ctx: Context, topic: str) -> Topic:
        """Return whom a topic trusts, and what is asked of its claims."""
        return Claims(ctx.state).topic(topic)

    @query
    def issuers(self, ctx: Context, topic: str) -> tuple[str, ...]:
        """Return who is trusted to make claims of a topic, sorted."""
        return Claims(ctx.state).topic(topic).issuers

    @query
    def overdue(
        self,
        ctx: Context,
        question: OverdueQuestion,
        page_size: PageSize = 100,
        bookmark: str = "",
    ) -> OverduePage:
        """Return the claims of a topic that must be made anew.

        Args:
            ctx: The call.
            question: Which claims.
            page_size: Of how many subjects the claims are looked at.
            bookmark: Of the page before.
        """
        claims, following = Claims(ctx.state).page(page_size, bookmark)
        lines = tuple(
            OverdueLine(subject=subject, claim=claim)
            for subject, claim in claims
            if is_overdue(claim, question)
        )
        return OverduePage(claims=lines, bookmark=following)


def _enter(ctx: Context, made: ClaimMade, intent: SignedIntent) -> None:
    if made.valid_until <= made.valid_from:
        raise ClaimReason.CLAIM_WINDOW_EMPTY.refusal(
            valid_from=made.valid_from, valid_until=made.valid_until
        )
    identities = Identities(ctx.state)
    identities.require_controlling(made.subject)
    claims = Claims(ctx.state)
    _require_word(made, claims.topic(made.topic))
    _require_standing(made, claims.topic(made.topic))
    key, *cosigners = require_signatures(ctx, made.issuer, made, intent)
    held = claims.about(made.subject)
    earlier = held.find(made.topic, made.issuer)
    facts = {
        **made.model_dump(exclude={"subject"}),
        "key": key,
        "cosigners": tuple(cosigners),
        "threshold": identities.require_controlling(made.issuer).control.claim,
    }
    claim = Claim(**facts, version=1 + (earlier.version if earlier else 0))
    row = held.having(claim)
    if len(row.claims) > MAX_CLAIMS:
        raise ClaimReason.CLAIMS_TOO_MANY.refusal(identity=made.subject, limit=MAX_CLAIMS)
    claims.save(made.subject, row)
    ctx.emit(events.ClaimAdded(subject=made.subject, **facts, claim_version=claim.version))


def _require_standing(made: ClaimMade, topic: Topic) -> None:
    """Refuse what strangers say: a subject's row is short, and they could fill it.

    What somebody says about itself stays possible; it counts for nothing.
    """
    if made.issuer not in {made.subject, *topic.issuers}:
        raise ClaimReason.ISSUER_NOT_TRUSTED.refusal(topic=made.topic, issuer=made.issuer)


def _require_word(made: ClaimMade, topic: Topic) -> None:
    """Refuse a value that is no word of the topic's vocabulary, once it has one."""
    if topic.values and made.value not in topic.values:
        raise ClaimReason.CLAIM_VALUE_UNKNOWN.refusal(
            topic=made.topic, value=made.value or "nothing"
        )
