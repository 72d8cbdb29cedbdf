"""Lists of the barred, as callers of the identity contract see them.

Who is meant by an entry of a sanctions list, a screening provider finds out off the ledger, where
the names are. What it signs names identities only, and bars them in the same transaction: nothing
of theirs moves, at whichever contract, and pending trades of theirs cannot settle.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.claims.claims import Claims
from tallystick.contracts.claims.models import BarredList
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identities.models import MAX_BLOCKS, Block
from tallystick.contracts.identities.signatures import require_signatures
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import licensed
from tallystick.contracts.licensing.part import IdentityPart
from tallystick.contracts.models import Identifier
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import ClaimReason
from tallystick.contracts.statements import ListUpdated

SCREENING = "screening"
"""The topic whose trusted issuers keep lists of the barred."""


class ScreeningFunctions(IdentityPart):
    """Who is barred, by whose list."""

    @transaction
    @licensed()
    def update_list(self, ctx: Context, updated: ListUpdated, intent: SignedIntent) -> None:
        """Put the next version of a list in force: bar who enters it, clear who leaves it."""
        claims = Claims(ctx.state)
        if updated.issuer not in claims.topic(SCREENING).issuers:
            raise ClaimReason.ISSUER_NOT_TRUSTED.refusal(topic=SCREENING, issuer=updated.issuer)
        former = claims.barred_list(updated.issuer, updated.list_name)
        expected = 1 + (former.version if former else 0)
        if updated.version != expected:
            raise ClaimReason.LIST_VERSION_WRONG.refusal(
                list_name=updated.list_name, version=updated.version, expected=expected
            )
        require_signatures(ctx, updated.issuer, updated, intent)
        moment = now(ctx)
        row = BarredList(version=updated.version, list_hash=updated.list_hash, updated_at=moment)
        claims.save_barred_list(updated.issuer, updated.list_name, row)
        ctx.emit(
            events.ListUpdated(
                issuer=updated.issuer,
                list_name=updated.list_name,
                list_version=updated.version,
                list_hash=updated.list_hash,
            )
        )
        for identity in updated.removed:
            _clear(ctx, updated.issuer, updated.list_name, identity)
        for identity in updated.added:
            _bar(ctx, updated, identity, moment)

    @transaction
    @licensed(Power.OVERSEE)
    def lift_bar(
        self, ctx: Context, identity: Identifier, issuer: Identifier, list_name: Identifier
    ) -> None:
        """Clear an identity that the list of an issuer names who is trusted no longer.

        Its list still bars, for distrust clears nobody; but it cannot clear any more.
        """
        if issuer in Claims(ctx.state).topic(SCREENING).issuers:
            raise ClaimReason.LIST_COUNTS.refusal(issuer=issuer, list_name=list_name)
        _clear(ctx, issuer, list_name, identity)

    @query
    def barred_list(self, ctx: Context, issuer: str, list_name: str) -> BarredList | None:
        """Return the version of a list that is in force, or None."""
        return Claims(ctx.state).barred_list(issuer, list_name)


def _bar(ctx: Context, updated: ListUpdated, identity: str, moment: Instant) -> None:
    identities = Identities(ctx.state)
    row = identities.require(identity)
    kept = [each for each in row.blocks if not _is_of(each, updated.issuer, updated.list_name)]
    if len(kept) == MAX_BLOCKS:
        raise ClaimReason.BLOCKS_TOO_MANY.refusal(identity=identity, limit=MAX_BLOCKS)
    block = Block(
        issuer=updated.issuer,
        list_name=updated.list_name,
        version=updated.version,
        since=moment,
    )
    identities.save(row.model_copy(update={"blocks": (*kept, block)}))
    ctx.emit(
        events.IdentityBarred(identity=identity, issuer=updated.issuer, list_name=updated.list_name)
    )


def _clear(ctx: Context, issuer: str, list_name: str, identity: str) -> None:
    identities = Identities(ctx.state)
    row = identities.require(identity)
    kept = tuple(each for each in row.blocks if not _is_of(each, issuer, list_name))
    if len(kept) == len(row.blocks):
        raise ClaimReason.NOT_BARRED.refusal(identity=identity, list_name=list_name)
    identities.save(row.model_copy(update={"blocks": kept}))
    ctx.emit(events.IdentityCleared(identity=identity, issuer=issuer, list_name=list_name))


def _is_of(block: Block, issuer: str, list_name: str) -> bool:
    return (block.issuer, block.list_name) == (issuer, list_name)
