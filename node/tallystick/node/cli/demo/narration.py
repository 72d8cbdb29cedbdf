"""The printed side of the demo: numbered chapters, short sentences, aligned tables."""

import textwrap
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, TextIO

WIDTH: Final = 100
INDENT: Final = "   "
_ACTOR_WIDTH: Final = 18
_COLUMN_GAP: Final = "   "


class Tone(StrEnum):
    """How a terminal shows a line."""

    PLAIN = ""
    HEADING = "\x1b[1m"
    DONE = "\x1b[32m"
    REFUSED = "\x1b[31m"


_RESET: Final = "\x1b[0m"


class Narrator:
    """Writes for people: to a terminal with colours, to anything else without."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_coloured = out.isatty()
        self._chapters = 0
        self._last_line = ""

    def title(self, text: str) -> None:
        """Write the first line of all."""
        self._write(text, Tone.HEADING)
        self._write("=" * len(text), Tone.HEADING)

    def chapter(self, title: str) -> None:
        """Begin the next chapter."""
        self._chapters += 1
        heading = f"{self._chapters}. {title}"
        self.pause()
        self._write(heading, Tone.HEADING)
        self._write("-" * len(heading), Tone.HEADING)

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Write a paragraph."""
        self._paragraph(text, tone, first=INDENT, rest=INDENT)

    def act(self, actor: str, action: str) -> None:
        """Write who does what."""
        first = f"{INDENT}* {actor:<{_ACTOR_WIDTH}}"
        self._paragraph(action, Tone.PLAIN, first=first, rest=" " * len(first))

    def answer(self, text: str, tone: Tone) -> None:
        """Write what came of the act above."""
        margin = " " * len(f"{INDENT}* {'':<{_ACTOR_WIDTH}}")
        self._paragraph(text, tone, first=margin, rest=margin)

    def progress(self, elapsed_s: float, step: str) -> None:
        """Write a step of a long work, and how many seconds after the beginning it was done."""
        first = f"{INDENT}{elapsed_s:5.1f} s  "
        self._paragraph(step, Tone.PLAIN, first=first, rest=" " * len(first))

    def pause(self) -> None:
        """Leave a line empty, unless the last one is."""
        if self._last_line:
            self._write("")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows under their columns' names; figures stand to the right."""
        cells = list(zip(columns, *rows, strict=True))
        widths = [max(map(len, column)) for column in cells]
        are_figures = [all(map(_is_figure, column[1:])) for column in cells]
        lines = [columns, ["-" * width for width in widths], *rows]
        self.pause()
        for line in lines:
            aligned = [
                cell.rjust(width) if is_figure else cell.ljust(width)
                for cell, width, is_figure in zip(line, widths, are_figures, strict=True)
            ]
            self._write((INDENT + _COLUMN_GAP.join(aligned)).rstrip())
        self.pause()

    def _paragraph(self, text: str, tone: Tone, *, first: str, rest: str) -> None:
        lines = textwrap.wrap(
            text,
            WIDTH,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
            break_long_words=False,
        )
        for line in lines:
            self._write(line, tone)

    def _write(self, line: str, tone: Tone = Tone.PLAIN) -> None:
        self._last_line = line
        if self._is_coloured and tone:
            line = f"{tone}{line}{_RESET}"
        # Each line at once: whoever reads along must not wait for a full buffer.
        self._out.write(f"{line}\n")
        self._out.flush()


def units(quantity: int) -> str:
    """Return a quantity of units for people."""
    return f"{quantity:,}"


def dollars(cents: int) -> str:
    """Return an amount for people."""
    return f"${cents // 100:,}.{cents % 100:02}"


def total(amounts: Sequence[int], shown: Callable[[int], str]) -> str:
    """Return a sum as people write it: ``1 + 2 = 3``, or the one amount alone."""
    parts = " + ".join(map(shown, amounts))
    return parts if len(amounts) == 1 else f"{parts} = {shown(sum(amounts))}"


def _is_figure(cell: str) -> bool:
    return cell.lstrip("$").replace(",", "").replace(".", "").isdigit()
