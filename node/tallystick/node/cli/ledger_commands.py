"""The commands about ledgers on disk, and about two peers' copies of one."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import CALLER, OUTPUT, Argument, natural
from tallystick.node.cli.command import Command, Group

_DIRECTORY: Final = Argument(
    name="directory",
    type=Path,
    metavar="DIRECTORY",
    help="the channel's folder of a node, DATA_DIRECTORY/channels/CHANNEL",
)
_SNAPSHOT: Final = Argument(
    name="--snapshot",
    type=Path,
    metavar="DIRECTORY",
    help="begin with this snapshot in place of the first blocks, which a ledger that joined from"
    " one, or was pruned, does not have",
)
_EXPORT: Final = (
    _DIRECTORY,
    Argument(
        name="--what",
        choices=("blocks", "block-files", "state"),
        default="blocks",
        help="blocks as lines of JSON (the default), blocks as files of Fabric's, into a new"
        " folder, or the state as lines of JSON",
    ),
    Argument(name="--first", type=natural, metavar="N", help="the first block (default: 0)"),
    Argument(name="--last", type=natural, metavar="N", help="the last block (default: the newest)"),
    Argument(
        name="--namespace", default="", metavar="CHAINCODE", help="the state of this chaincode only"
    ),
    Argument(name="--start-key", default="", metavar="KEY", help="the first key of the state"),
    Argument(name="--end-key", default="", metavar="KEY", help="the key before which to stop"),
    OUTPUT,
)
LEDGER: Final = Group(
    "ledger",
    "Ledgers on disk, and two peers' copies of one: check, compare, repair, export",
    (
        Command(
            "verify",
            "Check the blocks of a node, and with --deep do again what its peer made of them",
            "tallystick.node.cli.ledger:verify",
            ("verify data/channels/securities", "verify data/channels/securities --deep"),
            (
                _DIRECTORY,
                Argument(
                    name="--deep",
                    action="store_true",
                    help="validate and commit all blocks again beside the ledger, and compare"
                    " flags, commit hashes and state",
                ),
                Argument(
                    name="--scratch",
                    type=Path,
                    metavar="DIRECTORY",
                    help="where --deep builds its copy, as large as the ledger; default: the"
                    " system's folder for temporary files",
                ),
                _SNAPSHOT,
            ),
        ),
        Command(
            "compare",
            "Find the first block in which two running peers, or two folders, differ",
            "tallystick.node.cli.ledger:compare",
            ("compare --as ATSMSP --with ClearingMSP", "compare a/channels/x b/channels/x"),
            (
                Argument(
                    name="directories",
                    nargs="*",
                    type=Path,
                    metavar="DIRECTORY",
                    help="two channels' folders, in place of two running peers",
                ),
                Argument(
                    name="--with",
                    default="",
                    metavar="MSP_ID",
                    help="the organisation whose peer is compared with that of --as",
                ),
                *CALLER,
            ),
        ),
        Command(
            "rebuild",
            "Make state, history and indexes anew from the blocks of a node that is stopped",
            "tallystick.node.cli.ledger:rebuild",
            ("rebuild data/channels/securities", "rebuild data/channels/securities --from 57"),
            (
                _DIRECTORY,
                Argument(
                    name="--from",
                    type=natural,
                    metavar="N",
                    help="set block N and all after it aside before, to be fetched again",
                ),
                Argument(
                    name="--store",
                    choices=("leveldb", "sqlite"),
                    help="`store` of the node's settings, where the store is lost and it was one of"
                    " SQLite; else the one that is there tells",
                ),
                _SNAPSHOT,
            ),
        ),
        Command(
            "prune",
            "Give up the blocks of a stopped peer that a snapshot stands in for, but their headers",
            "tallystick.node.cli.ledger:prune",
            ("prune data/channels/securities --snapshot data/snapshots/completed/securities/900",),
            (
                _DIRECTORY,
                Argument(
                    name="--snapshot",
                    type=Path,
                    required=True,
                    metavar="DIRECTORY",
                    help="a snapshot of this ledger, or of another organisation's, after a block"
                    " that is here",
                ),
            ),
        ),
        Command(
            "export",
            "Write blocks or state in a form that other programs read",
            "tallystick.node.cli.ledger:export",
            (
                "export data/channels/securities --output blocks.jsonl",
                "export data/channels/securities --what block-files --first 5 --output blocks",
                "export data/channels/securities --what state --output state.jsonl",
            ),
            _EXPORT,
        ),
    ),
)
