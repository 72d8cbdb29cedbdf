"""The commands about keys and certificates."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import NETWORK, TOPOLOGY, Argument
from tallystick.node.cli.command import Command, Group

_MEMBER: Final = Argument(name="msp_id", metavar="MSP_ID", help="the organisation")
CRYPTO: Final = Group(
    "crypto",
    "Keys and certificates",
    (
        Command(
            "generate",
            "Make the keys and certificates of a network's organisations",
            "tallystick.node.cli.crypto:generate",
            ("generate --topology my-network.toml --output ./crypto",),
            (
                TOPOLOGY,
                Argument(
                    name="--output",
                    type=Path,
                    required=True,
                    metavar="DIRECTORY",
                    help="gets a folder for each organisation",
                ),
            ),
        ),
        Command(
            "organization",
            "Make the keys of one organisation, to join a channel with",
            "tallystick.node.cli.crypto:organization",
            ("organization NewMSP --domain new.example --peer peer0 --output ./new",),
            (
                Argument(name="msp_id", metavar="MSP_ID", help="name of its MSP"),
                Argument(
                    name="--domain", required=True, metavar="NAME", help="domain of its nodes"
                ),
                Argument(
                    name="--peer",
                    action="append",
                    metavar="NAME",
                    help="host name of a peer, without the domain; may be repeated",
                ),
                Argument(
                    name="--host",
                    action="append",
                    metavar="NAME",
                    help="another name or address of the peers, for TLS; may be repeated",
                ),
                Argument(
                    name="--output",
                    type=Path,
                    required=True,
                    metavar="DIRECTORY",
                    help="gets the keys; send its folder msp, which has none, to the channel",
                ),
            ),
        ),
        Command(
            "show",
            "Tell whom a certificate is for, and what it certifies",
            "tallystick.node.cli.crypto:show",
            ("show .tallystick/crypto/ATSMSP/users/client/msp",),
            (
                Argument(
                    name="path",
                    type=Path,
                    metavar="PATH",
                    help="PEM file, or MSP directory with signcerts",
                ),
            ),
        ),
        Command(
            "renew",
            "Issue new certificates to an organisation's nodes and users, from its own CA",
            "tallystick.node.cli.crypto:renew",
            ("renew ATSMSP", "renew ATSMSP peer0.ats.example client@ats.example"),
            (
                _MEMBER,
                Argument(
                    name="names",
                    nargs="*",
                    metavar="NAME",
                    help="host name of a node, or USER@DOMAIN; default: everybody",
                ),
                NETWORK,
            ),
        ),
        Command(
            "new-authorities",
            "Make a new CA and TLS CA of an organisation, beside the old ones",
            "tallystick.node.cli.crypto:new_authorities",
            ("new-authorities ATSMSP",),
            (_MEMBER, NETWORK),
        ),
        Command(
            "drop-authorities",
            "Delete the old CA and TLS CA once no certificate of theirs is in use",
            "tallystick.node.cli.crypto:drop_authorities",
            ("drop-authorities ATSMSP",),
            (_MEMBER, NETWORK),
        ),
    ),
)
