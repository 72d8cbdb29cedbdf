"""The commands about channels and their policies."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import (
    CALLER,
    CHANNEL_ID,
    MSP_DIRECTORY,
    NETWORK,
    ORGANIZATION,
    OUTPUT,
    PROFILE,
    SIGNERS,
    TOPOLOGY,
    Argument,
    count,
    duration_s,
    endpoint,
)
from tallystick.node.cli.channel_setting_commands import CREATE, SETTINGS
from tallystick.node.cli.command import Command, Group

_UPDATE: Final = Argument(
    name="update", type=Path, metavar="FILE", help="an update, as `tally channel update` writes it"
)
_READS: Final = (
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
        ("join genesis.block --as ClearingMSP", "join --snapshot /backup/trades/900"),
        (
            Argument(
                name="block", type=Path, nargs="?", metavar="FILE", help="the channel's first block"
            ),
            Argument(
                name="--snapshot",
                type=Path,
                metavar="DIRECTORY",
                help="instead of the block: a snapshot of the channel, in a folder of the peer's"
                " machine",
            ),
            NETWORK,
            ORGANIZATION,
        ),
    ),
    Command(
        "join-orderer",
        "Make an orderer join a channel",
        "tallystick.node.cli.participation:join_orderer",
        ("join-orderer bonds.block", "join-orderer bonds.block --orderer orderer0.orderer.example"),
        (
            Argument(name="block", type=Path, metavar="FILE", help="the channel's first block"),
            Argument(
                name="--orderer",
                metavar="NODE",
                help="host name or MSP id; default: the network's first orderer",
            ),
            NETWORK,
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
)
_CHANGES: Final = (
    Command(
        "fetch-config",
        "Write the configuration in force to a file",
        "tallystick.node.cli.channel_update:fetch_config",
        ("fetch-config --output config.pb",),
        (OUTPUT, *CALLER),
    ),
    Command(
        "update",
        "Write the update that leads from one configuration to another",
        "tallystick.node.cli.channel_update:update",
        ("update config.pb edited.pb --output update.pb",),
        (
            Argument(name="original", type=Path, metavar="ORIGINAL", help="what is in force"),
            Argument(name="updated", type=Path, metavar="UPDATED", help="what is wanted"),
            OUTPUT,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "sign",
        "Add an administrator's signature to an update",
        "tallystick.node.cli.channel_update:sign",
        ("sign update.pb --as ClearingMSP", "sign update.pb --as ClearingMSP --msp ./admin/msp"),
        (
            _UPDATE,
            Argument(
                name="--msp",
                type=Path,
                metavar="DIRECTORY",
                help="the administrator's MSP directory; default: the one in the network's",
            ),
            NETWORK,
            ORGANIZATION,
        ),
    ),
    Command(
        "collect",
        "Add to an update the signatures that administrators gave to its copies",
        "tallystick.node.cli.channel_update:collect",
        ("collect update.pb from-clearing.pb from-bank.pb",),
        (
            _UPDATE,
            Argument(
                name="copies", nargs="+", type=Path, metavar="COPY", help="the same update, signed"
            ),
        ),
    ),
    Command(
        "submit",
        "Sign an update as the last one, and put it into force",
        "tallystick.node.cli.channel_update:submit",
        ("submit update.pb --as ATSMSP", "submit update.pb --profile admin.json"),
        (_UPDATE, NETWORK, ORGANIZATION, PROFILE, CHANNEL_ID),
    ),
    Command(
        "add-org",
        "Let an organisation join the channel",
        "tallystick.node.cli.channel_update:add_organization",
        ("add-org CustodianMSP --msp ./CustodianMSP/msp --anchor custodian.example:7051",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="name of its MSP"),
            MSP_DIRECTORY,
            Argument(
                name="--anchor",
                type=endpoint,
                action="append",
                metavar="HOST:PORT",
                help="a peer of it, for others to reach; may be repeated",
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-batch",
        "Change when the orderer closes a block",
        "tallystick.node.cli.channel_update:set_batch",
        ("set-batch --max-messages 200", "set-batch --timeout-s 0.5"),
        (
            Argument(
                name="--timeout-s",
                type=duration_s,
                metavar="SECONDS",
                help="a transaction waits at most so long",
            ),
            Argument(name="--max-messages", type=count, metavar="N", help="most in a block"),
            Argument(
                name="--preferred-bytes",
                type=count,
                metavar="N",
                help="size that a block should not exceed",
            ),
            Argument(
                name="--absolute-bytes",
                type=count,
                metavar="N",
                help="size that no envelope may exceed",
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "revoke",
        "Revoke a certificate of an organisation",
        "tallystick.node.cli.channel_update:revoke",
        ("revoke .tallystick/crypto/BankMSP/users/client/msp --as BankMSP",),
        (
            Argument(
                name="certificate",
                type=Path,
                metavar="PATH",
                help="PEM file, or MSP directory with signcerts",
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
            ORGANIZATION,
        ),
    ),
)
CHANNEL: Final = Group(
    "channel",
    "The channel and its configuration",
    (*_READS, CREATE, *_CHANGES, *SETTINGS),
)
POLICY: Final = Group(
    "policy",
    "Who must sign what",
    (
        Command(
            "explain",
            "Tell which signatures a transaction had, and which it needed",
            "tallystick.node.cli.policy:explain",
            ("explain 4a9f…", "explain 4a9f… --as ClearingMSP", "explain 9"),
            (
                Argument(
                    name="transaction",
                    metavar="TXID",
                    help="id of a committed transaction, valid or not; or the number of a block"
                    " that changed the configuration",
                ),
                *CALLER,
            ),
        ),
        Command(
            "explain-update",
            "Tell which signatures a configuration update has, and who is still to sign",
            "tallystick.node.cli.policy:explain_update",
            ("explain-update update.pb", "explain-update update.pb --config config.pb"),
            (
                _UPDATE,
                Argument(
                    name="--config",
                    type=Path,
                    metavar="FILE",
                    help="the configuration in force, as `tally channel fetch-config` writes it;"
                    " default: ask a peer",
                ),
                *CALLER,
            ),
        ),
    ),
)
