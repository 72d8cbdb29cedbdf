"""Whether the source of a chaincode may depend on anything but its arguments and the ledger.

Every endorser runs a transaction on its own, and the results must agree to the byte. So a contract
has no clock, no randomness, no I/O, no concurrency, no rounding and no memory outside the ledger.
This check reads the source before it is installed. It guards against mistakes, not against malice:
a contract from a party that is not trusted belongs in a process of its own.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tallystick.chaincode.determinism_rules import (
    FLOAT_LITERAL,
    FORBIDDEN_BUILTINS,
    Reason,
    import_problem,
    name_problem,
    shadowing_problem,
)
from tallystick.chaincode.source_tree import module_name

Offence: TypeAlias = tuple[ast.AST, str, Reason]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

# Callers that do not care in which order the elements come, and callers that hand the order on.
_ORDER_FREE = frozenset({"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"})
_ORDER_KEEPING = frozenset({"dict", "enumerate", "iter", "list", "map", "next", "tuple", "zip"})
_CONTRACT_DECORATORS = frozenset({"tallystick.chaincode.transaction", "tallystick.chaincode.query"})

_SET_ORDER = Reason("comes in another order in every process", "iterate over sorted(...)")
_SET_FIELD = Reason("comes in another order in every process", "use a sorted tuple or list")
_MEMORY = Reason("outlives the call", "keep it in ctx.state")
_LATE_IMPORT = Reason("may find another module than the packaged one", "import it at the top")
_ASYNC = Reason("waits for something outside the ledger", "write a plain function")
_UNREADABLE = Reason("is not Python source", "repair the file, or leave it out of the package")


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
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        yield Finding(path, line, "the file", *_UNREADABLE)
        return
    module = _Module(tree, own_modules)
    for rule in (_imports, _names, _floats, _set_orders, _set_results, _memories, _waits):
        for node, what, reason in rule(module):
            yield Finding(path, getattr(node, "lineno", 1), what, *reason)


class _Module:
    """One parsed file, with what the rules ask about it.

    Attributes:
        imported: What every imported name is called where it is defined.
        assigned: Every other name that the file binds anywhere.
    """

    def __init__(self, tree: ast.Module, own_modules: frozenset[str]) -> None:
        self.nodes = list(ast.walk(tree))
        self.own_modules = own_modules
        self.imported = dict(_imported_names(self.nodes))
        self.assigned = frozenset(_assigned_names(self.nodes))
        self._parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return what directly contains ``node``."""
        return self._parents.get(node)

    def function_of(self, node: ast.AST) -> _Function | None:
        """Return the innermost function that contains ``node``."""
        parent = self.parent(node)
        while parent is not None and not isinstance(parent, _Function):
            parent = self.parent(parent)
        return parent

    def qualified(self, node: ast.AST) -> str | None:
        """Return the full name of an imported thing, or None for any other expression."""
        match node:
            case ast.Name(id=name):
                return self.imported.get(name)
            case ast.Attribute(value=value, attr=attribute):
                owner = self.qualified(value)
                return f"{owner}.{attribute}" if owner else None
            case _:
                return None


# --- the rules: each yields the offences of one module ---


def _imports(module: _Module) -> Iterator[Offence]:
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
            if reason is None and module.function_of(node):
                reason = _LATE_IMPORT
            if reason:
                yield node, f"import of {name}", reason


def _names(module: _Module) -> Iterator[Offence]:
    for node in module.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in module.imported:
                called = isinstance(parent := module.parent(node), ast.Call) and parent.func is node
                if name in FORBIDDEN_BUILTINS and (called or name not in module.assigned):
                    yield node, name, FORBIDDEN_BUILTINS[name]
            case ast.Name() | ast.Attribute():
                qualified = module.qualified(node)
                if qualified and (reason := name_problem(qualified)):
                    yield node, qualified, reason
            case _:
                continue


def _floats(module: _Module) -> Iterator[Offence]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node, repr(node.value), FLOAT_LITERAL


def _set_orders(module: _Module) -> Iterator[Offence]:
    for node in module.nodes:
        for elements in _ordered_elements(module, node):
            function = module.function_of(node)
            if _is_set(elements, _set_names(function) if function else frozenset()):
                yield elements, "the order of a set", _SET_ORDER


def _set_results(module: _Module) -> Iterator[Offence]:
    """Find sets where they would be written out: as fields of models, and as results."""
    for node in module.nodes:
        match node:
            case ast.ClassDef(body=body):
                annotations = [each.annotation for each in body if isinstance(each, ast.AnnAssign)]
            case ast.FunctionDef(returns=ast.expr() as returns) if _is_contract_function(
                module, node
            ):
                annotations = [returns]
            case _:
                continue
        for annotation in annotations:
            for part in ast.walk(annotation):
                if isinstance(part, ast.expr) and _is_set_type(part):
                    yield part, "a set that is written out", _SET_FIELD


def _memories(module: _Module) -> Iterator[Offence]:
    for node in module.nodes:
        match node:
            case ast.Global(names=names):
                yield node, f"global {', '.join(names)}", _MEMORY
            case ast.ClassDef(body=body):
                for member in body:
                    if isinstance(member, ast.FunctionDef) and _is_contract_function(
                        module, member
                    ):
                        yield from _assigned_attributes(member)
            case _:
                continue


def _waits(module: _Module) -> Iterator[Offence]:
    for node in module.nodes:
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node, "async code", _ASYNC


# --- what the rules are made of ---


def _imported_names(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    top = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (top, top)
            case ast.ImportFrom(module=str(name), names=aliases, level=0):
                for alias in aliases:
                    yield alias.asname or alias.name, f"{name}.{alias.name}"
            case _:
                continue


def _assigned_names(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case _:
                continue


def _ordered_elements(module: _Module, node: ast.AST) -> list[ast.expr]:
    """Return the expressions whose elements ``node`` takes in the order they come in."""
    match node:
        case ast.For(iter=elements) | ast.Starred(value=elements) | ast.YieldFrom(value=elements):
            return [elements]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            caller = module.parent(node)
            free = isinstance(caller, ast.Call) and _callee(caller) in _ORDER_FREE
            return [] if free else [generator.iter for generator in node.generators]
        case ast.Call(func=ast.Attribute(attr="join"), args=arguments):
            return arguments
        case ast.Call(args=arguments) if _callee(node) in _ORDER_KEEPING:
            return arguments
        case _:
            return []


def _is_set(node: ast.expr, set_names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in set_names
        case ast.Call():
            return _callee(node) in {"set", "frozenset"}
        case ast.BinOp(left=left, right=right, op=ast.BitOr() | ast.BitAnd() | ast.Sub()):
            return _is_set(left, set_names) or _is_set(right, set_names)
        case _:
            return False


def _set_names(function: _Function) -> frozenset[str]:
    """Return the local names that ``function`` makes sets."""
    names: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_set(
                value, frozenset()
            ):
                names.add(name)
            case (
                ast.AnnAssign(target=ast.Name(id=name), annotation=annotation)
                | ast.arg(arg=name, annotation=annotation)
            ) if _is_set_type(annotation):
                names.add(name)
            case _:
                continue
    return frozenset(names)


def _is_set_type(annotation: ast.expr | None) -> bool:
    match annotation:
        case (
            ast.Subscript(value=ast.Name(id="set" | "frozenset")) | ast.Name(id="set" | "frozenset")
        ):
            return True
        case _:
            return False


def _callee(call: ast.AST) -> str:
    match call:
        case ast.Call(func=ast.Name(id=name)):
            return name
        case _:
            return ""


def _is_contract_function(module: _Module, function: ast.FunctionDef) -> bool:
    return any(module.qualified(each) in _CONTRACT_DECORATORS for each in function.decorator_list)


def _assigned_attributes(function: ast.FunctionDef) -> Iterator[Offence]:
    itself = function.args.args[0].arg if function.args.args else ""
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store(), attr=attribute) if (
                name == itself
            ):
                yield node, f"{name}.{attribute}", _MEMORY
            case _:
                continue
