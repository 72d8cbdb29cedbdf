"""Which errors of a node docs/reliability.md shows, and why it does not show the others."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NODE: Final = Path(__file__).parents[2] / "node"
SHORTEST_PHRASE: Final = 12

PHRASES: Final = {
    "AccessDeniedError": "access denied for [",
    "CollectionError": "failed to distribute private collection, txID ",
    "FormError": "cannot read form: ",
    "GatewayError": "no orderers could successfully process transaction",
    "LifecycleRuleError": "attempted to redefine the current committed sequence (",
    "NoCertificateError": " is neither a PEM file nor an MSP directory with one certificate in ",
    "NoConfigurationError": "is not a configuration block",
    "NoUpdateError": "the header names channel ",
    "PackageOptionsError": "holds no contract: leave it out",
    "ProposalRefusedError": "request unauthorized due to incorrect timestamp ",
    "ShimError": "transaction returned with failure: ",
    "ShimProtocolError": "chaincode registers as ",
    "_QueryError": "Block number must not be nil.",
}
"""Words of errors that are told as a status or in a log, and worded where they are raised."""

_A_BASE: Final = "only what extends it is raised"
_A_COMMAND: Final = "a command says it to whoever typed it, and ends; no node is the worse for it"
_INSIDE: Final = "the node handles it itself; what is seen of it is in the rows of etcd's faults"
_PASSED_ON: Final = "its words are part of the message of whoever meets it"
_STOPPING: Final = "a node that stops says so; the rows of killed nodes show what its clients see"

UNSHOWN: Final = {
    "TooManyStreamsError": "a client's own streams are too many: shown by test_gateway_grpc.py",
    "IdentityError": _A_BASE,
    "MembershipError": _A_BASE,
    "PolicyError": _A_BASE,
    "ChaincodeRefusedError": _A_COMMAND,
    "DemoFailedError": _A_COMMAND,
    "JoinFailedError": _A_COMMAND,
    "ExportRefusedError": _A_COMMAND,
    "MemberAlreadyError": _A_COMMAND,
    "NoSignerNamedError": _A_COMMAND,
    "NoAnswerError": _A_COMMAND,
    "NoDefinitionError": _A_COMMAND,
    "NoFreePortError": _A_COMMAND,
    "NoPeerError": _A_COMMAND,
    "NoSuchBlockError": _A_COMMAND,
    "NoSuchSecurityError": _A_COMMAND,
    "NoSuchTransactionError": _A_COMMAND,
    "NotAPeerError": _A_COMMAND,
    "NotApartError": _A_COMMAND,
    "NothingThereError": _A_COMMAND,
    "NothingToCompareError": _A_COMMAND,
    "NotAdmittedError": _A_COMMAND,
    "NotAgreedError": _A_COMMAND,
    "NotMadeHereError": _A_COMMAND,
    "NotProvenError": _A_COMMAND,
    "OnlyDeepError": _A_COMMAND,
    "OrdererRefusedError": _A_COMMAND,
    "OtherOrderersError": _A_COMMAND,
    "OutOfTurnError": _A_COMMAND,
    "PeerBehindError": _A_COMMAND,
    "PeerRefusedError": _A_COMMAND,
    "PeersDifferError": _A_COMMAND,
    "UpdateRefusedError": _A_COMMAND,
    "UpdateUnconfirmedError": _A_COMMAND,
    "CompactedError": _INSIDE,
    "LeaseLostError": _INSIDE,
    "LogTrimmedError": _INSIDE,
    "SupersededError": _INSIDE,
    "UnreachableFellowError": _INSIDE,
    "DeliveryRefusedError": _PASSED_ON,
    "LifecycleStateError": _PASSED_ON,
    "MalformedPolicyError": _PASSED_ON,
    "ServingError": _PASSED_ON,
    "SigningFailedError": _PASSED_ON,
    "TokenError": _PASSED_ON,
    "UnknownOrderersError": _PASSED_ON,
    "NotifierClosedError": _STOPPING,
    "OrdererStoppingError": _STOPPING,
    "StoppedError": _STOPPING,
    "WatchClosedError": _STOPPING,
    "NotDefinedError": "a query answers 404 with it; nothing is to be changed",
    "RemovalPendingError": "it passes as soon as the removal is done, which is what was asked for",
}
"""Why an error is in no row."""


@dataclass(slots=True)
class ErrorClass:
    """A class of errors in the node's source.

    Attributes:
        bases: The names of the classes that it extends.
        phrase: The longest text in its body, which tells it from others; empty if it has none.
    """

    bases: list[str]
    phrase: str


def plain(text: str) -> str:
    """Return ``text`` as a cell of the table has it."""
    return re.sub(r"[`|\s]+", " ", text)


def ledger_errors() -> dict[str, ErrorClass]:
    """Return every class of the node that is a LedgerError, by name."""
    found: dict[str, ErrorClass] = {}
    for path in NODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                found[node.name] = ErrorClass(bases, _phrase(node))
    names = {"LedgerError"}
    while more := {n for n, each in found.items() if names & set(each.bases)} - names:
        names |= more
    return {name: found[name] for name in names - {"LedgerError"}}


def is_shown(name: str, error: ErrorClass, page: str) -> bool:
    """Return whether ``page`` names the class in a row, or has the words of its own."""
    phrase = PHRASES.get(name, error.phrase)
    return f" {name}" in page or bool(phrase and phrase in page)


def sources() -> str:
    """Return all source text of the node, as a cell of the table would have it."""
    return plain("".join(path.read_text(encoding="utf-8") for path in NODE.rglob("*.py")))


def _phrase(definition: ast.ClassDef) -> str:
    documented = (ast.ClassDef, ast.FunctionDef)
    docs = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(definition)
        if isinstance(node, documented)
    }
    texts = [
        plain(node.value).strip()
        for node in ast.walk(definition)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docs
    ]
    longest = max(texts, key=len, default="")
    return longest if len(longest) >= SHORTEST_PHRASE else ""
