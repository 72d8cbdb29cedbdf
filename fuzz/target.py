"""A decoder as something to fuzz. Fuzzers and the tests that replay their findings share it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"

TIMEOUT_S: Final = 10
"""How long a decoder may take over one input, on a machine with other work."""
MAX_MEMORY_MIB: Final = 1024
"""What the whole process may hold, the interpreter and the libraries among it."""
MAX_INPUT_BYTES: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """A decoder, and how it may refuse.

    Attributes:
        name: Of the target, and of the folder of its corpus.
        decode: Takes bytes as they come from outside. What it returns does not matter here.
        refusals: The errors that its documentation names. Everything else that it raises is a
            finding.
    """

    name: str
    decode: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...] = ()

    def check(self, data: bytes) -> None:
        """Return if ``data`` was decoded or refused; every other error comes through."""
        with suppress(*self.refusals):
            self.decode(data)

    @property
    def corpus(self) -> Path:
        """The folder of the inputs that are kept: real messages, and what was once a finding."""
        return CORPUS / self.name

    def inputs(self) -> Iterator[tuple[str, bytes]]:
        """Yield the inputs that are kept, with the names of their files."""
        for path in sorted(self.corpus.iterdir()):
            yield path.name, path.read_bytes()
