"""The commands about the register of holders."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import CALLER, OUTPUT, Argument, natural
from tallystick.node.cli.command import Command, Group

_LAST_BLOCK: Final = Argument(
    name="--block",
    type=natural,
    metavar="N",
    help="as it is after this block; default: the newest that the peer has",
)
_SECURITY: Final = Argument(name="security", metavar="SECURITY", help="the security")
_WITNESSES: Final = Argument(
    name="--witnesses",
    nargs="+",
    metavar="MSP_ID",
    help="organisations whose peers state that it is valid; default: those that endorsed it",
)
REGISTER: Final = Group(
    "register",
    "The register of holders, from events alone",
    (
        Command(
            "verify",
            "Rebuild the register from events, and compare it with the state",
            "tallystick.node.cli.register:verify",
            ("verify", "verify --block 57 --as RegulatorMSP", "verify --each-block"),
            (
                _LAST_BLOCK,
                Argument(
                    name="--each-block",
                    action="store_true",
                    help="compare after every block, and stop at the first that disagrees",
                ),
                *CALLER,
            ),
        ),
        Command(
            "trace",
            "Tell how units of a holder came to it, back to their issue",
            "tallystick.node.cli.register:trace",
            ("trace ACME alice", "trace ACME alice --block 57"),
            (
                _SECURITY,
                Argument(name="holder", metavar="HOLDER", help="who holds the units"),
                _LAST_BLOCK,
                *CALLER,
            ),
        ),
        Command(
            "show",
            "Print who holds a security, as JSON",
            "tallystick.node.cli.register:show",
            ("show ACME", "show ACME --block 57 --as TransferAgentMSP"),
            (
                _SECURITY,
                _LAST_BLOCK,
                *CALLER,
            ),
        ),
        Command(
            "prove",
            "Write the proof that a transaction, with its events, is on the channel and valid",
            "tallystick.node.cli.proof:prove",
            ("prove 5f0e… --output proof.json",),
            (
                Argument(name="transaction", metavar="TXID", help="the transaction"),
                OUTPUT,
                _WITNESSES,
                *CALLER,
            ),
        ),
        Command(
            "prove-holding",
            "Write the proof of what somebody holds, as of a block that is made for it",
            "tallystick.node.cli.proof:prove_holding",
            ("prove-holding ACME alice --output proof.json",),
            (
                _SECURITY,
                Argument(name="holder", metavar="HOLDER", help="whose units"),
                OUTPUT,
                _WITNESSES,
                *CALLER,
            ),
        ),
        Command(
            "check-proof",
            "Say what a proof shows, from the channel's configuration alone",
            "tallystick.node.cli.proof:check",
            ("check-proof proof.json --config config.pb",),
            (
                Argument(name="proof", type=Path, metavar="FILE", help="the proof"),
                Argument(
                    name="--config",
                    type=Path,
                    required=True,
                    metavar="FILE",
                    help="the configuration of the channel at that time, as `tally channel"
                    " fetch-config` writes it: whom you trust",
                ),
            ),
        ),
    ),
)
