"""What ``tally`` can do: names, help, arguments, and which function does it."""

from typing import Final

from tallystick.node.cli.arguments import (
    CALLER,
    CONFIG,
    NETWORK,
    TOPOLOGY,
    Argument,
    assignment,
    natural,
)
from tallystick.node.cli.chaincode_commands import CHAINCODE
from tallystick.node.cli.channel_commands import CHANNEL, POLICY
from tallystick.node.cli.channel_setting_commands import ORGANIZATION_GROUP
from tallystick.node.cli.command import Command, Group
from tallystick.node.cli.crypto_commands import CRYPTO
from tallystick.node.cli.ledger_commands import LEDGER
from tallystick.node.cli.node_commands import BACKUP, DOCTOR, RESTORE
from tallystick.node.cli.register_commands import REGISTER
from tallystick.node.cli.snapshot_commands import SNAPSHOT

_CALL: Final = (
    Argument(name="chaincode", metavar="CHAINCODE", help="the chaincode to call"),
    Argument(name="function", metavar="FUNCTION", help="its function"),
    Argument(
        name="arguments",
        metavar="ARGUMENT",
        nargs="*",
        help="text as it is, everything else as JSON",
    ),
    Argument(
        name="--transient",
        type=assignment,
        action="append",
        metavar="KEY=VALUE",
        help="data that must not reach the ledger; may be repeated",
    ),
    Argument(
        name="--endorser",
        action="append",
        metavar="MSP_ID",
        help="organisation whose peer is to run the chaincode; may be repeated; by default the"
        " peer chooses",
    ),
    *CALLER,
)
_LINES: Final = Argument(
    name="--lines", type=natural, default=20, metavar="N", help="how many lines (default: 20)"
)
_ORDERERS: Final = Argument(
    name="--orderers",
    type=natural,
    metavar="N",
    help="how many orderers a new network has, each of another organisation; more than one share"
    " their order through etcd, which must be installed",
)
_FREE_PORTS: Final = Argument(
    name="--free-ports",
    action="store_true",
    help="let the nodes of a new network listen on ports that are free, so that several networks"
    " run on this machine",
)
_CLUSTER: Final = Group(
    "cluster",
    "A whole network on this machine",
    (
        Command(
            "up",
            "Start the network; make it first if there is none",
            "tallystick.node.cli.cluster:up",
            (
                "up",
                "up --orderers 3",
                "up --topology my-network.toml --network ./my-network",
                "up --free-ports --network ./second",
            ),
            (TOPOLOGY, _ORDERERS, _FREE_PORTS, NETWORK),
        ),
        Command(
            "down",
            "Stop all nodes; ledgers and keys stay",
            "tallystick.node.cli.cluster:down",
            ("down", "down --remove"),
            (
                NETWORK,
                Argument(
                    name="--remove",
                    action="store_true",
                    help="delete ledgers and keys too: the network is gone then",
                ),
            ),
        ),
        Command(
            "restart",
            "Stop nodes and start them again, one after the other",
            "tallystick.node.cli.cluster:restart",
            ("restart", "restart peer0.ats.example"),
            (
                Argument(
                    name="nodes",
                    nargs="*",
                    metavar="NODE",
                    help="host name or MSP id; default: all nodes",
                ),
                NETWORK,
            ),
        ),
        Command(
            "status",
            "Tell which nodes run, and whether they work",
            "tallystick.node.cli.cluster:status",
            ("status",),
            (NETWORK,),
        ),
        Command(
            "logs",
            "Show the end of the nodes' logs",
            "tallystick.node.cli.cluster:logs",
            ("logs", "logs peer0.ats.example --lines 100", "logs ATSMSP --follow"),
            (
                Argument(
                    name="node",
                    nargs="?",
                    metavar="NODE",
                    help="host name or MSP id; default: all nodes",
                ),
                _LINES,
                Argument(
                    name="--follow",
                    action="store_true",
                    help="go on with what the nodes write, until Ctrl-C",
                ),
                NETWORK,
            ),
        ),
    ),
)
_INVOKE: Final = Command(
    "invoke",
    "Submit a transaction and wait until it is committed",
    "tallystick.node.cli.calls:invoke",
    ("invoke token pause ACME 'by order of the court' --as TransferAgentMSP",),
    _CALL,
)
_QUERY: Final = Command(
    "query",
    "Ask a chaincode; the ledger does not change",
    "tallystick.node.cli.calls:query",
    ("query token balance_of ACME alice", "query token org.hyperledger.fabric:GetMetadata"),
    _CALL,
)
_EVENTS: Final = Command(
    "events",
    "Print the events of a chaincode, one JSON object a line, until interrupted",
    "tallystick.node.cli.calls:events",
    ("events settlement", "events token --from-block 0 --count 10"),
    (
        Argument(name="chaincode", metavar="CHAINCODE", help="the chaincode"),
        Argument(
            name="--from-block",
            type=natural,
            metavar="N",
            help="first block; default: the next to be committed",
        ),
        Argument(name="--count", type=natural, metavar="N", help="stop after so many events"),
        *CALLER,
    ),
)
_PEER: Final = Group(
    "peer",
    "A peer",
    (
        Command(
            "start",
            "Run a peer until SIGTERM",
            "tallystick.node.cli.peer:start",
            ("start --config peer.toml",),
            (CONFIG,),
        ),
    ),
)
_ORDERER: Final = Group(
    "orderer",
    "An orderer",
    (
        Command(
            "start",
            "Run an orderer until SIGTERM",
            "tallystick.node.cli.orderer:start",
            ("start --config orderer.toml",),
            (CONFIG,),
        ),
    ),
)
_DEMO: Final = Command(
    "demo",
    "Run a network and settle a trade on it, told step by step",
    "tallystick.node.cli.demo:run",
    ("demo",),
)

GROUPS: Final[tuple[Group | Command, ...]] = (
    _CLUSTER,
    _INVOKE,
    _QUERY,
    _EVENTS,
    REGISTER,
    LEDGER,
    SNAPSHOT,
    _PEER,
    _ORDERER,
    CRYPTO,
    CHANNEL,
    ORGANIZATION_GROUP,
    CHAINCODE,
    POLICY,
    DOCTOR,
    BACKUP,
    RESTORE,
    _DEMO,
)
