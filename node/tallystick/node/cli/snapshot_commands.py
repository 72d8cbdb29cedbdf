"""The commands about ledger snapshots."""

from typing import Final

from tallystick.node.cli.arguments import CHANNEL_ID, NETWORK, ORGANIZATION, Argument, natural
from tallystick.node.cli.command import Command, Group

_WHERE: Final = (NETWORK, ORGANIZATION, CHANNEL_ID)

SNAPSHOT: Final = Group(
    "snapshot",
    "Snapshots of a channel's ledger, made by an organisation's peer",
    (
        Command(
            "request",
            "Make a snapshot after the last block, or ask for one after a later block",
            "tallystick.node.cli.snapshot:request",
            ("request --as ClearingMSP", "request --after 9000"),
            (
                Argument(
                    name="--after",
                    type=natural,
                    metavar="N",
                    help="the block; by default the last one, and the command waits for the files",
                ),
                *_WHERE,
            ),
        ),
        Command(
            "list",
            "List what is asked for and not there yet",
            "tallystick.node.cli.snapshot:list_pending",
            ("list --as ClearingMSP",),
            _WHERE,
        ),
        Command(
            "cancel",
            "Withdraw a request",
            "tallystick.node.cli.snapshot:cancel",
            ("cancel 9000 --as ClearingMSP",),
            (Argument(name="block", type=natural, metavar="N", help="its block"), *_WHERE),
        ),
    ),
)
