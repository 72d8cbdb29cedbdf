"""Which modules and names a contract may use, and what to write instead of the others."""

import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple


class Reason(NamedTuple):
    """Why something has no place in a contract, and what to write instead."""

    why: str
    remedy: str


_CLOCK = Reason("reads the clock of one machine", "take the time from ctx.timestamp")
_RANDOM = Reason(
    "differs from peer to peer", "derive it from ctx.transaction_id, or let the client send it"
)
_OUTSIDE = Reason(
    "reaches outside the ledger", "keep what the contract needs in ctx.state or in its arguments"
)
_BESIDE = Reason(
    "runs beside the contract", "run from start to end; call other chaincodes with ctx.invoke"
)
_ESCAPE = Reason("escapes this check", "write out the code that it would run")
_FLOAT = Reason("rounds", "use int in the smallest unit, or decimal.Decimal")
_UNKNOWN = Reason(
    "is not known to be deterministic and present on every peer",
    "put the module into the package, or do without it",
)
_VERIFY_ONLY = Reason("makes or uses a secret", "verify signatures only; sign in the client")
_SHADOW = Reason(
    "takes the name of a module that others import", "give the package a name of its own"
)
_TIME_ZONE = Reason("depends on the time zone of one machine", "name the zone: datetime.UTC")
_SHARED = Reason("changes all other contracts too", "use decimal.localcontext(...)")
_STOP = Reason("would stop the peer", "raise Refusal")
FLOAT_LITERAL = _FLOAT

# Modules, with all below them, whose results depend on their arguments only.
_PURE_TEXT = """
    __future__ abc annotationlib annotated_types base64 binascii bisect calendar collections
    contextlib copy dataclasses datetime decimal enum fractions functools hashlib heapq hmac
    itertools json math numbers operator re string struct textwrap types typing typing_extensions
    unicodedata pydantic pydantic_core google.protobuf
    cryptography.exceptions cryptography.x509 cryptography.hazmat.primitives
    tallystick.chaincode tallystick.contracts tallystick.protos tallystick.wire
"""
_PURE = frozenset(_PURE_TEXT.split())


def _each(names: str, reason: Reason) -> Mapping[str, Reason]:
    return dict.fromkeys(names.split(), reason)


FORBIDDEN_MODULES: Mapping[str, Reason] = {
    **_each("time zoneinfo sched", _CLOCK),
    **_each("random secrets uuid", _RANDOM),
    **_each("os sys io pathlib tempfile shutil glob socket ssl http urllib requests", _OUTSIDE),
    **_each("platform locale sqlite3 logging", _OUTSIDE),
    **_each("subprocess threading multiprocessing asyncio concurrent signal queue", _BESIDE),
    **_each("importlib inspect ctypes gc builtins pickle", _ESCAPE),
    **_each(
        "tallystick.chaincode.testing tallystick.contracts.testing",
        Reason("is for tests", "leave tests out of the package"),
    ),
}

FORBIDDEN_BUILTINS: Mapping[str, Reason] = {
    **_each("open input print breakpoint", _OUTSIDE),
    **_each("eval exec compile __import__ globals locals vars", _ESCAPE),
    **_each("getattr setattr delattr __builtins__ __loader__ __spec__", _ESCAPE),
    **_each("exit quit SystemExit KeyboardInterrupt", _STOP),
    "hash": Reason("differs from process to process", "use hashlib.sha256"),
    "id": Reason("is an address in one process", "compare with `is`, or give the thing a name"),
    "float": _FLOAT,
}

FORBIDDEN_ATTRIBUTES: Mapping[str, Reason] = _each(
    "__builtins__ __code__ __dict__ __globals__ __loader__", _ESCAPE
)

# Things to be found in modules that may be used otherwise.
_FORBIDDEN_NAMES: Mapping[str, Reason] = {
    **_each("datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow", _CLOCK),
    **_each("datetime.date.today cryptography.x509.verification.PolicyBuilder", _CLOCK),
    **_each("pydantic.PastDate pydantic.PastDatetime", _CLOCK),
    **_each("pydantic.FutureDate pydantic.FutureDatetime", _CLOCK),
    **_each("pydantic.FilePath pydantic.DirectoryPath pydantic.NewPath", _OUTSIDE),
    "datetime.date.fromtimestamp": _TIME_ZONE,
    **_each("decimal.getcontext decimal.setcontext decimal.DefaultContext", _SHARED),
}
NAIVE_TIME = _TIME_ZONE
STAR_IMPORT = Reason("hides from this check what is used", "import it by name")

_SECRET = re.compile(
    r"cryptography\..*(generate|random|private_?key)|tallystick\.wire\.signing\.sign(_digest)?$",
    re.IGNORECASE,
)

_REMEMBERED_NAMES = 4096
"""How many names are kept in memory with what is wrong with them: files use the same ones."""

# What a package may not bring along: it would be found in place of the real one.
_RESERVED = frozenset(sys.stdlib_module_names) | frozenset(name.partition(".")[0] for name in _PURE)
_OWN_CONTRACTS = "tallystick.contracts"


def import_problem(full_name: str) -> Reason | None:
    """Return what is wrong with importing this module, or thing of a module, into a package."""
    for name in _prefixes(full_name):
        if name in FORBIDDEN_MODULES:
            return FORBIDDEN_MODULES[name]
    return None if _PURE.intersection(_prefixes(full_name)) else _UNKNOWN


@lru_cache(_REMEMBERED_NAMES)
def name_problem(qualified_name: str) -> Reason | None:
    """Return what is wrong with using something imported; its name is that of its definition."""
    if qualified_name in _FORBIDDEN_NAMES:
        return _FORBIDDEN_NAMES[qualified_name]
    return _VERIFY_ONLY if _SECRET.match(qualified_name) else None


def shadowing_problem(module: str) -> Reason | None:
    """Return what is wrong with a package that brings a module of this name."""
    if _OWN_CONTRACTS in _prefixes(module):
        return None
    return _SHADOW if module.partition(".")[0] in _RESERVED else None


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
