"""The arguments that commands take, and those that several of them share."""

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NETWORK_VARIABLE: Final = "TALLY_NETWORK"
DEFAULT_NETWORK: Final = ".tallystick"
HIGHEST_PORT: Final = 65_535
_MOST_DIGITS: Final = 20
_PACKAGE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*:[0-9a-f]{64}", re.ASCII)
"""See `tallystick.chaincode.package`, which help need not load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a command; the fields are those of ``argparse``.

    Attributes:
        name: With dashes in front it is an option.
        help: What it means.
        type: Makes the value from its text.
        default: When it is left out.
        nargs: How many values it takes.
        action: For flags, ``store_true``; for what may be repeated, ``append``.
        choices: The only values allowed.
        metavar: The value's name in the help text.
        required: Whether an option must be given.
    """

    name: str
    help: str
    type: Callable[[str], object] | None = None
    default: object = None
    nargs: str | None = None
    action: str | None = None
    choices: tuple[str, ...] | None = None
    metavar: str | None = None
    required: bool = False

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Let ``parser`` read this argument."""
        given = {
            field: value
            for field in ("type", "default", "nargs", "action", "choices", "metavar", "required")
            if (value := getattr(self, field)) is not None and value is not False
        }
        parser.add_argument(self.name, help=self.help, **given)


def assignment(text: str) -> tuple[str, str]:
    """Return the two sides of ``key=value``."""
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form key=value")
    return key, value


def natural(text: str) -> int:
    """Return a number of 0 or more that Fabric's messages can hold, such as that of a block."""
    return _number(text, 0, 2**64 - 1)


def count(text: str) -> int:
    """Return a number of 0 or more that fields of 32 bits can hold, such as a size."""
    return _number(text, 0, 2**32 - 1)


def port(text: str) -> int:
    """Return the number of a port that can be dialled."""
    return _number(text, 1, HIGHEST_PORT)


def _number(text: str, least: int, most: int) -> int:
    # Python reads no number of thousands of digits.
    number = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else -1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return number


def duration_s(text: str) -> float:
    """Return a number of seconds, longer than 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def endpoint(text: str) -> tuple[str, int]:
    """Return the two parts of ``host:port``."""
    host, separator, number = text.rpartition(":")
    if not host or not separator or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form host:port")
    return host, port(number)


def package_id(text: str) -> str:
    """Return the id of a package: its label, a colon and the SHA-256 of its bytes."""
    if not _PACKAGE_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no package id: it is what `tally chaincode install` prints, a label, a"
            " colon and 64 hex digits"
        )
    return text


NETWORK: Final = Argument(
    name="--network",
    type=Path,
    default=Path(os.environ.get(NETWORK_VARIABLE, DEFAULT_NETWORK)),
    metavar="DIRECTORY",
    help=f"directory of the network; ${NETWORK_VARIABLE} or else {DEFAULT_NETWORK}",
)
ORGANIZATION: Final = Argument(
    name="--as",
    metavar="MSP_ID",
    help="organisation to act for; default: the network's first that runs a peer",
)
CHANNEL_ID: Final = Argument(
    name="--channel", default="", metavar="ID", help="the channel; default: the first"
)
USER: Final = Argument(
    name="--user", default="client", metavar="NAME", help="its user to act as (default: client)"
)
PROFILE: Final = Argument(
    name="--profile",
    type=Path,
    metavar="FILE",
    help="client profile to connect with, in place of --network, --as and --user",
)
CALLER: Final = (NETWORK, ORGANIZATION, USER, PROFILE, CHANNEL_ID)
CONFIG: Final = Argument(
    name="--config", type=Path, required=True, metavar="FILE", help="settings of the node, TOML"
)
TOPOLOGY: Final = Argument(
    name="--topology",
    type=Path,
    metavar="FILE",
    help="what the network consists of, TOML; default: three licensed organisations",
)
MSP_DIRECTORY: Final = Argument(
    name="--msp",
    type=Path,
    required=True,
    metavar="DIRECTORY",
    help="its MSP directory: certificates of its CAs, and no keys",
)
SIGNERS: Final = Argument(
    name="--signers",
    nargs="+",
    metavar="MSP_ID",
    help="organisations whose administrators sign; default: all with keys in the directory",
)
OUTPUT: Final = Argument(
    name="--output", type=Path, required=True, metavar="FILE", help="file to write"
)
DEFINITION: Final = (
    Argument(name="name", metavar="NAME", help="the chaincode"),
    Argument(name="--version", default="1.0", help="free text (default: 1.0)"),
    Argument(
        name="--sequence",
        type=count,
        default=1,
        metavar="N",
        help="1 for the first definition, one more for each later one (default: 1)",
    ),
    Argument(
        name="--endorsement",
        default="",
        metavar="RULE",
        help="who must endorse, such as \"AND('ATSMSP.peer', 'ClearingMSP.peer')\", or the path of"
        " a channel policy; default: the channel's rule, also for a later definition",
    ),
    Argument(
        name="--collections",
        type=Path,
        metavar="FILE",
        help="private data collections, JSON as in Fabric's collections_config.json",
    ),
)
