"""The registers as events tell them, beside the state that the same blocks leave. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import UnitsTransferred
from tallystick.contracts.instants import instant_from_ns
from tallystick.contracts.register.models import Security
from tallystick.contracts.replay import (
    Decisions,
    Difference,
    Directory,
    Register,
    count_differences,
    differences,
    miscounted,
)
from tallystick.contracts.replay.lineage import Movement, lineage
from tallystick.contracts.replay.transactions import told_by
from tallystick.node.ledger.committed import is_endorser_transaction, recorded_codes
from tallystick.node.ledger.past_state import PastState, Places
from tallystick.protos.common.common_pb2 import Block, Envelope
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.transaction_pb2 import VALID
from tallystick.wire.envelope import chaincode_action_of, channel_header_of
from tallystick.wire.messages import decode

_FOLLOWED: Final[Places] = {Chaincode.TOKEN: None, Chaincode.IDENTITY: None}
_SHOWN_BYTES: Final = 120


@dataclass(slots=True)
class RegisterAudit:
    """Follows a channel block by block, from the first one on.

    Attributes:
        register: Who holds what, as the events of valid transactions tell it.
        directory: Who is who and may do what, likewise.
        decisions: Which decisions there were, likewise.
        unknown: Kinds of events that this program is too old for.
        traced: The security whose movements are kept; None for none.
        movements: Those movements, in ledger order.
    """

    register: Register = field(default_factory=Register)
    directory: Directory = field(default_factory=Directory)
    decisions: Decisions = field(default_factory=Decisions)
    unknown: set[str] = field(default_factory=set)
    traced: str | None = None
    movements: list[Movement] = field(default_factory=list)
    _state: PastState = field(default_factory=lambda: PastState(_FOLLOWED))

    def apply(self, block: Block) -> None:
        """Take in the next block.

        Raises:
            MalformedMessageError: A valid transaction cannot be read.
        """
        self._state.apply(block)
        for code, entry in zip(recorded_codes(block), block.data.data, strict=True):
            if code == VALID and is_endorser_transaction(entry):
                self._listen(block.header.number, entry)

    def rows_of(self, chaincode: Chaincode) -> Iterator[tuple[str, bytes]]:
        """Yield the public rows of a contract as the transactions wrote them."""
        for key, held in self._state.range(chaincode, "", ""):
            yield key, held.value

    def securities(self) -> list[str]:
        """Return the names of the securities that the register has, in order."""
        rows = self.register.rows.values()
        return sorted(row.terms.security for row in rows if isinstance(row, Security))

    def findings(self) -> Iterator[str]:
        """Yield, as lines for people, where events and state disagree; nothing when they agree."""
        for kind in sorted(self.unknown):
            yield (
                f"events of kind {kind} are of another version than this program reads: use the one"
                " that knows them"
            )
        token, identity = map(self.rows_of, (Chaincode.TOKEN, Chaincode.IDENTITY))
        found = differences(self.register.rows, token)
        found += count_differences(self.register.positions, self.rows_of(Chaincode.TOKEN))
        found += differences(self.directory.rows, identity)
        for each in found:
            yield f"{' '.join(each.place)}: events tell {_shown(each.told)}, {_held(each)}"
        for place, wrong in self.decisions.findings(
            self.register.rows, self.rows_of(Chaincode.TOKEN)
        ):
            yield f"decision {' '.join(place)}: {wrong}"
        for security in miscounted(self.register.rows, self.rows_of(Chaincode.TOKEN)):
            yield f"persons {security}: the state counts holders otherwise than events tell them"

    def _listen(self, block_number: int, entry: bytes) -> None:
        envelope = decode(Envelope, entry)
        event = decode(ChaincodeEvent, chaincode_action_of(envelope.payload).events)
        told = told_by(event.chaincode_id, event.event_name, event.payload)
        self.unknown.update(told.unknown)
        header = channel_header_of(envelope)
        moment = instant_from_ns(header.timestamp.ToNanoseconds())
        self.register.apply(told.events, moment)
        self.directory.apply(told.events, moment, header.tx_id)
        self.decisions.apply(told.events, header.tx_id)
        self.movements += [
            Movement(block_number, header.tx_id, each)
            for each in told.events
            if isinstance(each, UnitsTransferred) and each.security == self.traced
        ]

    def trace(self, holder: str) -> Iterator[str]:
        """Yield, as lines for people, how units of the traced security came to a holder."""
        for block_number, transaction_id, event in lineage(self.movements, holder):
            sides = f"{event.sender or 'issue'} → {event.receiver}"
            reason = f", document {event.document_hash}" if event.document_hash else ""
            yield (
                f"block {block_number}  {transaction_id}  {sides}  {event.quantity}"
                f"  {event.basis} by {event.actor}{reason}"
            )


def _held(difference: Difference) -> str:
    return f"the state holds {_shown(difference.held)}"


def _shown(value: bytes | None) -> str:
    if value is None:
        return "nothing"
    text = value.decode(errors="replace")
    return text if len(text) <= _SHOWN_BYTES else f"{text[:_SHOWN_BYTES]}…"
