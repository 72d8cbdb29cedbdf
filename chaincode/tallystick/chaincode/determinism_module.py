"""One parsed source file of a chaincode, as the rules of the determinism check see it."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from tallystick.chaincode.determinism_rules import Reason

Offence: TypeAlias = tuple[ast.AST, str, Reason]
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

NodeT = TypeVar("NodeT", bound=ast.AST)

# Fields that hold no node, or one that no rule looks at by itself: operators and contexts.
_BARE_FIELDS = frozenset(
    {"arg", "asname", "attr", "conversion", "ctx", "id", "kind", "level", "module", "op", "ops"}
    | {"simple", "type_comment"}
)
_INNER_FIELDS: Mapping[type, Sequence[str]] = {
    kind: tuple(field for field in kind._fields if field not in _BARE_FIELDS)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""By kind of node, the fields in which it may hold others."""

# Looked up before a match, which tries one class after the other: most nodes are neither.
_IMPORTS = frozenset({ast.Import, ast.ImportFrom})
_ASSIGNMENTS = frozenset({ast.Assign, ast.AnnAssign, ast.NamedExpr})

_CONTRACT = "tallystick.chaincode.Contract"
_CONTRACT_DECORATORS = frozenset({"tallystick.chaincode.transaction", "tallystick.chaincode.query"})


class Module:
    """One parsed file.

    Attributes:
        body: Its top-level statements.
        imported: What every imported name, or other name for such, is called where it is defined.
        assigned: Every other name that the file binds anywhere.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.body = tree.body
        self._parents: dict[ast.AST, ast.AST] = {}
        nodes = walk(tree, self._parents)
        self._by_kind: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        for node in nodes:
            self._by_kind[type(node)].append(node)
        self.imported = dict(_imported_names(nodes))
        for name, value in assignments(nodes):
            if qualified := self.qualified(value):
                self.imported.setdefault(name, qualified)
        binding = self.nodes(ast.Name, ast.arg, ast.FunctionDef, ast.ClassDef)
        self.assigned = frozenset(bound_names(binding))

    def nodes(self, *kinds: type[NodeT]) -> Iterator[NodeT]:
        """Yield everything in the file that is of these kinds, kind after kind."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())  # type: ignore[misc]  # listed by its kind

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return what directly contains ``node``."""
        return self._parents.get(node)

    def functions_of(self, node: ast.AST) -> Iterator[Function]:
        """Yield the functions that contain ``node``, the innermost first."""
        parent = self.parent(node)
        while parent is not None:
            if isinstance(parent, Function):
                yield parent
            parent = self.parent(parent)

    def function_of(self, node: ast.AST) -> Function | None:
        """Return the innermost function that contains ``node``."""
        return next(self.functions_of(node), None)

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

    def is_contract_function(self, function: ast.AST) -> bool:
        """Return whether clients can call this function of a contract."""
        return isinstance(function, ast.FunctionDef) and any(
            self.qualified(each) in _CONTRACT_DECORATORS for each in function.decorator_list
        )

    def is_contract(self, node: ast.ClassDef) -> bool:
        """Return whether a class is a contract, as far as this file shows."""
        return any(self.qualified(base) == _CONTRACT for base in node.bases) or any(
            map(self.is_contract_function, node.body)
        )


def walk(tree: ast.AST, parents: dict[ast.AST, ast.AST] | None = None) -> list[ast.AST]:
    """Return ``tree`` and all below it, except operators and contexts.

    Args:
        tree: Where to begin.
        parents: Told of everything below what directly contains it.
    """
    # One loop without a call for each node: files are many, and this is most of their check.
    nodes = [tree]
    for node in nodes:  # which grows
        for field in _INNER_FIELDS[type(node)]:
            value = getattr(node, field, None)
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST):
                    nodes.append(child)
                    if parents is not None:
                        parents[child] = node
    return nodes


def assignments(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names to which a single value is assigned, with that value."""
    for node in nodes:
        if type(node) not in _ASSIGNMENTS:
            continue
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                yield name, value
            case _:
                continue


def bound_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are bound in any way but by an import."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case _:
                continue


def callee(call: ast.AST) -> str:
    """Return the plain name that is called, or nothing."""
    match call:
        case ast.Call(func=ast.Name(id=name)):
            return name
        case _:
            return ""


def _imported_names(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if type(node) not in _IMPORTS:
            continue
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
