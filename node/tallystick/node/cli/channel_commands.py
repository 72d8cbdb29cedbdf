"""The commands about channels and their policies."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import (
    CALLER,
    NETWORK,
    ORGANIZATION,
    OUTPUT,
    TOPOLOGY,
    Argument,
)
from tallystick.node.cli.command import Command, Group

CHANNEL: Final = Group(
    "channel",
    "The channel and its configuration",
    (
        Command(
            "genesis",
            "Build the first block of a channel",
            "tallystick.node.cli.channel:genesis",
            ("genesis --material ./crypto --output genesis.block",),
            (
                TOPOLOGY,
                Argument(
                    name="--material",
                    type=Path,
                    required=True,
                    metavar="DIRECTORY",
                    help="folder with the organisations' keys, by MSP id",
                ),
                OUTPUT,
            ),
        ),
        Command(
            "inspect",
            "Print the configuration in a block",
            "tallystick.node.cli.channel:inspect",
            ("inspect .tallystick/genesis.block",),
            (Argument(name="block", type=Path, metavar="FILE", help="a configuration block"),),
        ),
        Command(
            "join",
            "Make an organisation's peer join a channel",
            "tallystick.node.cli.channel:join",
            ("join genesis.block --as ClearingMSP",),
            (
                Argument(name="block", type=Path, metavar="FILE", help="the channel's first block"),
                NETWORK,
                ORGANIZATION,
            ),
        ),
        Command(
            "list",
            "List the channels of an organisation's peer",
            "tallystick.node.cli.channel:list_channels",
            ("list --as ClearingMSP",),
            (NETWORK, ORGANIZATION),
        ),
        Command(
            "info",
            "Print the height and the last hash of the channel at a peer",
            "tallystick.node.cli.channel:info",
            ("info --as ClearingMSP",),
            CALLER,
        ),
    ),
)
POLICY: Final = Group(
    "policy",
    "Who must sign what",
    (
        Command(
            "explain",
            "Tell which signatures a transaction had, and which it needed",
            "tallystick.node.cli.policy:explain",
            ("explain 4a9f…", "explain 4a9f… --as ClearingMSP"),
            (
                Argument(
                    name="transaction",
                    metavar="TXID",
                    help="id of a committed transaction, valid or not",
                ),
                *CALLER,
            ),
        ),
    ),
)
