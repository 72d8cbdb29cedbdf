"""Reads the command line, runs the command, and says in two lines what went wrong."""

import argparse
import gc
import importlib
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

from tallystick.node.cli.command import Command, Group
from tallystick.node.cli.commands import GROUPS

ARGUMENTS: Final = "arguments"
FAILED: Final = 1
INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tally`` with these arguments, by default those of the process; return its exit code.

    0 is success, 1 a failure that was explained on standard error, 2 a wrong command line.
    """
    words = sys.argv[1:] if argv is None else argv
    first = next((word for word in words if not word.startswith("-")), "")
    options = _parsed(build_parser(first), words)
    try:
        return run(options.command, options)
    except KeyboardInterrupt:
        print("tally: interrupted; what was sent before may take effect", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as in `tally … | head`. Nothing may be written any more,
        # not even by the interpreter as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


class _Release(argparse.Action):
    """Shows the release; looking it up takes a third of the time of a help."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse passes it
        values: str | Sequence[object] | None,  # noqa: ARG002
        option_string: str | None = None,  # noqa: ARG002
    ) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"tallystick {version('tallystick')}")
        parser.exit()


def _parsed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Return the options; what a call passes on may also stand behind an option.

    ``argparse`` takes a list of positional arguments from one place only, and would refuse the last
    word of ``tally query token balance_of --as BankMSP ACME``.
    """
    options, rest = parser.parse_known_args(argv)
    unknown = [text for text in rest if text.startswith("-")]
    if rest and (unknown or not hasattr(options, ARGUMENTS)):
        parser.error(f"unrecognized arguments: {' '.join(unknown or rest)}")
    if rest:
        setattr(options, ARGUMENTS, [*getattr(options, ARGUMENTS), *rest])
    return options


def build_parser(first: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    With the ``first`` word of a command line it is for that one only: it has the commands of the
    group that is named, since describing those of all others took 9 ms of every start.
    """
    parser = argparse.ArgumentParser(
        prog="tally",
        description="A permissioned ledger for securities.",
        epilog="Begin with: tally cluster up",
    )
    parser.add_argument(
        "--version", action=_Release, nargs=0, help="show the release of tallystick and exit"
    )
    groups = parser.add_subparsers(metavar="COMMAND", required=True)
    for group in GROUPS:
        if isinstance(group, Command):
            _add_command(groups, group, prefix="tally")
        else:
            _add_group(groups, group, is_described=first in {None, group.name})
    return parser


def run(command: Command, options: argparse.Namespace) -> int:
    """Run one command and return its exit code.

    A command's module may name in ``FAILURES`` the errors that people can do something about,
    beside those of the node; any other error is a defect and shows its traceback.
    """
    module_name, _, function_name = command.run.partition(":")
    try:
        with _keeping_all():
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "tallystick":
            raise
        print(
            f"tally: this command needs the node, and its module {error.name!r} is not installed;"
            " install it: pip install 'tallystick[node]'",
            file=sys.stderr,
        )
        return FAILED
    errors = importlib.import_module("tallystick.node.errors")
    failures = (errors.LedgerError, OSError, *getattr(module, "FAILURES", ()))
    try:
        result = getattr(module, function_name)(options)
        if inspect.iscoroutine(result):
            import asyncio  # noqa: PLC0415 - a quarter of what help would load

            result = asyncio.run(result)
    except BrokenPipeError:
        raise
    except failures as error:
        print(f"tally: {_told(error)}", file=sys.stderr)
        return FAILED
    return result if isinstance(result, int) else 0


def _told(error: Exception) -> str:
    """Return what a failure says; of a file that cannot be used, without the system's number."""
    if isinstance(error, FileExistsError) and error.filename is not None:
        return f"{error.filename} is there already: name another file"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror}"
    return str(error)


@contextmanager
def _keeping_all() -> Iterator[None]:
    """Keep the garbage collector away from what is made in the block: imports make what stays.

    It looked through all of it every 700 objects, which took a sixth of a node's start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _add_group(
    parent: "argparse._SubParsersAction[argparse.ArgumentParser]",
    group: Group,
    *,
    is_described: bool,
) -> None:
    parser = parent.add_parser(group.name, help=group.summary, description=f"{group.summary}.")
    if not is_described:
        return
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in group.commands:
        _add_command(commands, command, prefix=f"tally {group.name}")


def _add_command(
    parent: "argparse._SubParsersAction[argparse.ArgumentParser]", command: Command, *, prefix: str
) -> None:
    parser = parent.add_parser(
        command.name,
        help=command.summary,
        description=f"{command.summary}.",
        epilog="example:\n" + "\n".join(f"  {prefix} {line}" for line in command.examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for argument in command.arguments:
        argument.add_to(parser)
    parser.set_defaults(command=command)
