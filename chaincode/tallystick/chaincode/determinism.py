"""Whether the source of a chaincode may depend on anything but its arguments and the ledger.

Every endorser runs a transaction on its own, and the results must agree to the byte. So a contract
has no clock, no randomness, no I/O, no concurrency, no rounding and no memory outside the ledger.
This check reads the source before it is installed. It guards against mistakes, not against malice:
a contract from a party that is not trusted belongs in a process of its own.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tallystick.chaincode.determinism_memory import memories
from tallystick.chaincode.determinism_module import Module, Offence
from tallystick.chaincode.determinism_rules import (
    FLOAT_LITERAL,
    FORBIDDEN_ATTRIBUTES,
    FORBIDDEN_BUILTINS,
    NAIVE_TIME,
    STAR_IMPORT,
    Reason,
    import_problem,
    name_problem,
    shadowing_problem,
)
from tallystick.chaincode.determinism_sets import set_orders, set_results
from tallystick.chaincode.source_tree import module_name

_LATE_IMPORT = Reason("may find another module than the packaged one", "import it at the top")
_ASYNC = Reason("waits for something outside the ledger", "write a plain function")
_UNREADABLE = Reason("is not Python source", "repair the file, or leave it out of the package")
_TOO_DEEP = Reason("nests too deeply to be checked", "simplify it")

_REMEMBERED_FILES = 512
_REMEMBERED_FILE_BYTES = 64 * 1024
"""How many files are kept in memory with what was found in them, and up to which size.

Packages of one author share a third of theirs.
"""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place in the source that makes a contract unfit.

    Attributes:
        path: File inside the package.
        line: Line in that file, from 1.
        what: The offending name or construct.
        why: What is wrong with it.
        remedy: What to write instead.
    """

    path: str
    line: int
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what} {self.why}; {self.remedy}"


def check_sources(sources: Mapping[str, bytes]) -> list[Finding]:
    """Return what is wrong with the Python files of a package, by path and line.

    Args:
        sources: File contents by path inside the package; files other than ``.py`` are ignored.
    """
    modules = {module_name(path): path for path in sources if path.endswith(".py")}
    own = frozenset(modules)
    findings: set[Finding] = set()
    for name, path in modules.items():
        if reason := shadowing_problem(name):
            findings.add(Finding(path, 1, f"module {name}", *reason))
        source = sources[path]
        small = len(source) <= _REMEMBERED_FILE_BYTES
        inspection = _remembered(path, source) if small else _inspect(path, source)
        findings.update(inspection.findings)
        findings.update(_import_findings(path, inspection.imports, own))
    return sorted(findings)


@dataclass(frozen=True, slots=True)
class _Import:
    """One name that a file imports.

    Attributes:
        line: Where.
        module: The module, as the statement names it.
        full_name: The same, or with the name of the thing that is imported from it.
        is_late: Whether this happens when a function runs.
    """

    line: int
    module: str
    full_name: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class _Inspection:
    """What one file shows by itself; which imports are right depends on the package around it."""

    findings: tuple[Finding, ...]
    imports: tuple[_Import, ...] = ()


def _inspect(path: str, source: bytes) -> _Inspection:
    try:
        module = Module(ast.parse(source, path))
        offences = [offence for rule in _RULES for offence in rule(module)]
        imports = tuple(_imports(module))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return _Inspection((Finding(path, line, "the file", *_UNREADABLE),))
    except (MemoryError, RecursionError):  # which of the two depends on the parser
        return _Inspection((Finding(path, 1, "the file", *_TOO_DEEP),))
    findings = (
        Finding(path, getattr(node, "lineno", 1), what, *reason) for node, what, reason in offences
    )
    return _Inspection(tuple(findings), imports)


_remembered = lru_cache(_REMEMBERED_FILES)(_inspect)


def _imports(module: Module) -> Iterator[_Import]:
    for node in module.nodes(ast.Import, ast.ImportFrom):
        match node:
            case ast.Import(names=aliases):
                imported = [(alias.name, alias.name) for alias in aliases]
            case ast.ImportFrom(module=str(name), names=aliases, level=0):
                imported = [(name, f"{name}.{alias.name}") for alias in aliases]
            case _:
                continue
        is_late = module.function_of(node) is not None
        for name, full_name in imported:
            yield _Import(node.lineno, name, full_name, is_late)


def _import_findings(
    path: str, imports: Iterable[_Import], own_modules: frozenset[str]
) -> Iterator[Finding]:
    for each in imports:
        own = each.module in own_modules or each.full_name in own_modules
        reason = None if own else import_problem(each.full_name)
        if reason is None and not own and each.full_name.endswith(".*"):
            reason = STAR_IMPORT
        if reason is None and each.is_late:
            reason = _LATE_IMPORT
        if reason:
            yield Finding(path, each.line, f"import of {each.module}", *reason)


# --- the rules: each yields the offences of one module ---


def _names(module: Module) -> Iterator[Offence]:
    for node in module.nodes(ast.Name):
        name, reason = node.id, FORBIDDEN_BUILTINS.get(node.id)
        if qualified := module.imported.get(name):
            if reason := name_problem(qualified):
                yield node, qualified, reason
        elif reason and isinstance(node.ctx, ast.Load):
            called = isinstance(parent := module.parent(node), ast.Call) and parent.func is node
            if called or name not in module.assigned:
                yield node, name, reason


def _attributes(module: Module) -> Iterator[Offence]:
    for node in module.nodes(ast.Attribute):
        if reason := FORBIDDEN_ATTRIBUTES.get(node.attr):
            yield node, node.attr, reason
        elif (qualified := module.qualified(node)) and (reason := name_problem(qualified)):
            yield node, qualified, reason


def _floats(module: Module) -> Iterator[Offence]:
    for node in module.nodes(ast.Constant):
        if isinstance(node.value, float | complex):
            yield node, repr(node.value), FLOAT_LITERAL


def _naive_times(module: Module) -> Iterator[Offence]:
    for node in module.nodes(ast.Call):
        match node:
            case ast.Call(func=ast.Attribute(attr="astimezone"), args=[], keywords=[]):
                yield node, "astimezone()", NAIVE_TIME
            case ast.Call(func=function, args=[_], keywords=[]) if (
                module.qualified(function) == "datetime.datetime.fromtimestamp"
            ):
                yield node, "datetime.datetime.fromtimestamp", NAIVE_TIME
            case _:
                continue


def _waits(module: Module) -> Iterator[Offence]:
    for node in module.nodes(ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith):
        yield node, "async code", _ASYNC


_RULES = (_names, _attributes, _floats, _naive_times, _waits, set_orders, set_results, memories)
