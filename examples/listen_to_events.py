"""Prints what the token contract reports, from where the last run stopped; Ctrl-C ends it.

Run it beside a network: python examples/listen_to_events.py
"""

from pathlib import Path

from tallystick.chaincode.events import unpack
from tallystick.client.checkpoint import FileCheckpointer
from tallystick.client.errors import EventStreamError
from tallystick.client.sync import Gateway

PROFILE = Path(".tallystick/profiles/RegulatorMSP.json")
CHECKPOINT = Path("token-events.json")


def main() -> None:
    """Print each event, then save the place after it: a crash in between repeats an event."""
    checkpointer = FileCheckpointer(CHECKPOINT)
    with Gateway.from_profile(PROFILE) as gateway:
        stream = gateway.network().chaincode_events("token", start_block=0, checkpoint=checkpointer)
        with stream as events:
            for event in events:
                for record in unpack(event.payload):
                    print(f"block {event.block_number}: {record.type} {record.data}")
                checkpointer.save(event.checkpoint)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped; the next run goes on from here")
    except EventStreamError as error:
        print(f"{error}; start again when the peer is back")
