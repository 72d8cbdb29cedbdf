"""The events in a transaction, as readers of blocks find them."""

from typing import NamedTuple

from tallystick.chaincode.events import EVENT_NAME, unpack
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import LedgerEvent, read_event


class Told(NamedTuple):
    """What a transaction tells.

    Attributes:
        events: In the order in which they happened.
        unknown: Kinds and versions that this program does not know, being older than they are.
    """

    events: tuple[LedgerEvent, ...] = ()
    unknown: tuple[str, ...] = ()


NOTHING_TOLD = Told()
_MARKET = frozenset(map(str, Chaincode))


def told_by(chaincode: str, event_name: str, payload: bytes) -> Told:
    """Return what a transaction tells that entered by a chaincode and has this event.

    A chaincode that is none of the market's may say what it likes: it tells nothing here.

    Raises:
        pydantic.ValidationError: One of the market's contracts told what is no event.
    """
    if chaincode not in _MARKET or event_name != EVENT_NAME:
        return NOTHING_TOLD
    events, unknown = [], []
    for record in unpack(payload):
        event = read_event(record)
        if event is None:
            unknown.append(f"{record.type} version {record.version}")
        else:
            events.append(event)
    return Told(tuple(events), tuple(unknown))
