"""How a chaincode says no.

A refusal is an expected outcome of a transaction: it travels to the client as a response whose
status is 400 or above and whose message begins with a stable code. Everything else that goes wrong
inside a chaincode is a fault of its author and becomes status 500.
"""

import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue, TypeAdapter, ValidationError

from tallystick.protos.peer.proposal_response_pb2 import Response

BAD_REQUEST = 400
NOT_FOUND = 404
INTERNAL = 500
_STATUS_END = 600

_CODED_MESSAGE = re.compile(r"([A-Z][A-Z0-9_]*): (.*)", re.DOTALL)

_FACTS: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class Refusal(Exception):  # noqa: N818 -- the word an author reads and a business person says
    """A transaction is refused; nothing that this call wrote takes effect.

    Attributes:
        code: What happened, for programs: upper-case words joined by underscores.
        message: What happened, to what, and what to do next, for people.
        status: Response status, 400 to 599; 400 to 499 blame the caller.
        facts: The values that the refusal is about. They travel as JSON in the response payload.
    """

    def __init__(self, code: str, message: str, status: int = BAD_REQUEST, **facts: object) -> None:
        if not BAD_REQUEST <= status < _STATUS_END:
            raise ValueError(f"status {status} of refusal {code} is outside 400 to 599")
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.facts: Mapping[str, object] = facts


class CalleeRefusal(Refusal):
    """A chaincode that was called refused the call.

    Uncaught, it becomes the caller's own refusal, word for word. A caught one leaves no writes of
    the callee itself, but what the callee's own callees wrote before stays, and, when the peer has
    refused it a collection, what it has written to others.

    Attributes:
        chaincode: Name of the chaincode that refused.
    """

    def __init__(self, chaincode: str, response: Response) -> None:
        coded = _CODED_MESSAGE.fullmatch(response.message)
        code, message = coded.groups() if coded else ("CALLEE_REFUSED", response.message)
        super().__init__(code, message, response.status)
        self.facts = _facts(response.payload)
        self.chaincode = chaincode


class WriteInQueryError(Refusal):
    """A function declared with ``@query`` tried to write."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            "WRITE_IN_QUERY",
            f"{operation} inside a @query function; declare the function with @transaction",
            status=INTERNAL,
        )


class TransientMissingError(Refusal, KeyError):
    """A contract function reads transient data under a name that the client did not send."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "TRANSIENT_MISSING",
            f"the client sent no transient data {name!r}; pass it: `tally invoke … --transient"
            f" {name}=VALUE`, or transient={{{name!r}: …}} of a client's call",
            name=name,
        )

    def __str__(self) -> str:
        return Exception.__str__(self)  # a KeyError would quote it


class ReadAfterCalleeWriteError(Refusal):
    """A chaincode reads a key that an earlier call of the same transaction wrote.

    Reads see committed state only, so the value would silently be the old one. The cure is one call
    that does both steps: batch the operations per callee.
    """

    def __init__(self, chaincode: str, key: str) -> None:
        super().__init__(
            "READ_AFTER_CALLEE_WRITE",
            f"chaincode {chaincode!r} reads key {key!r}, which an earlier call of this transaction "
            "wrote and which reads do not see before commit; do both steps in one call",
            status=INTERNAL,
            chaincode=chaincode,
            key=key,
        )


class RecursiveCallError(Refusal):
    """A chaincode was called while it runs in the same transaction."""

    def __init__(self, chaincode: str, callers: Sequence[str]) -> None:
        super().__init__(
            "RECURSIVE_CALL",
            f"chaincode {chaincode!r} cannot be called by {' -> '.join(callers)}: it is already "
            "running in this transaction",
            status=INTERNAL,
            chaincode=chaincode,
        )


class InvalidKeyError(Refusal):
    """A key, or a part of a composite key, cannot be stored."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__("INVALID_KEY", f"key {key!r} {problem}", key=key)


class InvalidPageError(Refusal):
    """A page of rows was asked for that no range has."""

    def __init__(self, problem: str) -> None:
        super().__init__("INVALID_PAGE", problem)


class WrongResultError(TypeError):
    """A contract function returned what it does not declare. Types are named, values are not."""

    def __init__(self, function: str, declared: str, returned: str) -> None:
        inside = "" if declared.partition("[")[0] != returned else " with something else inside"
        super().__init__(f"{function} declares {declared} and returned {returned}{inside}")
        self.function = function
        self.declared = declared
        self.returned = returned


class ContractDefinitionError(TypeError):
    """A contract class cannot be served; the message names the class and the function."""


def _facts(payload: bytes) -> dict[str, JsonValue]:
    """Return the facts in a refusal's payload; one that is no JSON object carries none."""
    try:
        return _FACTS.validate_json(payload or b"{}")
    except ValidationError:
        return {}
