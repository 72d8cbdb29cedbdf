"""The register and the accounts as events and entries tell them, beside the rows of a ledger."""

from dataclasses import dataclass, field

from tests.scenarios.block_calls import calls_of
from tests.scenarios.conftest import CASH
from tests.scenarios.height_rows import entries_of, rows_of_cash

from tallystick.contracts.events import EntryMade
from tallystick.contracts.replay import Money, Occasion, differences
from tallystick.node.cli.register_audit import RegisterAudit
from tallystick.node.ledger.state import StateView
from tallystick.protos.common.common_pb2 import Block


@dataclass(slots=True)
class ToldBooks:
    """Follows a ledger block by block, from the first one on."""

    register: RegisterAudit = field(default_factory=RegisterAudit)
    money: Money = field(default_factory=Money)

    def follow(self, block: Block, state: StateView) -> list[str]:
        """Take in the next block; return where what was told is not what is so after it.

        Args:
            state: After the block, of a peer that has the accounts.
        """
        self.register.apply(block)
        for call in calls_of(block):
            entries = tuple(entries_of(state, CASH, call.transaction_id))
            told = (
                entries[event.number] if isinstance(event, EntryMade) else event
                for event in call.events
            )
            self.money.apply(told, Occasion(call.transaction_id, call.moment))
        found = differences(self.money.rows, rows_of_cash(state))
        return [*self.register.findings(), *(" ".join(each.place) for each in found)]
