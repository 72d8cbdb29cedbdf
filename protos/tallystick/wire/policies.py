"""The policy language: ``AND('A.peer', OR('B.admin', 'C.member'))`` and back.

It stands down here because those who write contracts speak it too. Source: wire.md §14.1, Appendix
B7.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tallystick.protos.common.policies_pb2 import SignaturePolicy, SignaturePolicyEnvelope
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, MSPRole
from tallystick.wire.errors import MalformedMessageError, WireError
from tallystick.wire.messages import decode

_SPACES: Final = re.compile(r"\s*")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<word>[A-Za-z]+)|(?P<number>[0-9]+)|(?P<quoted>'[^']*'|\"[^\"]*\")|(?P<mark>[(),]))"
)
_PRINCIPAL: Final = re.compile(r"(?P<msp_id>[A-Za-z0-9.-]+)\.(?P<role>[a-z]+)")
_ROLES: Final = {
    "member": MSPRole.MEMBER,
    "admin": MSPRole.ADMIN,
    "client": MSPRole.CLIENT,
    "peer": MSPRole.PEER,
    "orderer": MSPRole.ORDERER,
}
_ROLE_WORDS: Final = {int(role): word for word, role in _ROLES.items()}
_GATES: Final = {
    spelling: gate
    for gate, spellings in {
        "AND": ("AND", "And", "and"),
        "OR": ("OR", "Or", "or"),
        "OUTOF": ("OutOf", "OUTOF", "outof"),
    }.items()
    for spelling in spellings
}
_MAX_DEPTH: Final = 40  # protobuf reads 100 levels, of which a gate takes two
_MAX_COUNT: Final = 2**31 - 1
_MAX_DIGITS: Final = 20  # Python gives up on numbers of thousands of digits, with another error


class PolicySyntaxError(WireError):
    """The text of a policy does not follow the policy language.

    Attributes:
        text: The whole text.
        position: Where the trouble starts, counted in characters from 0.
        problem: What is wrong there.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(f"policy {text!r}, at character {position + 1}: {problem}")
        self.text = text
        self.position = position
        self.problem = problem


class MeaninglessPolicyError(WireError):
    """A policy message contradicts itself.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"malformed policy: {problem}")
        self.problem = problem


def parse_policy(text: str) -> SignaturePolicyEnvelope:
    """Return the signature policy that ``text`` states.

    Principals are numbered as Fabric numbers them: those of inner gates come first, and repeated
    ones are not merged.

    Raises:
        PolicySyntaxError: The text is not a gate over principals.
    """
    parser = _Parser(text)
    gate = parser.gate(depth=1)
    parser.expect_end()
    envelope = SignaturePolicyEnvelope(version=0)
    envelope.rule.CopyFrom(_emit(gate, envelope))
    return envelope


def all_peers(msp_ids: Sequence[str]) -> SignaturePolicyEnvelope:
    """Return the policy that a peer of each of these organisations signs.

    The bytes are those that Fabric's libraries for state-based endorsement make of a list: sorted,
    each organisation once.
    """
    identities = [_role(msp_id, MSPRole.PEER) for msp_id in sorted(set(msp_ids))]
    rules = [SignaturePolicy(signed_by=index) for index in range(len(identities))]
    gate = SignaturePolicy.NOutOf(n=len(rules), rules=rules)
    return SignaturePolicyEnvelope(rule=SignaturePolicy(n_out_of=gate), identities=identities)


def describe(envelope: SignaturePolicyEnvelope) -> str:
    """Return ``envelope`` in the policy language.

    For what `parse_policy` returned, parsing the description gives the same policy again.
    Principals that the language has no words for appear in angle brackets.

    Raises:
        MeaninglessPolicyError: A rule refers to a principal that is not there, or is empty.
    """
    return _describe(envelope.rule, [describe_principal(one) for one in envelope.identities])


@dataclass(slots=True)
class _Gate:
    """A gate as read: how many of its members are needed. Members are principals or gates."""

    needed: int
    members: list["MSPPrincipal | _Gate"] = field(default_factory=list)


class _Parser:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def gate(self, *, depth: int) -> _Gate:
        """Read a gate with everything inside."""
        start = self._start()
        kind = _GATES.get(self._take("word", "a gate: AND, OR or OutOf"))
        if kind is None:
            raise PolicySyntaxError(self._text, start, "unknown gate: use AND, OR or OutOf")
        if depth > _MAX_DEPTH:
            raise PolicySyntaxError(self._text, start, f"gates nest deeper than {_MAX_DEPTH}")
        self._take_mark("(")
        counted_from = self._start()
        needed = self._count() if kind == "OUTOF" else None
        members = [self._member(depth)]
        while self._take_mark(",", ")") == ",":
            members.append(self._member(depth))
        if needed is None:
            needed = len(members) if kind == "AND" else 1
        # Fabric's parser allows one more than there are members: nothing can satisfy such a gate.
        elif needed > len(members) + 1:
            raise PolicySyntaxError(
                self._text, counted_from, f"{needed} out of {len(members)} can never be satisfied"
            )
        return _Gate(needed, members)

    def expect_end(self) -> None:
        """Raise PolicySyntaxError unless everything has been read."""
        if self._start() != len(self._text):
            raise PolicySyntaxError(self._text, self._start(), "expected the end of the policy")

    def _count(self) -> int:
        start = self._start()
        token = self._next()
        digits = token[1].strip("'\"") if token[0] in ("number", "quoted") else ""
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
        if not is_number or int(digits) > _MAX_COUNT:
            raise PolicySyntaxError(self._text, start, "expected how many members OutOf needs")
        self._take_mark(",")
        return int(digits)

    def _member(self, depth: int) -> "MSPPrincipal | _Gate":
        start = self._start()
        position = self._position
        kind, token = self._next()
        if kind == "quoted":
            return self._principal(token[1:-1], start)
        self._position = position
        return self.gate(depth=depth + 1)

    def _principal(self, text: str, start: int) -> MSPPrincipal:
        found = _PRINCIPAL.fullmatch(text)
        role = _ROLES.get(found["role"]) if found else None
        if found is None or role is None:
            raise PolicySyntaxError(
                self._text,
                start,
                f"{text!r} is no principal: write '<MSP id>.<role>', the MSP id in letters, "
                f"digits, '.' and '-', the role one of {', '.join(_ROLES)}",
            )
        return _role(found["msp_id"], role)

    def _start(self) -> int:
        """Return where the next token starts."""
        spaces = _SPACES.match(self._text, self._position)
        assert spaces is not None, "no spaces are spaces too"
        return spaces.end()

    def _next(self) -> tuple[str, str]:
        found = _TOKEN.match(self._text, self._position)
        if found is None or found.lastgroup is None:
            start = self._start()
            problem = "unexpected character" if start < len(self._text) else "the policy ends early"
            raise PolicySyntaxError(self._text, start, problem)
        self._position = found.end()
        return found.lastgroup, found[found.lastgroup]

    def _take(self, kind: str, wanted: str) -> str:
        start = self._start()
        found, token = self._next()
        if found != kind:
            raise PolicySyntaxError(self._text, start, f"expected {wanted}, found {token}")
        return token

    def _take_mark(self, *wanted: str) -> str:
        start = self._start()
        choices = " or ".join(map(repr, wanted))
        token = self._take("mark", choices)
        if token not in wanted:
            raise PolicySyntaxError(self._text, start, f"expected {choices}, found {token}")
        return token


def _emit(gate: _Gate, envelope: SignaturePolicyEnvelope) -> SignaturePolicy:
    """Return the rule of ``gate``; its principals are appended to those of ``envelope``."""
    inner = {
        index: _emit(member, envelope)
        for index, member in enumerate(gate.members)
        if isinstance(member, _Gate)
    }
    rules = []
    for index, member in enumerate(gate.members):
        if isinstance(member, _Gate):
            rules.append(inner[index])
        else:
            rules.append(SignaturePolicy(signed_by=len(envelope.identities)))
            envelope.identities.append(member)
    return SignaturePolicy(n_out_of=SignaturePolicy.NOutOf(n=gate.needed, rules=rules))


def _describe(rule: SignaturePolicy, principals: list[str]) -> str:
    match rule.WhichOneof("Type"):
        case "signed_by" if 0 <= rule.signed_by < len(principals):
            return principals[rule.signed_by]
        case "n_out_of":
            gate = rule.n_out_of
            members = [_describe(member, principals) for member in gate.rules]
            if members and gate.n == 1:
                return f"OR({', '.join(members)})"
            if members and gate.n == len(members):
                return f"AND({', '.join(members)})"
            return f"OutOf({', '.join((str(gate.n), *members))})"
        case _:
            raise MeaninglessPolicyError(
                "a rule is empty or refers to a principal that is not listed"
            )


def _role(msp_id: str, role: "MSPRole.MSPRoleType.ValueType") -> MSPPrincipal:
    content = MSPRole(msp_identifier=msp_id, role=role).SerializeToString()
    return MSPPrincipal(principal_classification=MSPPrincipal.ROLE, principal=content)


def describe_principal(principal: MSPPrincipal) -> str:
    """Return ``principal`` in the policy language, or in angle brackets if it has no words."""
    kind = principal.principal_classification
    if kind == MSPPrincipal.ROLE:
        try:
            role = decode(MSPRole, principal.principal)
        except MalformedMessageError:
            return "<unreadable role>"
        if role.role in _ROLE_WORDS:
            return f"'{role.msp_identifier}.{_ROLE_WORDS[role.role]}'"
        return f"<{role.msp_identifier}, role {role.role}>"
    if kind in MSPPrincipal.Classification.values():
        return (
            f"<{MSPPrincipal.Classification.Name(kind).lower()} {principal.principal.hex()[:16]}>"
        )
    return f"<principal of kind {kind}>"
