"""The states of a corporate action: one table. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.contracts.reasons import ActionReason


class Status(StrEnum):
    """Where an action stands."""

    ANNOUNCED = "announced"
    """By the issuer."""
    CONFIRMED = "confirmed"
    """By the transfer agent: its record date is set."""
    ENTERED = "entered"
    """Everybody's entitlement is."""
    FUNDED = "funded"
    """The money for all of them waits for the action; or units are being issued."""
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """What is done with an action, in words that complete "nobody can … it"."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    ENTER = "enter"
    FUND = "fund"
    PAY_UNITS = "distribute"
    PAY_MONEY = "pay"
    RECLAIM = "reclaim"
    CLAIM = "raise or resolve a market claim on"
    SPLIT = "execute"
    VOTE = "vote on"
    COUNT = "count"


TRANSITIONS: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.ANNOUNCED, Step.CONFIRM): Status.CONFIRMED,
        (Status.ANNOUNCED, Step.CANCEL): Status.CANCELLED,
        (Status.CONFIRMED, Step.CANCEL): Status.CANCELLED,
        (Status.CONFIRMED, Step.ENTER): Status.CONFIRMED,
        (Status.CONFIRMED, Step.SPLIT): Status.CLOSED,
        (Status.CONFIRMED, Step.VOTE): Status.CONFIRMED,
        (Status.CONFIRMED, Step.COUNT): Status.CLOSED,
        (Status.ENTERED, Step.CANCEL): Status.CANCELLED,
        (Status.ENTERED, Step.FUND): Status.FUNDED,
        (Status.ENTERED, Step.PAY_UNITS): Status.FUNDED,
        (Status.FUNDED, Step.PAY_UNITS): Status.FUNDED,
        (Status.FUNDED, Step.PAY_MONEY): Status.FUNDED,
        (Status.ENTERED, Step.CLAIM): Status.ENTERED,
        (Status.FUNDED, Step.CLAIM): Status.FUNDED,
        (Status.FUNDED, Step.RECLAIM): Status.CLOSED,
    }
)
"""Where a step leads; what is not there is refused. ``ENTER`` leads on once nobody is missing."""


def after(action: str, status: Status, step: Step) -> Status:
    """Return the status after a step; refuse with ACTION_STATUS when it is not possible."""
    following = TRANSITIONS.get((status, step))
    if following is None:
        raise ActionReason.ACTION_STATUS.refusal(action=action, state=status, step=step)
    return following
