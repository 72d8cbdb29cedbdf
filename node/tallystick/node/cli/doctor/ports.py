"""Whether a node can listen, or does. Pure."""

from enum import Enum, auto
from typing import Final

from tallystick.node.cli.doctor.findings import Finding, failed, ok, warning

_CHECK: Final = "ports"


class Port(Enum):
    """Who listens on a port."""

    FREE = auto()
    OURS = auto()
    UNKNOWN = auto()
    FOREIGN = auto()
    NO_SUCH_HOST = auto()


def operations_port(listen: Port, *, answers_as_node: bool) -> Port:
    """Return who holds a node's port for operations, which shows no certificate.

    Args:
        listen: Who holds the node's other port.
        answers_as_node: Whether there answers what a node of any kind would.
    """
    if answers_as_node and listen in (Port.OURS, Port.UNKNOWN):
        return listen
    return Port.FOREIGN


def judge_port(key: str, address: str, port: Port) -> Finding:
    """Return what is to say about an address that the settings let the node listen on."""
    subject = f"{address} ({key})"
    match port:
        case Port.FREE:
            return ok(_CHECK, subject, "is free; the node does not run")
        case Port.OURS:
            return ok(_CHECK, subject, "is held by this node")
        case Port.UNKNOWN:
            return warning(
                _CHECK, subject, "is taken, by whom cannot be told", f"ss -ltnp | grep {address}"
            )
        case Port.FOREIGN:
            return failed(
                _CHECK,
                subject,
                "is taken by another node or program",
                f"stop it (ss -ltnp names it), or set {key} to another port",
            )
        case Port.NO_SUCH_HOST:
            return failed(
                _CHECK,
                subject,
                "is no address of this machine",
                f"set {key} to one that ip addr shows, or to 0.0.0.0, and advertised_address to the"
                " name that others use",
            )
