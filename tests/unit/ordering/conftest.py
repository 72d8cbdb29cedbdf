"""What the log lines of an orderer are about."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tallystick.node.observability.context import Subject, subject_of_log


@dataclass
class Lines:
    """Lines of the log, in order, each with what it is about."""

    told: list[tuple[str, Subject]] = field(default_factory=list)

    def about(self, part: str) -> list[Subject]:
        """Return what those lines are about that have ``part`` in them."""
        return [subject for line, subject in self.told if part in line]


class _Recording(logging.Handler):
    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.told.append((record.getMessage(), subject_of_log()))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """Record all lines from DEBUG on."""
    found = Lines()
    handler = _Recording(found)
    caplog.set_level(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)
