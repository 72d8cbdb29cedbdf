"""Issues of what was offered, as the settlement contract asks for them."""

from tallystick.chaincode import Context, transaction
from tallystick.contracts.book import Move
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.packs import Packs
from tallystick.contracts.events import Basis
from tallystick.contracts.licensed import MarketContract, only_through
from tallystick.contracts.offers import Allotments, Offer, OfferReport
from tallystick.contracts.parties import Exercised
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, refuse_if_any
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.rules import offer_findings
from tallystick.contracts.register.securities import Securities


class OfferFunctions(MarketContract):
    """Primary market: what the register has to say of an offering, and the issue itself."""

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def offer_findings(
        self, ctx: Context, offer: Offer, allotments: Allotments = ()
    ) -> OfferReport:
        """Return what stands against an offering now, and against issuing units to holders in it.

        All rules are asked that an issue would be judged by at this moment. It writes nothing; but
        what it reads must still hold at commit, so it is no query.
        """
        findings = _offer_findings(ctx, offer)
        if allotments:
            findings += Movements(ctx).decision(_instruction(offer, allotments, ())).findings
        return OfferReport(findings=tuple(findings))

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def issue_offered(self, ctx: Context, offer: Offer, allotments: Allotments) -> None:
        """Create units in the hands of subscribers: all of them or none."""
        refuse_if_any(_offer_findings(ctx, offer))
        keeper = Exercised(organization=ctx.client.msp_id, powers=(Power.KEEP_REGISTER,))
        Movements(ctx).execute(_instruction(offer, allotments, (keeper,)))


def _offer_findings(ctx: Context, offer: Offer) -> list[Finding]:
    security = Securities(ctx.state).require(offer.security)
    pack = Packs(ctx).require(offer.pack, offer.pack_version)
    return list(offer_findings(offer, security, pack))


def _instruction(
    offer: Offer, allotments: Allotments, exercised: tuple[Exercised, ...]
) -> Instruction:
    moves = tuple(
        Move(
            asset=offer.security,
            sender=None,
            receiver=each.holder,
            quantity=each.quantity,
            origin=offer.origin,
        )
        for each in allotments
    )
    return Instruction(moves, Basis.ISSUE, exercised=exercised, document_hash=offer.document_hash)
