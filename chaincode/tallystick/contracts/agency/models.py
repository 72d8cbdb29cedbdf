"""The row that concerns settlement agency."""

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model


class Agency(Model):
    """Row ``agency (participant, agent)``: the agent settles for the participant.

    Attributes:
        valid_until: From then on it brings no more trades to settlement.
    """

    accepted_at: Instant
    valid_until: Instant
