"""Which source files belong to a contract: the module it is in, and what that imports."""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path, PurePosixPath

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields of statements that hold statements."""

_REMEMBERED_FILES = 512
"""Of how many files the imports are kept in memory: packages of one tree share many files."""


def module_name(path: str) -> str:
    """Return the name under which the Python file at ``path`` is imported."""
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_tree(root: Path) -> dict[str, bytes]:
    """Return the Python files below ``root`` by their path in it."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*.py"))
        if path.is_file()
    }


def importable_tree(module: str) -> dict[str, bytes]:
    """Return the files of the outermost regular package that holds an importable module.

    Namespace packages around it, such as ``tallystick``, stay out: others own parts of them too.

    Raises:
        ModuleNotFoundError: The module cannot be imported here.
    """
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        spec = find_spec(name)
        if spec is None:
            break
        if spec.origin is None:
            continue  # a namespace package has no file
        file, inner = Path(spec.origin), PurePosixPath(*parts[:length])
        if spec.submodule_search_locations is None:
            return {f"{inner}.py": file.read_bytes()}
        return {f"{inner}/{path}": content for path, content in read_tree(file.parent).items()}
    raise ModuleNotFoundError(f"no module {module} can be imported here", name=module)


def find_spec(module: str) -> ModuleSpec | None:
    """Return where ``module`` would be imported from, or None; imports the packages around it."""
    try:
        return importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None


def needed_sources(tree: Mapping[str, bytes], entry_module: str) -> dict[str, bytes]:
    """Return the files of ``tree`` that importing ``entry_module`` runs.

    A file of the same tree that a contract does not use may thus change, or do what a contract must
    not, without concerning it.

    Raises:
        SyntaxError: A needed file is not Python.
    """
    paths = {module_name(path): path for path in tree}
    needed: set[str] = set()
    waiting = [entry_module]
    while waiting:
        module = waiting.pop()
        if module in needed:
            continue
        needed.add(module)
        if parent := module.rpartition(".")[0]:
            waiting.append(parent)
        if path := paths.get(module):
            waiting.extend(_imported(tree[path], path))
    return {path: tree[path] for module, path in sorted(paths.items()) if module in needed}


@lru_cache(_REMEMBERED_FILES)
def _imported(source: bytes, path: str) -> tuple[str, ...]:
    return tuple(_imports(source, path))


def _imports(source: bytes, path: str) -> Iterator[str]:
    """Yield the full names that a file imports; whether a name is a module is not known here."""
    package = PurePosixPath(path).parent.parts
    for node in _statements(ast.parse(source, path)):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = package[: len(package) - level + 1] if level else ()
                origin = ".".join((*base, module) if module else base)
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in aliases)
            case _:
                continue


def _statements(tree: ast.Module) -> list[ast.AST]:
    """Return all statements of a file, however deep: an import is nowhere inside of another one."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # which grows
        for block in _BLOCKS:
            nodes.extend(getattr(node, block, ()))
    return nodes
