"""Whether the source of a chaincode may depend on anything but its arguments and the ledger.

Every endorser runs a transaction on its own, and the results must agree to the byte. So a contract
has no clock, no randomness, no I/O, no concurrency, no rounding and no memory outside the ledger.
This check reads the source before it is installed. It guards against mistakes, not against malice:
a contract from a party that is not trusted belongs in a process of its own.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
        findings.update(_check_file(path, sources[path], own))
    return sorted(findings)


def _check_file(path: str, source: bytes, own_modules: frozenset[str]) -> Iterator[Finding]:
    try:
        offences = _offences(Module(ast.parse(source, path), own_modules))
    except (SyntaxError, ValueError) as error:
        yield Finding(path, getattr(error, "lineno", None) or 1, "the file", *_UNREADABLE)
    except (MemoryError, RecursionError):  # which of the two depends on the parser
        yield Finding(path, 1, "the file", *_TOO_DEEP)
    else:
        for node, what, reason in offences:
            yield Finding(path, getattr(node, "lineno", 1), what, *reason)


def _offences(module: Module) -> list[Offence]:
    rules = (_imports, _names, _floats, _naive_times, _waits, set_orders, set_results, memories)
    return [offence for rule in rules for offence in rule(module)]


# --- the rules: each yields the offences of one module ---


def _imports(module: Module) -> Iterator[Offence]:
    for node in module.nodes:
        match node:
            case ast.Import(names=aliases):
                imported = [(alias.name, alias.name) for alias in aliases]
            case ast.ImportFrom(module=str(name), names=aliases, level=0):
                imported = [(name, f"{name}.{alias.name}") for alias in aliases]
            case _:
                continue
        for name, full_name in imported:
            own = name in module.own_modules or full_name in module.own_modules
            reason = None if own else import_problem(full_name)
            if reason is None and not own and full_name.endswith(".*"):
                reason = STAR_IMPORT
            if reason is None and module.function_of(node):
                reason = _LATE_IMPORT
            if reason:
                yield node, f"import of {name}", reason


def _names(module: Module) -> Iterator[Offence]:
    for node in module.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in module.imported:
                called = isinstance(parent := module.parent(node), ast.Call) and parent.func is node
                if name in FORBIDDEN_BUILTINS and (called or name not in module.assigned):
                    yield node, name, FORBIDDEN_BUILTINS[name]
            case ast.Attribute(attr=attribute) if attribute in FORBIDDEN_ATTRIBUTES:
                yield node, attribute, FORBIDDEN_ATTRIBUTES[attribute]
            case ast.Name() | ast.Attribute():
                qualified = module.qualified(node)
                if qualified and (reason := name_problem(qualified)):
                    yield node, qualified, reason
            case _:
                continue


def _floats(module: Module) -> Iterator[Offence]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node, repr(node.value), FLOAT_LITERAL


def _naive_times(module: Module) -> Iterator[Offence]:
    for node in module.nodes:
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
    for node in module.nodes:
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node, "async code", _ASYNC
