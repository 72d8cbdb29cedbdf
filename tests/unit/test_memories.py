"""What a node remembers for speed has a bound, wherever it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("node", "chaincode", "client")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.stem.endswith(("_pb2", "_pb2_grpc"))
]
REMEMBERS_EVERYTHING = {
    "chaincode/tallystick/chaincode/testing/clients.py": "MSPs of a test",
    "chaincode/tallystick/chaincode/values.py": "models of contracts",
    "node/tallystick/node/cluster/etcd.py": "programs on this machine",
    "node/tallystick/node/observability/metrics.py": "chaincodes that the channel defines",
}
"""Modules with memories without bound, and what there is a limited number of."""


def memories_without_bound(source: str) -> Iterator[int]:
    """Yield the lines in which a function comes to remember whatever it was ever called with."""
    if "cache" not in source:  # to parse every module would take long
        return
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="functools", names=names):
                if any(each.name == "cache" for each in names):
                    yield node.lineno
            case ast.Attribute(attr="cache", value=ast.Name(id="functools")):
                yield node.lineno
            case ast.Call(func=ast.Name(id="lru_cache") | ast.Attribute(attr="lru_cache")):
                bounds = [*node.args, *(each.value for each in node.keywords)]
                if any(isinstance(each, ast.Constant) and each.value is None for each in bounds):
                    yield node.lineno
            case _:
                pass


def test_only_what_there_are_few_of_is_remembered_without_bound() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if any(memories_without_bound(path.read_text(encoding="utf-8")))
    }
    assert found <= REMEMBERS_EVERYTHING.keys()


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("from functools import cache", [1]),
        ("import functools\n@functools.cache\ndef f(): ...", [2]),
        ("@lru_cache(maxsize=None)\ndef f(): ...", [1]),
        ("f = functools.lru_cache(None)(g)", [1]),
        ("@lru_cache(maxsize=64)\ndef f(): ...", []),
        ("@lru_cache\ndef f(): ...", []),
    ],
)
def test_a_memory_without_bound_is_found(source: str, lines: list[int]) -> None:
    assert list(memories_without_bound(source)) == lines
