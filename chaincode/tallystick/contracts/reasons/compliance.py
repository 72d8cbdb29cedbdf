"""Reasons: what rules hold against a movement of units, and what is amiss with rules."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class ComplianceReason(ReasonTable):
    """What rules hold against a movement of units, and what is amiss with rules."""

    SECURITY_PAUSED = (Kind.HALTED, "{security} is paused: {reason}.")
    RULES_MISSING = (Kind.HALTED, "Nothing says to whom {security} may go: no rules are bound.")
    SENDER_NOT_VERIFIED = (Kind.SENDER, "{holder} may not part with {asset} now. {cause}")
    RECEIVER_NOT_VERIFIED = (Kind.RECEIVER, "{holder} may not receive {asset}. {cause}")
    SENDER_FROZEN = (Kind.SENDER, "The holding of {holder} in {asset} is frozen: {reason}.")
    RECEIVER_FROZEN = (
        Kind.RECEIVER,
        "{holder} is frozen in {asset} and may not receive any: {reason}.",
    )
    SENDER_NOT_ELIGIBLE = (Kind.SENDER, "{holder} may not part with {asset}: {lack}.")
    RECEIVER_NOT_ELIGIBLE = (Kind.RECEIVER, "{holder} may not receive {asset}: {lack}.")
    RECEIVER_NOT_WILLING = (Kind.RECEIVER, "{holder} has not said that it wants {asset}.")
    RESIDENCE_UNKNOWN = (
        Kind.RULE,
        "{holder} may not deal with {asset}: no live claim on {topic} says where it resides.",
    )
    RESIDENCE_BARRED = (Kind.RULE, "{holder}, who resides in {residence}, may not hold {asset}.")
    PRODUCT_UNSUITABLE = (
        Kind.RECEIVER,
        "{asset} does not suit {holder}: it needs a claim on {topic} of level {level}.",
    )
    PRODUCT_NOT_CLASSED = (
        Kind.RULE,
        "Nobody can say whom {security} suits: the catalogue gives it no class of risk.",
    )
    CONFIRMATION_STALE = (
        Kind.RULE,
        "{holder} may not deal with {asset} across borders: no claim on {topic} is younger than"
        " {window}.",
    )
    DISCLOSURE_OVERDUE = (
        Kind.HALTED,
        "Document {document} of {security} was due {due} and is not there.",
    )
    VENUE_REQUIRED = (Kind.RULE, "{security} changes hands at venues only.")
    VENUE_NOT_ADMITTED = (Kind.RULE, "{venue} is not a venue that {security} admits.")
    VENUE_NOT_LICENSED = (
        Kind.RULE,
        "{venue} may not let an investor of {country} trade {security}: it has no licence there.",
    )
    APPROVAL_MISSING = (
        Kind.RULE,
        "{given} of {quorum} approvals cover {quantity} of {security} from {sender} to {receiver}.",
    )
    LOT_LOCKED = (
        Kind.LOCKED,
        "{quantity} of {asset} that {holder} holds since {since} are locked until {until}.",
    )
    RESALE_RESTRICTED = (
        Kind.LOCKED,
        "{quantity} of {asset} that {holder} holds since {since} may not go to {receiver} until"
        " {until}.",
    )
    HOLDING_ABOVE_LIMIT = (
        Kind.RECEIVER,
        "{holder} would have {quantity} of {asset}; at most {limit} are allowed.",
    )
    HOLDING_BELOW_MINIMUM = (
        Kind.RULE,
        "{holder} would have {quantity} of {asset}; who has any has at least {least}.",
    )
    FULL_EXIT_ONLY = (Kind.SENDER, "{holder} sends all of {asset} or none; {left} would be left.")
    HOLDERS_TOO_MANY = (
        Kind.RECEIVER,
        "With {holder}, {security} would have {count} {kind}; at most {limit} are allowed.",
    )
    VOLUME_EXCEEDED = (
        Kind.SENDER,
        "{holder} would give away {quantity} of {asset} within {window}; at most {limit} are"
        " allowed.",
    )
    WEEK_NOT_OVER = (
        Kind.CONFLICT,
        "What was traded in {security} in the week that begins on {week} is known when it is over.",
    )
    RAISE_EXCEEDED = (
        Kind.RULE,
        "With this issue of {security}, {amount} would be raised under {exemption} within {window};"
        " at most {limit} are allowed.",
    )
    SECONDARY_EXCEEDED = (
        Kind.SENDER,
        "With this sale of {security} by {holder}, holders would have sold for {amount} in"
        " offerings under {exemption} within {window}; at most {limit} are allowed.",
    )
    PURCHASERS_TOO_MANY = (
        Kind.RECEIVER,
        "With {holder}, {count} would buy {security} under {exemption} within {window}; at most"
        " {limit} are allowed.",
    )
    INVESTMENT_EXCEEDED = (
        Kind.RECEIVER,
        "With this issue of {security}, {holder} would have invested {amount} under {exemption};"
        " at most {limit} are allowed.",
    )
    RULE_UNKNOWN = (Kind.NOT_FOUND, "There is no rule {rule}.")
    RULE_PARAMETERS_WRONG = (Kind.MALFORMED, "The parameters of {rule} are wrong: {cause}.")
    PROVISION_MISSING = (
        Kind.MALFORMED,
        "Pack {pack} says for rule {rule} a {parameter}, and not which provision it comes from.",
    )
    PACK_UNKNOWN = (Kind.NOT_FOUND, "There is no version {version} of pack {pack}.")
    PACK_EXISTS = (Kind.CONFLICT, "Version {version} of pack {pack} exists and stays as it is.")
    LAW_MUST_STAY = (
        Kind.CALLER,
        "{actor} may set its own rules for {security}, but not change its {part}.",
    )
    NOT_THE_ISSUER = (Kind.CALLER, "{actor} is not the issuer of {security}.")
    RULES_TOO_MANY = (
        Kind.CONFLICT,
        "{security} would have {rules} rules; at most {limit} can be bound.",
    )
    RULES_TOO_LARGE = (
        Kind.CONFLICT,
        "The rules of {security} would take {size} bytes; at most {limit} can be bound.",
    )
    APPROVAL_UNKNOWN = (
        Kind.NOT_FOUND,
        "Nothing of {security} is approved to go from {sender} to {receiver}.",
    )
    APPROVAL_DIFFERS = (
        Kind.CONFLICT,
        "What others approved of {security} from {sender} to {receiver} differs from this.",
    )
    WAIVER_NOT_PERMITTED = (
        Kind.CALLER,
        "{actor} may approve a transfer, but neither waive rules nor say that it is part of an"
        " offering: who has power {power} approves that first.",
    )
    EXEMPTION_UNKNOWN = (
        Kind.NOT_FOUND,
        "No rule for {security} limits what holders sell in offerings under {exemption}: bind one,"
        " or the pack that has it, or approve the transfer as no part of an offering.",
    )
    NOTHING_TO_RECORD = (Kind.CONFLICT, "Nothing stands against that movement of {security}.")
    DECISION_UNKNOWN = (Kind.NOT_FOUND, "There is no decision {decision} about {security}.")
    DECISION_REVIEWED = (Kind.CONFLICT, "Decision {decision} about {security} was {review}.")
