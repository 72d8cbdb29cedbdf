"""Who may call the functions of the token contract, and arguments that are well formed."""

from pydantic import JsonValue
from tests.unit.contracts.permissions import custody, offerings, record_dates, rules
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    NOBODY,
    SAFEKEEPERS,
    TRANSFER_AGENT,
    TRUSTEES,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.cycles import CycleDelivery, GrossBook
from tallystick.contracts.lots import Label
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

PUBLISHERS = frozenset({P.TRANSFER_AGENT, P.ISSUER})

PERMITTED: Permissions = {
    **custody.PERMITTED,
    **record_dates.PERMITTED,
    **offerings.TOKEN_PERMITTED,
    "create_security": TRANSFER_AGENT,
    "amend_security": TRANSFER_AGENT,
    "set_cap": TRANSFER_AGENT,
    "close_issuance": TRANSFER_AGENT,
    "renounce_enforcement": TRANSFER_AGENT,
    "fold_changes": TRANSFER_AGENT,
    "changes": EVERYBODY,
    "deactivate": TRANSFER_AGENT,
    "pause": TRUSTEES,
    "resume": TRUSTEES,
    "issue": TRANSFER_AGENT,
    "issue_to_many": TRANSFER_AGENT,
    "redeem": TRANSFER_AGENT,
    "redeem_from_many": TRANSFER_AGENT,
    "surrender": LICENSED,
    "transfer": LICENSED,
    "transfer_to_many": LICENSED,
    "transfer_from": SAFEKEEPERS,
    "approve": LICENSED,
    "increase_allowance": LICENSED,
    "decrease_allowance": LICENSED,
    "revoke_allowance": LICENSED,
    "place_hold": LICENSED,
    "execute_hold": LICENSED,
    "renew_hold": LICENSED,
    "release_hold": LICENSED,
    "decline_hold": LICENSED,
    "release_hold_by_order": TRANSFER_AGENT,
    "freeze": TRUSTEES,
    "unfreeze": TRUSTEES,
    "freeze_units": TRUSTEES,
    "unfreeze_units": TRUSTEES,
    "force": TRANSFER_AGENT,
    "relabel_lots": TRANSFER_AGENT,
    "publish_document": PUBLISHERS,
    "remove_document": PUBLISHERS,
    "list_product": PUBLISHERS,
    "lock": NOBODY,
    "release": NOBODY,
    "deliver": NOBODY,
    "record_failure": NOBODY,
    "judge_trades": NOBODY,
    "judge_cycle": NOBODY,
    "deliver_cycle": NOBODY,
    "security": EVERYBODY,
    "balance_of": EVERYBODY,
    "holding": EVERYBODY,
    "holdings": EVERYBODY,
    "holding_history": EVERYBODY,
    "portfolio": EVERYBODY,
    "lots": EVERYBODY,
    "register": EVERYBODY,
    "supply": EVERYBODY,
    "holder_count": EVERYBODY,
    "allowance": EVERYBODY,
    "allowances": EVERYBODY,
    "holds": EVERYBODY,
    "document": EVERYBODY,
    "product": EVERYBODY,
    "catalogue": EVERYBODY,
    "can_transfer": EVERYBODY,
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
    "document": ["ACME", "terms"],
    "product": ["ACME"],
    "catalogue": [],
    **record_dates.QUESTIONS,
    **rules.QUESTIONS,
}


def arguments(market: Market) -> Arguments:
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    signature = market.sign("alice", sent)
    place = {"security": "ACME", "holder": "alice"}
    allowed = {**place, "spender": P.CLEARING}
    held = {**place, "hold": "h-1"}
    soon = signature.expires_at
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
        "set_cap": ["ACME", None],
        "close_issuance": ["ACME"],
        "renounce_enforcement": ["ACME"],
        "fold_changes": ["ACME", "supply", [ChangeRow(transaction="tx", whose="a")] * 2],
        "changes": ["ACME", "supply"],
        "deactivate": ["ACME", "a test"],
        "pause": ["ACME", "a test"],
        "resume": ["ACME"],
        "issue": ["ACME", "alice", 1],
        "issue_to_many": ["ACME", [Allocation(to="alice", quantity=1)]],
        "redeem": ["ACME", "alice", 1],
        "redeem_from_many": ["ACME", [Redemption(holder="alice", quantity=1)]],
        "surrender": [UnitsSurrendered(**place, quantity=1), signature],
        "transfer": [sent],
        "transfer_to_many": [many, signature],
        "transfer_from": [sent],
        "approve": [UnitsAllowed(**allowed, quantity=1, expires_at=soon), signature],
        "increase_allowance": [AllowanceRaised(**allowed, quantity=1), signature],
        "decrease_allowance": [AllowanceLowered(**allowed, quantity=1), signature],
        "revoke_allowance": [AllowanceWithdrawn(**allowed), signature],
        "place_hold": [
            UnitsHeld(**held, quantity=1, notary=P.CLEARING, expires_at=soon),
            signature,
        ],
        "execute_hold": [HoldExecution(**held, quantity=1)],
        "renew_hold": [HoldExtended(**held, expires_at=soon), signature],
        "release_hold": ["ACME", "alice", "h-1"],
        "decline_hold": [HoldDeclined(**held, receiver="bob"), signature],
        "release_hold_by_order": ["ACME", "alice", "h-1", EVIDENCE],
        "freeze": ["ACME", "alice", "a test"],
        "unfreeze": ["ACME", "alice"],
        "freeze_units": ["ACME", "alice", 1, "a test"],
        "unfreeze_units": ["ACME", "alice", 1, "a test"],
        "force": [ForcedOrder(security="ACME", moves=(forced,), evidence_hash=EVIDENCE)],
        "relabel_lots": [relabelling],
        "publish_document": [version],
        "remove_document": ["ACME", "terms"],
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
