"""The style guide as a test: what a reviewer would otherwise have to notice.

A rule yields the offences of one file, as "path:line: what is wrong"; the test expects none.
"""

import ast
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[Path], Iterator[str]]

ROOT = Path(__file__).parents[1]
NAMESPACE_ROOTS = ("node", "protos", "chaincode", "client")
FOLDERS = (*NAMESPACE_ROOTS, "simulation", "fuzz", "tests", "examples", "bench", "docs", ".ci")
TEXT_SUFFIXES = {"", ".cfg", ".json", ".md", ".mjs", ".proto", ".py", ".toml", ".txt", ".yaml"}
NOT_WRITTEN_BY_HAND = re.compile(r"_pb2(_grpc)?\.pyi?$|^uv\.lock$|^package-lock\.json$|^\.git$")
NOT_WRITTEN_HERE = {"__pycache__", "node_modules"}

MAX_FUNCTION_LINES = 50
MAX_TEST_FUNCTION_LINES = 70
MAX_MODULE_LINES = 400
MAX_TEST_MODULE_LINES = 600

ASSERTING_CALL = re.compile(r"_*(raises|refuses|warns|fail|(check|expect|verify|assert)\w*)")
# The brackets keep this pattern from finding itself.
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|NotImplemented[E]rror)\b")

MACHINE_PATH = re.compile(r"(?<![\w.:/}])/(home|root|Users|work)/[\w.]+")
LEFT_OF_A_MERGE = re.compile(r"(<{7}|>{7}) ")
NAME = re.compile(r"(?=\b([a-z]+(?:-[a-z]+)?)\b)")
# Names that mean something only where this was written, as SHA-256: in clear, the list would
# publish what it forbids.
PRIVATE_NAME_DIGESTS = {
    "94a168d2da574b00ec6c787377278465271cf2b97e68af076fc3eee87eba8664",
    "d298391b07433318a02bd922ed5b90112a4302606c4928b54e3fb1c18130d92e",
    "8cf10d1b0e07c1d834fb2f8253711c3c0c46d3e8391195d08812692c1e067642",
    "fbb8037df8cc90503026c4dfd1faae09d040aeb3ecceab2df6411ae608e5e394",
}

MARKDOWN_CODE = re.compile(r"^( *)(```|~~~).*?^\1\2|`[^`\n]*`", re.MULTILINE | re.DOTALL)
MARKDOWN_TITLE = re.compile(r"^# ", re.MULTILINE)
MARKDOWN_LINK = re.compile(r"\]\((?!https?:|mailto:|#)<?([^)#\s>]+)")


@cache
def text_files() -> list[Path]:
    """Return every text file that somebody wrote, in a stable order."""
    paths = list(ROOT.iterdir())
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            parts = path.relative_to(ROOT / folder).parts
            if NOT_WRITTEN_HERE.isdisjoint(parts) and not any(p.startswith(".") for p in parts):
                paths.append(path)
    return sorted(
        path
        for path in paths
        if path.suffix in TEXT_SUFFIXES
        and not NOT_WRITTEN_BY_HAND.search(path.name)
        and path.is_file()
    )


def python_files() -> list[Path]:
    return [path for path in text_files() if path.suffix == ".py"]


def source_files() -> list[Path]:
    """Return the modules that are installed."""
    roots = [ROOT / root for root in NAMESPACE_ROOTS]
    return [path for path in python_files() if any(path.is_relative_to(root) for root in roots)]


def files_of_tests() -> list[Path]:
    return [path for path in python_files() if is_test_code(path)]


def markdown_files() -> list[Path]:
    return [path for path in text_files() if path.suffix == ".md"]


def is_test_code(path: Path) -> bool:
    return path.is_relative_to(ROOT / "tests")


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(read(path), str(path))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parse(path)) if isinstance(node, Function))


def at(path: Path, line: int, offence: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {offence}"


def long_functions(path: Path) -> Iterator[str]:
    limit = MAX_TEST_FUNCTION_LINES if is_test_code(path) else MAX_FUNCTION_LINES
    for function in functions(path):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > limit:
            yield at(path, function.lineno, f"{function.name} has {length} lines, limit {limit}")


def long_module(path: Path) -> Iterator[str]:
    limit = MAX_TEST_MODULE_LINES if is_test_code(path) else MAX_MODULE_LINES
    length = len(read(path).splitlines())
    if length > limit:
        yield at(path, limit, f"{length} lines, limit {limit}: split it")


def closed_namespace_root(path: Path) -> Iterator[str]:
    if path.name == "__init__.py" and path.parent.parent in [ROOT / r for r in NAMESPACE_ROOTS]:
        yield at(path, 1, "hides the packages of the other namespace roots")


def unfinished_code(path: Path) -> Iterator[str]:
    for number, line in enumerate(read(path).splitlines(), start=1):
        if found := UNFINISHED.search(line):
            yield at(path, number, f"{found.group()}: finish it, or open an issue")


def unresolved_merges(path: Path) -> Iterator[str]:
    for number, line in enumerate(read(path).splitlines(), start=1):
        if LEFT_OF_A_MERGE.match(line):
            yield at(path, number, f"{line}: keep what holds of both sides, and delete this line")


def silenced_errors(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ExceptHandler) and [*map(ast.unparse, node.body)] in (
            ["pass"],
            ["..."],
        ):
            yield at(path, node.lineno, "swallows an error; if it is expected, suppress() it")


def undocumented_definitions(path: Path) -> Iterator[str]:
    if ast.get_docstring(parse(path)) is None:
        yield at(path, 1, "the module has no docstring")
    for definition in public_definitions(parse(path)):
        if ast.get_docstring(definition) is None:
            yield at(path, definition.lineno, f"{definition.name} has no docstring")


def public_definitions(parent: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    """Yield what a reader may use: not private names, not what another definition documents."""
    for node in parent.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}
        if decorators.isdisjoint({"overload", "override", "setter"}):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from public_definitions(node)


def vacuous_tests(path: Path) -> Iterator[str]:
    for function in functions(path):
        if function.name.startswith("test_") and not any(map(asserts, ast.walk(function))):
            yield at(path, function.lineno, f"{function.name} asserts nothing")


def asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).split(".")[-1]
        return ASSERTING_CALL.fullmatch(called) is not None
    return isinstance(node, ast.Assert)


def private_names(path: Path) -> Iterator[str]:
    for number, line in enumerate(read(path).splitlines(), start=1):
        if found := MACHINE_PATH.search(line):
            yield at(path, number, f"{found.group()} exists on one machine only")
    for name in set(NAME.findall(read(path).lower())):
        if hashlib.sha256(name.encode()).hexdigest() in PRIVATE_NAME_DIGESTS:
            yield at(path, 1, f"{name!r} means nothing to a reader")


def several_titles(path: Path) -> Iterator[str]:
    count = len(MARKDOWN_TITLE.findall(MARKDOWN_CODE.sub("", read(path))))
    if count != 1:
        yield at(path, 1, f"{count} first-level headings, expected one")


def dead_links(path: Path) -> Iterator[str]:
    for target in MARKDOWN_LINK.findall(MARKDOWN_CODE.sub("", read(path))):
        if not (path.parent / target).exists():
            yield at(path, 1, f"the link {target} leads nowhere")


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        pytest.param(long_functions, python_files, id="a function fits on a screen"),
        pytest.param(long_module, python_files, id="a module is short"),
        pytest.param(closed_namespace_root, python_files, id="namespace roots stay open"),
        pytest.param(unfinished_code, python_files, id="nothing is left for later"),
        pytest.param(unresolved_merges, text_files, id="every merge is resolved"),
        pytest.param(silenced_errors, python_files, id="no error is swallowed"),
        pytest.param(undocumented_definitions, source_files, id="public names are documented"),
        pytest.param(vacuous_tests, files_of_tests, id="a test can fail"),
        pytest.param(private_names, text_files, id="no file depends on one machine"),
        pytest.param(several_titles, markdown_files, id="a Markdown file has one title"),
        pytest.param(dead_links, markdown_files, id="a relative link leads somewhere"),
    ],
)
def test_the_project_is_tidy(rule: Rule, files: Callable[[], list[Path]]) -> None:
    offences = [offence for path in files() for offence in rule(path)]

    assert not offences, "\n".join(offences)
