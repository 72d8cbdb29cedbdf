"""Who may call the functions of the token contract, and arguments that are well formed."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions import custody, offerings, record_dates, rules
from tests.unit.contracts.permissions.roles import (
    CLEARING,
    ISSUERS,
    SAFEKEEPERS,
    TRANSFER_AGENT,
    TRUSTEES,
    Arguments,
    P,
    Permissions,
    among_licensed,
    anybody,
    by_mandate,
    licensed,
    only,
    signed,
    through_settlement,
)
from tests.unit.contracts.permissions.scenery import HALTED

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.cycles import CycleDelivery, GrossBook
from tallystick.contracts.lots import Label
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.folding import ChangeRow
from tallystick.contracts.register.models import (
    Allocation,
    Amendment,
    DocumentVersion,
    ForcedMove,
    ForcedOrder,
    HoldExecution,
    Price,
    Product,
    Redemption,
    Relabelling,
    SecurityTerms,
)
from tallystick.contracts.statements import (
    AllowanceLowered,
    AllowanceRaised,
    AllowanceWithdrawn,
    HoldDeclined,
    HoldExtended,
    Portion,
    UnitsAllowed,
    UnitsHeld,
    UnitsSent,
    UnitsSentToMany,
    UnitsSurrendered,
)
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    **custody.PERMITTED,
    **record_dates.PERMITTED,
    **offerings.TOKEN_PERMITTED,
    "create_security": only(TRANSFER_AGENT),
    "amend_security": only(TRANSFER_AGENT),
    "set_cap": only(TRANSFER_AGENT),
    "close_issuance": only(TRANSFER_AGENT),
    "renounce_enforcement": only(TRANSFER_AGENT),
    "fold_changes": only(TRANSFER_AGENT),
    "changes": anybody(),
    "deactivate": only(TRANSFER_AGENT),
    "pause": only(TRUSTEES),
    "resume": only(TRUSTEES),
    "issue": only(TRANSFER_AGENT),
    "issue_to_many": only(TRANSFER_AGENT),
    "redeem": only(TRANSFER_AGENT),
    "redeem_from_many": only(TRANSFER_AGENT),
    "surrender": licensed(),
    "transfer": by_mandate(),
    "transfer_to_many": licensed(),
    "transfer_from": only(SAFEKEEPERS),
    "approve": licensed(),
    "increase_allowance": licensed(),
    "decrease_allowance": licensed(),
    "revoke_allowance": licensed(),
    "place_hold": licensed(),
    "execute_hold": among_licensed(CLEARING, RegisterReason.NOT_THE_NOTARY),
    "renew_hold": licensed(),
    "release_hold": among_licensed(CLEARING, RegisterReason.NOT_THE_NOTARY),
    "decline_hold": licensed(),
    "release_hold_by_order": only(TRANSFER_AGENT),
    "freeze": only(TRUSTEES),
    "unfreeze": only(TRUSTEES),
    "freeze_units": only(TRUSTEES),
    "unfreeze_units": only(TRUSTEES),
    "force": only(TRANSFER_AGENT),
    "relabel_lots": only(TRANSFER_AGENT),
    "publish_document": only(TRANSFER_AGENT | ISSUERS),
    "remove_document": only(TRANSFER_AGENT | ISSUERS),
    "list_product": only(TRANSFER_AGENT | ISSUERS),
    "lock": through_settlement(),
    "release": through_settlement(),
    "deliver": through_settlement(),
    "record_failure": through_settlement(),
    "judge_trades": through_settlement(),
    "judge_cycle": through_settlement(),
    "deliver_cycle": through_settlement(),
    "security": anybody(),
    "balance_of": anybody(),
    "holding": anybody(),
    "holdings": anybody(),
    "holding_history": anybody(),
    "portfolio": anybody(),
    "lots": anybody(),
    "register": anybody(),
    "supply": anybody(),
    "holder_count": anybody(),
    "allowance": anybody(),
    "allowances": anybody(),
    "holds": anybody(),
    "document": anybody(),
    "product": anybody(),
    "catalogue": anybody(),
    "can_transfer": anybody(),
    "can_draw": anybody(),
    **rules.PERMITTED,
}


HOLDERS: list[JsonValue] = ["alice"]

QUESTIONS: Arguments = {
    "security": ["ACME"],
    "balance_of": ["ACME", "alice"],
    "holding": ["ACME", "alice"],
    "holdings": ["ACME", HOLDERS],
    "holding_history": ["ACME", "alice"],
    "portfolio": ["alice", [Price(security="ACME", price=1)]],
    "lots": ["ACME", "alice"],
    "register": ["ACME"],
    "supply": ["ACME"],
    "holder_count": ["ACME"],
    "allowance": ["ACME", "alice", P.CLEARING],
    "allowances": ["ACME", "alice"],
    "holds": ["ACME", "alice"],
    "can_draw": [
        UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1),
        P.CLEARING,
    ],
    "document": ["ACME", "terms"],
    "product": ["ACME"],
    "catalogue": [],
    **record_dates.QUESTIONS,
    **rules.QUESTIONS,
}


def arguments(market: Market) -> Arguments:
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    place = {"security": "ACME", "holder": "alice"}
    allowed = {**place, "spender": P.CLEARING}
    held = {**place, "hold": "h-1"}
    soon, later = (market.after(timedelta(hours=hours)) for hours in (1, 2))
    many = UnitsSentToMany(
        security="ACME", sender="alice", portions=(Portion(receiver="bob", quantity=1),)
    )
    forced = ForcedMove(holder="alice", receiver="bob", quantity=1)
    relabelling = Relabelling(**place, quantity=1, label=Label(), evidence_hash=EVIDENCE)
    version = DocumentVersion(security="ACME", name="terms", uri="x", document_hash=EVIDENCE)
    product = Product(security="ACME", risk_class=4, category="EQUITY", summary_hash=EVIDENCE)
    return {
        **rules.arguments(market),
        **record_dates.arguments(market),
        "create_security": [SecurityTerms(security="B", name="B", issuer=P.ISSUER)],
        "amend_security": [Amendment(security="ACME", name="Acme, renamed")],
        "set_cap": ["ACME", 5000],
        "close_issuance": ["ACME"],
        "renounce_enforcement": ["ACME"],
        "fold_changes": ["ACME", "supply", _changes(market)],
        "changes": ["ACME", "supply"],
        "deactivate": ["ACME", "a test"],
        "pause": ["ACME", "a test"],
        "resume": [HALTED],
        "issue": ["ACME", "alice", 1],
        "issue_to_many": ["ACME", [Allocation(to="alice", quantity=1)]],
        "redeem": ["ACME", "alice", 1, EVIDENCE],
        "redeem_from_many": ["ACME", [Redemption(holder="alice", quantity=1)], EVIDENCE],
        "surrender": signed(market, "alice", UnitsSurrendered(**place, quantity=1)),
        "transfer": [sent],
        "transfer_to_many": signed(market, "alice", many),
        "transfer_from": [sent],
        "approve": signed(market, "alice", UnitsAllowed(**allowed, quantity=1, expires_at=soon)),
        "increase_allowance": signed(market, "alice", AllowanceRaised(**allowed, quantity=1)),
        "decrease_allowance": signed(market, "alice", AllowanceLowered(**allowed, quantity=1)),
        "revoke_allowance": signed(market, "alice", AllowanceWithdrawn(**allowed)),
        "place_hold": signed(
            market,
            "alice",
            UnitsHeld(**place, hold="h-2", quantity=1, notary=P.CLEARING, expires_at=soon),
        ),
        "execute_hold": [HoldExecution(**held, quantity=1, receiver="bob")],
        "renew_hold": signed(market, "alice", HoldExtended(**held, expires_at=later)),
        "release_hold": ["ACME", "alice", "h-1"],
        "decline_hold": signed(market, "bob", HoldDeclined(**place, hold="h-3", receiver="bob")),
        "release_hold_by_order": ["ACME", "alice", "h-1", EVIDENCE],
        "freeze": ["ACME", "alice", "a test"],
        "unfreeze": [HALTED, "alice"],
        "freeze_units": ["ACME", "alice", 1, "a test"],
        "unfreeze_units": [HALTED, "alice", 1, "a test"],
        "force": [ForcedOrder(security="ACME", moves=(forced,), evidence_hash=EVIDENCE)],
        "relabel_lots": [relabelling],
        "publish_document": [version],
        "remove_document": [HALTED, "terms"],
        "list_product": [product],
        **custody.arguments(market),
        **offerings.token_arguments(market),
        **QUESTIONS,
        "can_transfer": [sent],
        **{
            function: [[market.terms().deliveries[0]]]
            for function in ("lock", "release", "deliver")
        },
        "record_failure": [[market.terms().deliveries[0]], P.ATS],
        "judge_trades": [GrossBook(venue=P.ATS, trades=())],
        "judge_cycle": [CycleDelivery(venue=P.ATS)],
        "deliver_cycle": [CycleDelivery(venue=P.ATS)],
    }


def _changes(market: Market) -> list[ChangeRow]:
    """Return the rows of which the supply is the sum."""
    found = market.evaluate(Chaincode.TOKEN, "changes", "ACME", "supply")
    return list(found.load(tuple[ChangeRow, ...]))
