"""Log lines for people, or for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

from tallystick.node.observability.context import subject_of_log

TEXT_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s%(subject)s"


class JsonFormatter(logging.Formatter):
    """One JSON object per line, with the time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as one line."""
        time = datetime.fromtimestamp(record.created, UTC)
        entry = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **subject_of_log(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """A line for people, which ends with what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as text."""
        facts = " ".join(f"{name}={fact}" for name, fact in subject_of_log().items())
        record.subject = f" [{facts}]" if facts else ""
        return super().format(record)


class ClientGoneFilter(logging.Filter):
    """Lets gRPC tell in a line that a client left before its answer was sent.

    gRPC logs that as an error of the service, with a traceback for each open stream: enough to hide
    what an operator should see, for something that clients do every day.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be logged; rewrite it if it is of this kind."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is None or kind.__name__ != "ExecuteBatchError":
            return True
        record.msg = f"a client left before its answer was sent: {record.getMessage()}"
        record.args, record.exc_info = (), None
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return logging.getLogger().isEnabledFor(logging.INFO)


def configure_logging(
    log_format: Literal["text", "json"], level: str, *, stream: TextIO | None = None
) -> None:
    """Send the log of this process to ``stream``, by default stderr, and nowhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter(TEXT_FORMAT))
    handler.addFilter(ClientGoneFilter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
