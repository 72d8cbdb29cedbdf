"""The part of the token contract about packs, acceptances, decisions and counts of holders."""

from typing import Annotated

from pydantic import Field

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.compliance.case import Acceptance
from tallystick.contracts.compliance.cases import COUNTED_TOPICS
from tallystick.contracts.compliance.classes import classes_of
from tallystick.contracts.compliance.counters import Counters
from tallystick.contracts.compliance.counts import HolderCounts, Recounted, owners_of, told
from tallystick.contracts.compliance.models import Pack, RuleSet
from tallystick.contracts.compliance.packs import Packs
from tallystick.contracts.compliance.records import (
    DecisionPage,
    DecisionRecord,
    Recomputation,
    Records,
    Review,
    ReviewNote,
    rules_key,
)
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, PageSize, Sha256Hex
from tallystick.contracts.parties import Party, check_parties, require_authority
from tallystick.contracts.powers import Power
from tallystick.contracts.rows import load_row
from tallystick.contracts.statements import SecurityAccepted

Persons = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=1000)]


class ComplianceFunctions(MarketContract):
    """Packs, acceptances, decisions, counts."""

    # --- packs ---

    @transaction
    @licensed(Power.OVERSEE)
    def publish_pack(self, ctx: Context, pack: Pack) -> None:
        """Enter a version of a pack, to be bound to securities."""
        Packs(ctx).publish(pack)

    @query
    def pack(self, ctx: Context, pack: Identifier, version: int) -> Pack:
        """Return a version of a pack."""
        return Packs(ctx).require(pack, version)

    # --- acceptances ---

    @transaction
    def accept_security(
        self, ctx: Context, accepted: SecurityAccepted, intent: SignedIntent | None = None
    ) -> None:
        """Note whether a holder wants units of a security, as it says itself or by mandate."""
        require_authority(ctx, accepted.holder, accepted, intent)
        row = Acceptance(since=now(ctx)) if accepted.accepts else None
        counters = Counters(ctx.state, ctx.transaction_id)
        counters.note_acceptance(accepted.security, accepted.holder, row)
        ctx.emit(events.SecurityAccepted(**accepted.model_dump()))

    @query
    def accepts(self, ctx: Context, security: str, holder: str) -> bool:
        """Return whether a holder has said that it wants a security."""
        return Counters(ctx.state, ctx.transaction_id).accepts(security, holder)

    # --- decisions ---

    @transaction
    @licensed(Power.OVERSEE)
    def acknowledge(
        self, ctx: Context, security: Identifier, decision: Identifier, note_hash: str = ""
    ) -> None:
        """Acknowledge the record of a decision: nothing is left to ask."""
        _review(ctx, security, decision, Review.ACKNOWLEDGED, note_hash)

    @transaction
    @licensed(Power.OVERSEE)
    def query_decision(
        self, ctx: Context, security: Identifier, decision: Identifier, note_hash: Sha256Hex
    ) -> None:
        """Ask about the record of a decision; the note that the hash is of says what."""
        _review(ctx, security, decision, Review.QUERIED, note_hash)

    @query
    def decision(self, ctx: Context, security: str, decision: str) -> DecisionRecord:
        """Return the record of a decision; its name is the id of its transaction."""
        return Records(ctx).require(security, decision)

    @query
    def review(self, ctx: Context, security: str, decision: str) -> ReviewNote | None:
        """Return what the regulator said of a decision, if anything."""
        return Records(ctx).review(security, decision)

    @query
    def decisions(
        self,
        ctx: Context,
        security: str,
        page_size: PageSize = 100,
        bookmark: str = "",
        only_open: bool = False,  # noqa: FBT001, FBT002 -- arguments of a call have an order only
    ) -> DecisionPage:
        """Return a page of decisions; of those not acknowledged yet, if only these are asked."""
        return Records(ctx).page(security, page_size, bookmark, only_open=only_open)

    @query
    def recompute(self, ctx: Context, security: str, decision: str) -> Recomputation:
        """Work a decision out again, from its record and the rules that were in force."""
        return Records(ctx).recompute(security, decision)

    @query
    def rules_then(self, ctx: Context, security: str, version: int) -> RuleSet | None:
        """Return a version of a security's rules, whether still in force or not."""
        return load_row(ctx.state, rules_key(security, version), RuleSet)

    # --- holders ---

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def recount(self, ctx: Context, security: Identifier, persons: Persons) -> None:
        """Count holders as what their claims say now; who holds nothing is left out."""
        counters = Counters(ctx.state, ctx.transaction_id)
        rows = {each: counters.counted(security, each) for each in sorted(set(persons))}
        held = {person: row for person, row in rows.items() if row is not None}
        report = check_parties(
            ctx, [Party(identity=each, topics=COUNTED_TOPICS) for each in held], exercised=()
        )
        for (person, row), known in zip(held.items(), report.parties, strict=True):
            classes = tuple(sorted(classes_of(known.profile)))
            after = row.model_copy(update={"classes": classes, "owners": owners_of(known.profile)})
            if after != row:
                counters.recount(security, Recounted(person, row, after))
                ctx.emit(told(security, person, after))

    @query
    def holder_counts(self, ctx: Context, security: str) -> HolderCounts:
        """Return how many persons hold a security: all, looked through, and of each class."""
        return Counters(ctx.state, ctx.transaction_id).counts(security)


def _review(ctx: Context, security: str, decision: str, review: Review, note_hash: str) -> None:
    Records(ctx).save_review(security, decision, review, note_hash)
    ctx.emit(
        events.DecisionReviewed(
            security=security,
            decision=decision,
            review=review,
            by=ctx.client.msp_id,
            note_hash=note_hash,
        )
    )
