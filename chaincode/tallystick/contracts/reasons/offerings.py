"""Reasons: offerings and subscriptions."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class OfferingReason(ReasonTable):
    """Offerings and subscriptions."""

    OFFERING_UNKNOWN = (Kind.NOT_FOUND, "There is no offering {offering}.")
    OFFERING_EXISTS = (
        Kind.CONFLICT,
        "Offering {offering} exists already; an id is used once, for ever.",
    )
    OFFERING_TERMS_WRONG = (
        Kind.MALFORMED,
        "The terms of offering {offering} do not fit together: {cause}",
    )
    NOT_THE_OFFEROR = (
        Kind.CALLER,
        "Offering {offering} is that of {issuer}; {participant} cannot {step} it.",
    )
    OFFERING_STATUS = (
        Kind.CONFLICT,
        "Offering {offering} is {state}, and then nobody can {step} it.",
    )
    OFFERING_TOO_EARLY = (
        Kind.RULE,
        "Nobody can {step} offering {offering} before {moment}; it is {now}.",
    )
    OFFERING_TOO_LATE = (
        Kind.RULE,
        "Nobody can {step} offering {offering} from {moment} on; it is {now}.",
    )
    OFFER_DIFFERS = (
        Kind.RULE,
        "The {part} of the offering, {offered}, is not that of {security}: {wanted}.",
    )
    OFFER_PACK_NOT_BOUND = (
        Kind.RULE,
        "Pack {pack}, which the offering names, is not bound to {security}.",
    )
    IDENTIFIER_DIFFERS = (
        Kind.RULE,
        "{security} is not called {scheme} {value}; enter it with amend_security.",
    )
    SOLICITATION_BARRED = (
        Kind.RULE,
        "{security} is offered under {exemption}, which bars general solicitation ({provision}).",
    )
    OFFERING_NOT_APPROVED = (
        Kind.RULE,
        "{security} is offered under {exemption}, which asks for an approval first ({provision}).",
    )
    SUBSCRIPTION_UNKNOWN = (
        Kind.NOT_FOUND,
        "There is no subscription {subscription} to offering {offering}.",
    )
    SUBSCRIPTION_EXISTS = (
        Kind.CONFLICT,
        "Subscription {subscription} to offering {offering} exists already.",
    )
    SUBSCRIPTION_STATUS = (
        Kind.CONFLICT,
        "Subscription {subscription} to offering {offering} is {state}, and then nobody can "
        "{step} it.",
    )
    SUBSCRIPTION_TERMS_DIFFER = (
        Kind.CONFLICT,
        "Subscription {subscription} is for other terms than those of offering {offering}.",
    )
    SUBSCRIPTION_FEES_DIFFER = (
        Kind.CONFLICT,
        "Subscription {subscription} to offering {offering} accepts version {accepted} of the fees "
        "of {intermediary}, and version {published} is in force, where 0 is none; let its signer "
        "read fees, and sign the order anew.",
    )
    SUBSCRIPTION_SIZE = (
        Kind.RULE,
        "A subscription to offering {offering} is for {minimum} to {maximum} units, in multiples "
        "of {multiple}; it is for {quantity}.",
    )
    SUBSCRIBER_NOT_ELIGIBLE = (
        Kind.RECEIVER,
        "{holder} may not subscribe to offering {offering}: {cause}",
    )
    SUBSCRIBER_NOT_REPRESENTED = (
        Kind.CALLER,
        "{signer} cannot order for {party} in offering {offering}: {cause}",
    )
    NOT_THE_INTERMEDIARY = (
        Kind.CALLER,
        "Subscription {subscription} runs through {intermediary}; {participant} cannot {step} it.",
    )
    ORDER_LAPSED = (
        Kind.SENDER,
        "The order of subscription {subscription} counts no more: {cause} Its signer can confirm "
        "it with confirm_subscription.",
    )
    COOLING_OFF_OVER = (
        Kind.RULE,
        "Subscription {subscription} could be cancelled until {moment}; it is {now}.",
    )
    NOTHING_ALLOTTED = (
        Kind.RULE,
        "Nothing is allotted to subscription {subscription} to offering {offering}.",
    )
    UNITS_ALLOTTED = (
        Kind.CONFLICT,
        "Units are allotted to subscription {subscription} to offering {offering}; its money goes "
        "back when it is rejected, or from {moment} on.",
    )
    ALLOTMENT_OUT_OF_BOUNDS = (
        Kind.RULE,
        "Subscription {subscription} may be allotted {least} to {most} units, in multiples of "
        "{multiple}, or none; not {quantity}.",
    )
    HARD_CAP_EXCEEDED = (
        Kind.RULE,
        "{quantity} units are allotted in offering {offering}; its hard cap is {limit}.",
    )
    ALLOCATION_NOT_DISCRETIONARY = (
        Kind.RULE,
        "Offering {offering} is allocated {rule}; nobody allots by discretion.",
    )
    PAYMENT_OUTSTANDING = (
        Kind.RULE,
        "{quantity} units of offering {offering} are paid, of {limit} allotted; payment is "
        "possible until {moment}.",
    )
    ISSUE_OUTSTANDING = (
        Kind.CONFLICT,
        "Subscription {subscription} to offering {offering} is paid and not issued; issue it, or "
        "reject it.",
    )
    RECEIPT_NOT_TAKEN = (
        Kind.RULE,
        "Offering {offering} takes no receipts of {bank}; its terms say whose it takes.",
    )
    BOOK_TOO_LARGE = (
        Kind.RULE,
        "Offering {offering} has more than {limit} subscriptions; reject some.",
    )
