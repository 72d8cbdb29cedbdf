"""Reasons: claims, and whom topics trust to make them."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class ClaimReason(ReasonTable):
    """Claims, and whom topics trust to make them."""

    CLAIM_UNKNOWN = (Kind.NOT_FOUND, "{issuer} has made no claim '{topic}' about {identity}.")
    CLAIM_WINDOW_EMPTY = (
        Kind.MALFORMED,
        "A claim must end after it begins, and {valid_until} is not after {valid_from}.",
    )
    TOPIC_WITHOUT_ISSUER = (
        Kind.RULE,
        "Nobody is trusted to make claims '{topic}', so {identity} cannot have one.",
    )
    ISSUER_NOT_TRUSTED = (Kind.CONFLICT, "{issuer} is not trusted for '{topic}' as it is.")
    CLAIM_MISSING = (Kind.RULE, "{identity} has no claim '{topic}' of a trusted issuer.")
    CLAIM_REVOKED = (Kind.RULE, "{issuer} has revoked the claim '{topic}' about {identity}.")
    CLAIM_EXPIRED = (
        Kind.RULE,
        "The claim '{topic}' of {issuer} about {identity} ended at {valid_until}; renew it.",
    )
    CLAIM_NOT_YET_VALID = (
        Kind.RULE,
        "The claim '{topic}' of {issuer} about {identity} begins only at {valid_from}.",
    )
    CLAIM_LEVEL_TOO_LOW = (
        Kind.RULE,
        "The claim '{topic}' of {issuer} about {identity} has level {level}; {required} is needed.",
    )
    CLAIM_KEY_REVOKED = (
        Kind.RULE,
        "The claim '{topic}' about {identity} was signed with keys of which {issuer} has withdrawn "
        "too many.",
    )
    CLAIM_QUORUM_MISSED = (
        Kind.RULE,
        "{given} issuers attest '{topic}' of {identity} as is needed, and {quorum} must.",
    )
    CLAIM_VALUE_DIFFERS = (
        Kind.RULE,
        "The claim '{topic}' of {issuer} about {identity} says {value}; {required} is needed.",
    )
    CLAIM_VALUE_UNKNOWN = (
        Kind.MALFORMED,
        "{value} is no word of the vocabulary of claims '{topic}'.",
    )
    CLAIM_SELF_MADE = (
        Kind.RULE,
        "{identity} made the claim '{topic}' about itself, which counts for nothing.",
    )
    CLAIMS_TOO_MANY = (
        Kind.CONFLICT,
        "There would be more than {limit} claims about {identity}.",
    )
    ISSUERS_TOO_MANY = (
        Kind.CONFLICT,
        "More than {limit} issuers would be trusted for '{topic}'; distrust one first.",
    )
    LIST_VERSION_WRONG = (
        Kind.CONFLICT,
        "Version {version} of the list {list_name} cannot follow; {expected} does.",
    )
    NOT_BARRED = (Kind.CONFLICT, "The list {list_name} does not name {identity}.")
    LIST_COUNTS = (
        Kind.CONFLICT,
        "{issuer} is trusted with lists, so it alone clears whom its list {list_name} names.",
    )
    BLOCKS_TOO_MANY = (
        Kind.CONFLICT,
        "{identity} would be named by more than {limit} lists.",
    )
