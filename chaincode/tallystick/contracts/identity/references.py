"""The private rows of the identity contract: what data hashes on the ledger stand for."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.claims.models import EvidenceReference
from tallystick.contracts.identities.models import InvestorReference
from tallystick.contracts.identity.models import References
from tallystick.contracts.readers import INVESTORS


class PrivateReferences:
    """References to what is known about investors; each carries a salt of its own."""

    def __init__(self, ctx: Context) -> None:
        self._rows = ctx.private(INVESTORS)

    def save_investor(self, row: InvestorReference) -> None:
        """Keep where to find who an identity is, in place of an earlier reference."""
        self._rows.save(composite_key("investor", row.identity), row)

    def save_evidence(self, row: EvidenceReference) -> None:
        """Keep what a claim rests on, in place of an earlier reference."""
        key = composite_key("evidence", row.subject, row.topic, row.issuer)
        self._rows.save(key, row)

    def about(self, identity: str) -> References:
        """Return all references about an identity; for queries."""
        investor = self._rows.load(composite_key("investor", identity), InvestorReference)
        return References(
            investors=() if investor is None else (investor,),
            evidence=tuple(
                EvidenceReference.model_validate_json(value)
                for _, value in self._rows.partial("evidence", identity)
            ),
        )
