"""Why another node cannot be reached, in words. Pure."""

import socket
import ssl
from typing import Final

from tallystick.node.cli.doctor.findings import Finding, failed, ok

_CHECK: Final = "reachability"
_EXPIRED: Final = 10
_NOT_YET_VALID: Final = 9
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST: Final = frozenset({62, 64})

_PLAIN: Final[tuple[tuple[tuple[type[Exception], ...], str, str], ...]] = (
    (
        (TimeoutError,),
        "does not answer",
        "check firewalls on the way, and whether the node hangs",
    ),
    ((ConnectionRefusedError,), "nothing listens there", "start the node, or correct the port"),
    (
        (ConnectionResetError, EOFError),
        "hung up at once",
        "see its log: it may want a client certificate, or speak without TLS",
    ),
)


def judge_reach(what: str, address: str, error: Exception | None) -> Finding:
    """Return what is to say about a connection that was tried.

    Args:
        what: Whose address it is, such as ``orderer``.
        address: ``host:port``.
        error: What came of it; None if the node spoke.
    """
    subject = f"{what} {address}"
    if error is None:
        return ok(_CHECK, subject, "answers")
    text, advice = _words(error, address)
    return failed(_CHECK, subject, text, advice)


def _words(error: Exception, address: str) -> tuple[str, str]:
    match error:
        case ssl.SSLCertVerificationError():
            return _of_verification(error)
        case ssl.SSLError():
            return _of_tls(error)
        case socket.gaierror():
            host = address.rpartition(":")[0]
            return f"{host} has no address", "correct the name, or DNS or /etc/hosts"
        case _:
            pass
    for kinds, text, advice in _PLAIN:
        if isinstance(error, kinds):
            return text, advice
    return str(error), "check network and routes to it"


def _of_verification(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    code = error.verify_code
    if code == _EXPIRED:
        return "its certificate has expired", "tell its operator to renew it, and check this clock"
    if code == _NOT_YET_VALID:
        return "its certificate is not valid yet", "check the clocks of both machines"
    if code in _UNKNOWN_AUTHORITY:
        return (
            "its certificate is of an authority that is not trusted here",
            "get its organisation's TLS authority into the channel (tally channel set-msp) or into"
            " root_certificates",
        )
    if code in _WRONG_HOST:
        return (
            f"its certificate is for another host: {error.verify_message}",
            "use a name that it has, or issue one with this name",
        )
    return f"its certificate is refused: {error.verify_message}", "renew the certificate"


def _of_tls(error: ssl.SSLError) -> tuple[str, str]:
    reason = error.reason or str(error)
    if "WRONG_VERSION" in reason or "RECORD_LAYER" in reason:
        return "speaks without TLS", "let it serve with TLS, or correct the port"
    if "CERTIFICATE" in reason and "ALERT" in reason:
        return (
            f"refuses our certificate ({reason.lower().replace('_', ' ')})",
            "its client_root_certificates, or the channel, must name our TLS authority",
        )
    return f"TLS fails: {reason}", "see the other node's log"
