"""What all tables of reasons have in common: kinds, sentences, findings, refusals."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from tallystick.chaincode import Refusal
from tallystick.contracts.models import Model


class _Answer(NamedTuple):
    """How a kind of reason travels: status of the response, and the code of ERC-1400."""

    status: int
    erc1400: str


class Kind(Enum):
    """What sort of no it is.

    ERC-1400 has a byte for each outcome of a transfer, of the family that ERC-1066 reserves for
    ownership; what it has no byte for is a transfer failure.
    """

    MALFORMED = _Answer(400, "50")
    CALLER = _Answer(403, "58")
    NOT_FOUND = _Answer(404, "50")
    CONFLICT = _Answer(409, "50")
    RULE = _Answer(422, "50")
    BALANCE = _Answer(422, "52")
    ALLOWANCE = _Answer(403, "53")
    HALTED = _Answer(422, "54")
    LOCKED = _Answer(422, "55")
    SENDER = _Answer(422, "56")
    RECEIVER = _Answer(422, "57")


class Finding(Model):
    """One reason why something may not happen, with its sentence filled in.

    Attributes:
        status: Of the response that is refused for it.
        erc1400: Two hexadecimal digits.
    """

    code: str
    message: str
    status: int
    erc1400: str


class ReasonTable(Enum):
    """Base of the tables: each member is a kind, and a sentence with places for the facts."""

    def __init__(self, kind: Kind, sentence: str) -> None:
        self.kind = kind
        self.sentence = sentence

    @property
    def status(self) -> int:
        """The status of a response that is refused for this reason."""
        return self.kind.value.status

    def finding(self, **facts: str | int) -> Finding:
        """Return this reason as one finding among others."""
        status, erc1400 = self.kind.value
        message = self.sentence.format_map(facts)
        return Finding.model_construct(
            code=self.name, message=message, status=status, erc1400=erc1400
        )

    def refusal(self, **facts: str | int) -> Refusal:
        """Return this reason as a refusal to raise, with its facts in the payload."""
        return Refusal(self.name, self.sentence.format_map(facts), self.status, **facts)


def refuse_if_any(findings: Sequence[Finding]) -> None:
    """Raise the first of the findings as a refusal that carries all of them, if there is one."""
    if not findings:
        return
    first, *others = findings
    message = first.message
    if others:
        message += f" ({len(others)} more: {', '.join(other.code for other in others)})"
    reasons = [finding.model_dump() for finding in findings]
    raise Refusal(first.code, message, first.status, reasons=reasons)
