"""What identities sign: corporate actions."""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.statements.base import Statement

MAX_VOTES = 1000


class DistributionFunded(Statement):
    """I pay what holders get by an action; it waits for them, and cannot be used otherwise."""

    contract = "settlement"
    kind = "fund_action"

    action: Identifier
    payer: Identifier
    cash: Identifier
    amount: Quantity


class EntitlementClaimed(Statement):
    """I want what an action gives me."""

    contract = "settlement"
    kind = "claim_entitlement"

    action: Identifier
    holder: Identifier


class Vote(Model):
    """So many units for one choice about a resolution."""

    resolution: Identifier
    choice: Identifier
    units: Quantity


class VotesCast(Statement):
    """I vote: my units as I say, or, as an intermediary, as those say for whom I hold them.

    Attributes:
        votes: Those on one resolution may be for different choices, and fewer than the units.
    """

    contract = "settlement"
    kind = "cast_votes"

    action: Identifier
    holder: Identifier
    votes: Annotated[tuple[Vote, ...], Field(min_length=1, max_length=MAX_VOTES)]
