"""A command of ``tally``, and a group of them."""

from dataclasses import dataclass

from tallystick.node.cli.arguments import Argument


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: Last word of the command.
        summary: What it does, in a line without full stop.
        run: ``module:function``; the function takes the parsed options, may be async, and may
            return an exit code.
        examples: What follows the words of its group and stands in the help text.
        arguments: What it takes.
    """

    name: str
    summary: str
    run: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Commands about one thing."""

    name: str
    summary: str
    commands: tuple[Command, ...]
