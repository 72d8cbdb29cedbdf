"""Where a contract would remember something outside the ledger: one peer has it, another not."""

import ast
from collections.abc import Iterator

from tallystick.chaincode.determinism_module import Module, Offence, bound_names, callee, walk
from tallystick.chaincode.determinism_rules import Reason

_MUTATORS = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"}
    | {"popleft", "remove", "reverse", "setdefault", "sort", "update"}
)
_MUTABLE_MAKERS = frozenset({"bytearray", "dict", "list", "set"})

_CHANGES = (ast.Attribute, ast.Subscript, ast.Call)
"""What can change something in place."""

_MEMORY = Reason("outlives the call", "keep it in ctx.state")
_DEFAULT = Reason("outlives the call", "make a new one in the function")


def memories(module: Module) -> Iterator[Offence]:
    """Find what outlives a call: changes of contracts, of globals and of default arguments."""
    outer = frozenset(bound_names(_statements(module)))
    for node in module.nodes(ast.Global):
        yield node, f"global {', '.join(node.names)}", _MEMORY
    for contract in filter(module.is_contract, module.nodes(ast.ClassDef)):
        yield from _changes_of_itself(contract)
    for parameters in module.nodes(ast.arguments):
        for default in filter(_is_mutable, (*parameters.defaults, *parameters.kw_defaults)):
            yield default or parameters, "a mutable default", _DEFAULT
    for change in module.nodes(*_CHANGES):
        yield from _changes_of_globals(module, change, outer)


def _statements(module: Module) -> Iterator[ast.AST]:
    """Yield the parts of the module that run when it is imported, for the names they bind."""
    for statement in module.body:
        match statement:
            case ast.ClassDef():
                yield statement
            case ast.Assign() | ast.AnnAssign():
                yield from walk(statement)
            case _:
                continue


def _changes_of_itself(contract: ast.ClassDef) -> Iterator[Offence]:
    for method in contract.body:
        if not isinstance(method, ast.FunctionDef) or method.name == "__init__":
            continue
        itself = method.args.args[0].arg if method.args.args else ""
        for node in walk(method):
            changed = _changed(node)
            is_own_method = isinstance(node, ast.Call) and isinstance(changed, ast.Name)
            if changed is not None and not is_own_method and _root(changed) == itself:
                yield node, _what(node, changed), _MEMORY


def _changes_of_globals(module: Module, node: ast.AST, outer: frozenset[str]) -> Iterator[Offence]:
    changed = _changed(node)
    if changed is None or (name := _root(changed)) not in outer:
        return
    functions = list(module.functions_of(node))
    if functions and not any(name in bound_names(walk(each)) for each in functions):
        yield node, _what(node, changed), _MEMORY


def _changed(node: ast.AST) -> ast.expr | None:
    """Return the thing that ``node`` changes in place, if it does that."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del(), value=value):
            return value
        case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
            return value
        case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in _MUTATORS:
            return value
        case ast.Call(args=[value, *_]) if callee(node) == "next":
            return value
        case _:
            return None


def _what(node: ast.AST, changed: ast.expr) -> str:
    return ast.unparse(node if isinstance(node, ast.Attribute) else changed)


def _root(node: ast.expr) -> str:
    """Return the name that a chain of attributes and subscripts begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_mutable(default: ast.expr | None) -> bool:
    if isinstance(default, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp):
        return True
    return default is not None and callee(default) in _MUTABLE_MAKERS
