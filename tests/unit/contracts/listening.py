"""A market whose events are kept, from its first act on."""

from dataclasses import dataclass, field
from typing import Self

from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.models import Model
from tallystick.contracts.testing import Market


@dataclass
class ListeningMarket(Market):
    """Keeps what each act told, and when, until it is taken."""

    outcomes: list[tuple[Outcome, Instant]] = field(default_factory=list)

    def fork(self) -> Self:
        """Return a market with the same past, told of it as well, which goes on by itself."""
        other = super().fork()
        other.outcomes = list(self.outcomes)
        return other

    def submit(
        self,
        participant: str,
        chaincode: str,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        outcome = super().submit(participant, chaincode, function, *arguments, **secrets)
        self.outcomes.append((outcome, instant(self.ledger.now)))
        return outcome

    def take_outcomes(self) -> list[tuple[Outcome, Instant]]:
        taken, self.outcomes = self.outcomes, []
        return taken
