"""Where a contract may depend on the order of a set, which differs from process to process."""

import ast
from collections.abc import Iterable, Iterator

from tallystick.chaincode.determinism_module import (
    Function,
    Module,
    Offence,
    assignments,
    bound_names,
    callee,
    walk,
)
from tallystick.chaincode.determinism_rules import Reason

# Callers that do not care in which order the elements come, and callers that hand the order on.
_ORDER_FREE = frozenset({"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"})
_ORDER_KEEPING = frozenset(
    {"dict", "enumerate", "format", "iter", "list", "map", "next", "repr", "str", "tuple", "zip"}
)
_ORDER_KEEPING_METHODS = frozenset({"extend", "fromkeys", "join"})
_SET_MAKERS = frozenset({"set", "frozenset"})
_SET_METHODS = frozenset({"difference", "intersection", "symmetric_difference", "union"})
_DICT_VIEWS = frozenset({"items", "keys"})

_TAKERS = (
    *(ast.For, ast.Starred, ast.YieldFrom, ast.FormattedValue, ast.Assign),
    *(ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.Call),
)
"""What can take the elements of something in the order they come in."""

_ORDER = Reason("comes in another order in every process", "iterate over sorted(...)")
_FIELD = Reason("comes in another order in every process", "use a sorted tuple or list")


def set_orders(module: Module) -> Iterator[Offence]:
    """Find where the elements of a set are taken in the order they come in."""
    sets = _Sets(module)
    for node in module.nodes(*_TAKERS):
        for elements in _ordered_elements(module, node):
            if sets.contains(elements):
                yield elements, "the order of a set", _ORDER


def set_results(module: Module) -> Iterator[Offence]:
    """Find sets where they would be written out: as fields of models, and as results."""
    for node in module.nodes(ast.ClassDef, ast.FunctionDef):
        match node:
            case ast.ClassDef(body=body):
                annotations = [each.annotation for each in body if isinstance(each, ast.AnnAssign)]
            case ast.FunctionDef(returns=ast.expr() as returns) if module.is_contract_function(
                node
            ):
                annotations = [returns]
            case _:
                continue
        for annotation in annotations:
            for part in walk(annotation):
                if isinstance(part, ast.expr) and _is_set_type(part):
                    yield part, "a set that is written out", _FIELD


class _Sets:
    """Which expressions of a module are sets, as far as the source shows."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._makers = _SET_MAKERS | {
            node.name for node in module.nodes(ast.FunctionDef) if _is_set_type(node.returns)
        }
        self._names: dict[Function, tuple[frozenset[str], frozenset[str]]] = {}
        self._globals: frozenset[str] = frozenset()
        self._attributes: frozenset[str] = frozenset()
        self._globals = self._set_names(module.body)
        self._attributes = frozenset(
            name for each in module.nodes(ast.ClassDef) for name in self._set_names(each.body)
        )

    def contains(self, node: ast.expr) -> bool:
        """Return whether ``node`` is a set."""
        match node:
            case ast.Name(id=name):
                return self._is_set_name(node, name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attribute):
                return attribute in self._attributes
            case ast.Call(func=function):
                return self._returns_set(function)
            case ast.BinOp(left=left, right=right, op=ast.BitOr() | ast.BitAnd() | ast.BitXor()):
                return self._is_set_like(left) or self._is_set_like(right)
            case ast.BinOp(left=left, op=ast.Sub()):
                return self._is_set_like(left)
            case _:
                return isinstance(node, ast.Set | ast.SetComp) or any(
                    map(self.contains, _alternatives(node))
                )

    def _is_set_like(self, node: ast.expr) -> bool:
        return _is_dict_view(node) or self.contains(node)

    def _returns_set(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                return name in self._makers
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return name in self._makers
            case ast.Attribute(value=value, attr="copy"):
                return self.contains(value)
            case ast.Attribute(attr=name):
                return name in _SET_METHODS
            case _:
                return False

    def _is_set_name(self, node: ast.AST, name: str) -> bool:
        for function in self._module.functions_of(node):
            if function not in self._names:
                self._names[function] = frozenset(), frozenset()  # in case of a cycle
                parts = walk(function)
                self._names[function] = frozenset(bound_names(parts)), self._set_names(parts)
            bound, sets = self._names[function]
            if name in bound:
                return name in sets
        return name in self._globals

    def _set_names(self, nodes: Iterable[ast.AST]) -> frozenset[str]:
        """Return the names that these statements, or the parts of this function, make sets."""
        nodes = list(nodes)
        names: set[str] = set()
        for name, value in assignments(nodes):
            if self.contains(value) or (isinstance(value, ast.Name) and value.id in names):
                names.add(name)
        for node in nodes:
            match node:
                case (
                    ast.AnnAssign(target=ast.Name(id=name), annotation=annotation)
                    | ast.arg(arg=name, annotation=annotation)
                ) if _is_set_type(annotation):
                    names.add(name)
                case _:
                    continue
        return frozenset(names)


def _ordered_elements(module: Module, node: ast.AST) -> list[ast.expr]:
    """Return the expressions whose elements ``node`` takes in the order they come in."""
    match node:
        case (
            ast.For(iter=elements)
            | ast.Starred(value=elements)
            | ast.YieldFrom(value=elements)
            | ast.FormattedValue(value=elements)
            | ast.Assign(targets=[ast.Tuple(elts=[_, _, *_])], value=elements)
        ):
            return [elements]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            caller = module.parent(node)
            free = isinstance(caller, ast.Call) and callee(caller) in _ORDER_FREE
            return [] if free else [generator.iter for generator in node.generators]
        case ast.Call():
            return _taken_by(node)
        case _:
            return []


def _taken_by(call: ast.Call) -> list[ast.expr]:
    match call.func:
        case ast.Attribute(value=elements, attr="pop") if not call.args:
            return [elements]
        case ast.Attribute(attr=name) if name in _ORDER_KEEPING_METHODS:
            return call.args
        case _:
            return call.args if callee(call) in _ORDER_KEEPING else []


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the expressions of which ``node`` is one."""
    match node:
        case ast.IfExp(body=left, orelse=right):
            return [left, right]
        case ast.NamedExpr(value=value):
            return [value]
        case _:
            return []


def _is_dict_view(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=name), args=[]):
            return name in _DICT_VIEWS
        case _:
            return False


def _is_set_type(annotation: ast.expr | None) -> bool:
    match annotation:
        case (
            ast.Subscript(value=ast.Name(id="set" | "frozenset")) | ast.Name(id="set" | "frozenset")
        ):
            return True
        case _:
            return False
