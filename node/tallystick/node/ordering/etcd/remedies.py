"""What to do about an answer, or a connection, by which etcd cannot be used. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from grpc import StatusCode

MAKE_ROOM: Final = (
    "its space is used up. Start its members with a larger --quota-backend-bytes, or free what the"
    " log needs no more with `etcdctl defrag --cluster`; then run `etcdctl alarm disarm`, as"
    " docs/etcd.md says"
)
_LET_IN: Final = (
    "let a role of etcd allow the user that [etcd] certificate names to read and write below"
    " [etcd] prefix, or disable etcd's authentication"
)
_MEND_TLS: Final = (
    "check [etcd] certificate, private_key and root_certificates, and of the members that their"
    " certificates name their addresses and are valid today, and that they trust the authority of"
    " the orderer's"
)
_ALLOW_REQUESTS: Final = "leave --max-request-bytes of its members at 1.5 MiB or more"
_USE_ETCD: Final = "check that what listens at [etcd] endpoints is etcd 3.4 or later"


@dataclass(frozen=True, slots=True)
class _Rule:
    """What to do about errors of some codes whose details have one of some words in them."""

    codes: Collection[StatusCode]
    words: Collection[str]
    remedy: str


_ANY: Final = ("",)
_RULES: Final = (
    _Rule([StatusCode.RESOURCE_EXHAUSTED], ["database space exceeded"], MAKE_ROOM),
    _Rule([StatusCode.INVALID_ARGUMENT], ["too large", "too many operations"], _ALLOW_REQUESTS),
    _Rule([StatusCode.INVALID_ARGUMENT], ["user name", "auth", "password"], _LET_IN),
    _Rule([StatusCode.PERMISSION_DENIED, StatusCode.UNAUTHENTICATED], _ANY, _LET_IN),
    _Rule([StatusCode.UNAVAILABLE], ["ssl", "tls", "handshak", "certificate"], _MEND_TLS),
    _Rule([StatusCode.UNIMPLEMENTED, StatusCode.INVALID_ARGUMENT], _ANY, _USE_ETCD),
)
"""The first that fits counts. The words are those of etcd 3.4 (rpctypes) and of gRPC."""


def remedy_for(code: StatusCode, details: str) -> str:
    """Return what to do about an error; empty if the members may only be away or too slow."""
    told = details.lower()
    for rule in _RULES:
        if code in rule.codes and any(word in told for word in rule.words):
            return rule.remedy
    return ""
