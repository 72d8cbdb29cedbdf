"""What lies in a node's data directory: who holds it, and what a crash or a person left. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tallystick.node.cli.doctor.findings import Finding, failed, ok, warning

_CHECK: Final = "ledgers"


class BlockFiles(NamedTuple):
    """The block files of a channel: the numbers that are there, in order, and the first needed."""

    channel: str
    numbers: Sequence[int]
    first: int = 0


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What was seen of a data directory.

    Attributes:
        locked: Whether a process holds a store; None where that cannot be told.
        listening: Whether this node listens.
        block_files: Those of each channel.
        leftovers: Files that an interrupted writer left.
        damaged: What is said of files that tell where blocks begin, and cannot be read.
    """

    locked: bool | None
    listening: bool
    block_files: Sequence[BlockFiles]
    leftovers: Sequence[str]
    damaged: Sequence[str] = ()


def judge_ledgers(subject: str, facts: LedgerFacts) -> Iterator[Finding]:
    """Yield what is to say about a data directory."""
    if facts.locked and not facts.listening:
        text = "a process holds its store, and does not listen as this node"
        advice = "it starts, hangs, or is another program: fuser -v names it; end it before a start"
        yield failed(_CHECK, subject, text, advice)
    elif facts.listening and facts.locked is False:
        text = "this node listens, and nothing holds a store here"
        advice = "the process runs with other settings than these: compare data_directory"
        yield failed(_CHECK, subject, text, advice)
    for channel, numbers, first in facts.block_files:
        missing = sorted(set(range(first, max(numbers, default=-1) + 1)) - set(numbers))
        if missing:
            names = ", ".join(f"{number:06}.blocks" for number in missing)
            advice = "put them back from a backup, or make the node anew: tally restore"
            yield failed(_CHECK, f"channel {channel}", f"block files are gone: {names}", advice)
        else:
            yield ok(_CHECK, f"channel {channel}", f"{len(numbers)} block files without a gap")
    for problem in facts.damaged:
        text, _, advice = problem.partition(": ")
        yield failed(_CHECK, subject, text, advice)
    for name in facts.leftovers:
        text = "is left from a writer that was interrupted"
        yield warning(_CHECK, name, text, f"while the node is stopped: rm -r {name}")
