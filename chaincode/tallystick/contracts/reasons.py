"""Every reason for which a contract says no, in one table: a code and a sentence for each.

A refused call carries one reason's code in its message, and all of them in its payload; a query
such as ``token:can_transfer`` returns them all as findings. Both come from here, so they never
disagree.
"""

from collections.abc import Sequence
from enum import Enum, unique

from tallystick.chaincode import Refusal
from tallystick.contracts.models import Model

_MALFORMED = 400
_NOT_AUTHORISED = 403
_NOT_FOUND = 404
_CONFLICT = 409
_RULE = 422


class Finding(Model):
    """One reason why something may not happen, with its sentence filled in."""

    code: str
    message: str


@unique
class Reason(Enum):
    """A code, the status of its responses, and a sentence with places for the facts."""

    # --- who is asking ---
    PARTICIPANT_NOT_PERMITTED = (
        _NOT_AUTHORISED,
        "{participant} may not call {function}; this is for {permitted}.",
    )
    CALLER_NOT_PERMITTED = (
        _NOT_AUTHORISED,
        "{function} may be called through {permitted} only, not through {caller}.",
    )
    MANDATE_MISSING = (
        _NOT_AUTHORISED,
        "{participant} holds no mandate of {identity}; {identity} can grant one, or sign this act.",
    )
    MANDATE_EXPIRED = (
        _NOT_AUTHORISED,
        "The mandate of {identity} for {participant} ended at {expires_at}; it can be renewed.",
    )
    NOT_THE_ISSUING_BANK = (
        _NOT_AUTHORISED,
        "{participant} may not create or redeem {cash}; only {bank}, who owes it, may.",
    )
    NOT_THE_VENUE = (
        _NOT_AUTHORISED,
        "Trade {trade} must name {participant}, who proposes it, as its venue; it names {venue}.",
    )

    TRANSIENT_MISSING = (
        _MALFORMED,
        "'{name}' is missing among the transient data; it is secret and must not be an argument.",
    )

    # --- signed intents ---
    INTENT_EXPIRED = (
        _NOT_AUTHORISED,
        "The signature of {signer} was good until {expires_at}, and it is {now}; sign again.",
    )
    INTENT_ALREADY_USED = (
        _NOT_AUTHORISED,
        "The signature of {signer} with nonce {nonce} was used before; each one counts once.",
    )
    INTENT_KEY_UNKNOWN = (
        _NOT_AUTHORISED,
        "{signer} has no active key {key} for the purpose '{purpose}'.",
    )
    INTENT_SIGNATURE_INVALID = (
        _NOT_AUTHORISED,
        "This is not a signature of {signer} over exactly this act on this channel.",
    )

    # --- identities, keys, claims ---
    IDENTITY_UNKNOWN = (_NOT_FOUND, "There is no identity {identity}; register it first.")
    IDENTITY_EXISTS = (_CONFLICT, "Identity {identity} exists already; choose another id.")
    KEY_MALFORMED = (
        _MALFORMED,
        "A public key must be P-256, as PEM or as base64 of its DER form (SPKI).",
    )
    KEY_UNKNOWN = (_NOT_FOUND, "{identity} has no active key {key}.")
    KEY_EXISTS = (
        _CONFLICT,
        "{identity} has, or once had, the key {key}; a revoked key does not come back.",
    )
    LAST_MANAGEMENT_KEY = (
        _CONFLICT,
        "{key} is the last management key of {identity}, who would lose control; rotate it.",
    )
    MANAGEMENT_KEY_MISSING = (
        _MALFORMED,
        "{identity} needs a management key, and the registration must be signed with it.",
    )
    CLAIM_UNKNOWN = (_NOT_FOUND, "{issuer} has made no claim '{topic}' about {identity}.")
    CLAIM_WINDOW_EMPTY = (
        _MALFORMED,
        "A claim must end after it begins, and {valid_until} is not after {valid_from}.",
    )
    TOPIC_WITHOUT_ISSUER = (
        _RULE,
        "Nobody is trusted to make claims '{topic}', so {identity} cannot have one.",
    )
    ISSUER_NOT_TRUSTED = (_CONFLICT, "{issuer} is not trusted for '{topic}' as it is.")
    CLAIM_MISSING = (_RULE, "{identity} has no claim '{topic}' of a trusted issuer.")
    CLAIM_REVOKED = (_RULE, "{issuer} has revoked the claim '{topic}' about {identity}.")
    CLAIM_EXPIRED = (
        _RULE,
        "The claim '{topic}' of {issuer} about {identity} ended at {valid_until}; renew it.",
    )
    CLAIM_NOT_YET_VALID = (
        _RULE,
        "The claim '{topic}' of {issuer} about {identity} begins only at {valid_from}.",
    )
    CLAIM_LEVEL_TOO_LOW = (
        _RULE,
        "The claim '{topic}' of {issuer} about {identity} has level {level}; {required} is needed.",
    )
    CLAIM_KEY_REVOKED = (
        _RULE,
        "The claim '{topic}' about {identity} was signed with a key that {issuer} has withdrawn.",
    )

    REFERENCE_DIFFERS = (
        _CONFLICT,
        "A reference about {identity} does not have the hash that the ledger has of it.",
    )

    # --- securities and money ---
    SECURITY_UNKNOWN = (_NOT_FOUND, "There is no security {security}.")
    SECURITY_EXISTS = (_CONFLICT, "Security {security} exists already.")
    SECURITY_PAUSED = (_RULE, "{security} is paused: {reason}.")
    SECURITY_NOT_PAUSED = (_CONFLICT, "{security} is not paused.")
    CASH_UNKNOWN = (_NOT_FOUND, "There is no cash {cash}.")
    CASH_EXISTS = (_CONFLICT, "Cash {cash} exists already.")
    SAME_PARTY = (_MALFORMED, "{holder} cannot be on both sides.")
    SENDER_NOT_VERIFIED = (_RULE, "{holder} may not part with {asset} now. {cause}")
    RECEIVER_NOT_VERIFIED = (_RULE, "{holder} may not receive {asset}. {cause}")
    SENDER_FROZEN = (_RULE, "The holding of {holder} in {asset} is frozen: {reason}.")
    RECEIVER_FROZEN = (_RULE, "{holder} is frozen in {asset} and may not receive any: {reason}.")
    HOLDER_NOT_FROZEN = (_CONFLICT, "{holder} is not frozen in {security}.")
    INSUFFICIENT_AVAILABLE = (
        _RULE,
        "{holder} has {available} of {asset} available, {missing} too few "
        "({quantity} held, of which {locked} locked and {frozen} frozen).",
    )
    HOLDING_TOO_LARGE = (
        _RULE,
        "{holder} would have {quantity} of {asset}; a row of the register holds at most {limit}.",
    )
    INSUFFICIENT_FROZEN = (
        _RULE,
        "{holder} has {frozen} units of {asset} frozen, {missing} too few to unfreeze that many.",
    )
    ALLOWANCE_MISSING = (_NOT_AUTHORISED, "{holder} allows {spender} nothing of {security}.")
    ALLOWANCE_EXPIRED = (
        _NOT_AUTHORISED,
        "What {holder} allowed {spender} of {security} ended at {expires_at}.",
    )
    ALLOWANCE_EXCEEDED = (
        _NOT_AUTHORISED,
        "{holder} allows {spender} {remaining} of {security}, not {quantity}.",
    )
    LOCK_EXISTS = (_CONFLICT, "{holder} has units of {asset} locked for {lock} already.")
    LOCK_UNKNOWN = (_NOT_FOUND, "{holder} has no units of {asset} locked for {lock}.")
    LOCK_DIFFERS = (
        _CONFLICT,
        "What is locked for {lock} is {quantity} of {asset} for {receiver}, and nothing else.",
    )

    # --- trades ---
    TRADE_UNKNOWN = (_NOT_FOUND, "There is no trade {trade}.")
    TRADE_EXISTS = (_CONFLICT, "Trade {trade} exists already; an id is used once, for ever.")
    TRADE_DATES_WRONG = (
        _MALFORMED,
        "Trade {trade} must expire in the future and not before its settlement day.",
    )
    TRADE_STATUS = (_CONFLICT, "Trade {trade} is {state}, and then nobody can {step} it.")
    TRADE_EXPIRED = (_RULE, "Trade {trade} expired at {expires_at}.")
    TRADE_NOT_EXPIRED = (_RULE, "Trade {trade} expires at {expires_at}, not before.")
    CONSENT_MISSING = (_RULE, "The {side}, {party}, has not consented to trade {trade}.")
    CONSENT_ALREADY_GIVEN = (_CONFLICT, "The {side} has consented to trade {trade} already.")
    SETTLEMENT_DAY_NOT_REACHED = (
        _RULE,
        "Trade {trade} settles on {settlement_day}, not before; today is {today}.",
    )

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        self.sentence = sentence

    def finding(self, **facts: str | int) -> Finding:
        """Return this reason as one finding among others."""
        return Finding(code=self.name, message=self.sentence.format_map(facts))

    def refusal(self, **facts: str | int) -> Refusal:
        """Return this reason as a refusal to raise, with its facts in the payload."""
        return Refusal(self.name, self.sentence.format_map(facts), self.status, **facts)


def refuse_if_any(findings: Sequence[Finding]) -> None:
    """Raise the first of the findings as a refusal that carries all of them, if there is one."""
    if not findings:
        return
    first, *others = findings
    message = first.message
    if others:
        message += f" ({len(others)} more: {', '.join(other.code for other in others)})"
    reasons = [finding.model_dump() for finding in findings]
    raise Refusal(first.code, message, Reason[first.code].status, reasons=reasons)
