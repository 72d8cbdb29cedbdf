"""``tally chaincode``: names, help and arguments."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import (
    CALLER,
    CHANNEL_ID,
    DEFINITION,
    NETWORK,
    ORGANIZATION,
    OUTPUT,
    Argument,
    duration_s,
    endpoint,
    natural,
    package_id,
)
from tallystick.node.cli.command import Command, Group

_PACKAGE_SOURCE: Final = (
    Argument(name="entry", metavar="MODULE:CLASS", help="the contract"),
    Argument(
        name="--source",
        type=Path,
        metavar="DIRECTORY",
        help="folder that holds the module; without it, the module must be importable",
    ),
)

_TLS_FILES: Final = (
    Argument(
        name="--tls-certificate",
        type=Path,
        metavar="FILE",
        help="certificate to show to the other side, PEM",
    ),
    Argument(name="--tls-key", type=Path, metavar="FILE", help="the key of that, PEM"),
)

CHAINCODE: Final = Group(
    "chaincode",
    "Chaincodes: from source to a definition in force",
    (
        Command(
            "check",
            "Say what in a contract could differ from peer to peer, or keeps it from running",
            "tallystick.node.cli.chaincode:check",
            ("check my_contract:MyContract --source ./src",),
            _PACKAGE_SOURCE,
        ),
        Command(
            "package",
            "Build the package of a contract",
            "tallystick.node.cli.chaincode:package",
            (
                "package my_contract:MyContract --source ./src --label my_1.0 --output my.tar.gz",
                "package --type ccaas --address cc.example:9999 --label my_1.0 --output my.tar.gz",
            ),
            (
                Argument(
                    name="entry",
                    nargs="?",
                    metavar="MODULE:CLASS",
                    help="the contract, for type python",
                ),
                _PACKAGE_SOURCE[1],
                Argument(name="--label", required=True, help="name for people, such as token_1.0"),
                Argument(
                    name="--type",
                    choices=("python", "ccaas", "external"),
                    default="python",
                    help="python: the peer runs it (default); ccaas: the peer dials it; external:"
                    " it dials the peer",
                ),
                Argument(
                    name="--address",
                    type=endpoint,
                    metavar="HOST:PORT",
                    help="where peers dial chaincode of type ccaas",
                ),
                Argument(
                    name="--dial-timeout",
                    type=duration_s,
                    default=10.0,
                    metavar="SECONDS",
                    help="how long it may take to accept a connection (default: 10)",
                ),
                Argument(
                    name="--tls-roots",
                    type=Path,
                    metavar="FILE",
                    help="authorities of its certificate, PEM; peers then dial with TLS",
                ),
                *_TLS_FILES,
                OUTPUT,
            ),
        ),
        Command(
            "serve",
            "Serve contracts from here, to peers of Fabric or of this project",
            "tallystick.node.cli.chaincode:serve",
            (
                "serve my_contract:MyContract --source ./src --id my_1.0:3f2c… --address :9999",
                "serve my_contract:MyContract --id my_1.0:3f2c… --peer peer0.ats.example:7053",
            ),
            (
                Argument(
                    name="entry", nargs="+", metavar="MODULE:CLASS", help="the contracts to serve"
                ),
                _PACKAGE_SOURCE[1],
                Argument(
                    name="--id",
                    metavar="ID",
                    help="package id under which peers know the chaincode; $CHAINCODE_ID or"
                    " $CORE_CHAINCODE_ID_NAME",
                ),
                Argument(
                    name="--address",
                    metavar="HOST:PORT",
                    help="where peers dial in; $CHAINCODE_SERVER_ADDRESS",
                ),
                Argument(
                    name="--peer", metavar="HOST:PORT", help="peer to dial; $CORE_PEER_ADDRESS"
                ),
                *_TLS_FILES,
                Argument(
                    name="--tls-roots",
                    type=Path,
                    metavar="FILE",
                    help="authorities of the peers, PEM; a server then demands certificates",
                ),
                Argument(
                    name="--threads",
                    type=natural,
                    default=64,
                    metavar="N",
                    help="how many transactions run at the same time (default: 64)",
                ),
            ),
        ),
        Command(
            "install",
            "Install a package on an organisation's peer",
            "tallystick.node.cli.chaincode:install",
            ("install my.tar.gz --as ATSMSP",),
            (
                Argument(name="package", type=Path, metavar="FILE", help="the package"),
                NETWORK,
                ORGANIZATION,
            ),
        ),
        Command(
            "approve",
            "Approve a definition in the name of an organisation",
            "tallystick.node.cli.chaincode:approve",
            (f"approve my --package-id my_1.0:{'3f2c' * 16} --as ATSMSP",),
            (
                *DEFINITION,
                Argument(
                    name="--package-id",
                    type=package_id,
                    metavar="ID",
                    help="package that its peers run; without it they do not endorse",
                ),
                NETWORK,
                ORGANIZATION,
                CHANNEL_ID,
            ),
        ),
        Command(
            "commit",
            "Put a definition into force that enough organisations have approved",
            "tallystick.node.cli.chaincode:commit",
            ("commit my --as ATSMSP",),
            (*DEFINITION, NETWORK, ORGANIZATION, CHANNEL_ID),
        ),
        Command(
            "list",
            "List the definitions in force, and what a peer has installed",
            "tallystick.node.cli.chaincode:list_definitions",
            ("list", "list --as ClearingMSP"),
            (NETWORK, ORGANIZATION, CHANNEL_ID),
        ),
        Command(
            "collections",
            "Print the private data collections of a chaincode, and who may use them",
            "tallystick.node.cli.collections:show",
            ("collections settlement",),
            (Argument(name="name", metavar="NAME", help="the chaincode"), *CALLER),
        ),
        Command(
            "describe",
            "Print the functions of a chaincode and the types of their arguments",
            "tallystick.node.cli.chaincode:describe",
            ("describe token", "describe token --json"),
            (
                Argument(name="name", metavar="NAME", help="the chaincode"),
                Argument(
                    name="--json", action="store_true", help="the whole description, with schemas"
                ),
                *CALLER,
            ),
        ),
    ),
)
