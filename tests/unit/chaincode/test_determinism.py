"""What the source of a contract may not do, with the line and the remedy."""

import pytest

from tallystick.chaincode.determinism import Finding, check_sources


def findings(source: str, path: str = "acme/contract.py") -> list[Finding]:
    return check_sources({path: source.encode()})


@pytest.mark.parametrize(
    ("source", "what"),
    [
        pytest.param("import time", "import of time", id="clock module"),
        pytest.param("import random as r", "import of random", id="renamed module"),
        pytest.param("from os import path", "import of os", id="part of a module"),
        pytest.param("import os.path", "import of os.path", id="submodule"),
        pytest.param("import asyncio", "import of asyncio", id="concurrency"),
        pytest.param("from pathlib import Path", "import of pathlib", id="files"),
        pytest.param("import requests_cache", "import of requests_cache", id="unknown module"),
        pytest.param("from tallystick.node import errors", "import of tallystick.node", id="node"),
        pytest.param(
            "from tallystick.chaincode import testing",
            "import of tallystick.chaincode",
            id="testing",
        ),
        pytest.param("def f():\n import json", "import of json", id="import in a function"),
        pytest.param(
            "from datetime import datetime as dt\nx = dt.now()", "datetime.datetime.now", id="now"
        ),
        pytest.param(
            "import datetime\nx = [datetime.date.today]",
            "datetime.date.today",
            id="not even called",
        ),
        pytest.param(
            "from cryptography.hazmat.primitives.asymmetric import ec\nk = ec.generate_private_key",
            "cryptography.hazmat.primitives.asymmetric.ec.generate_private_key",
            id="key generation",
        ),
        pytest.param(
            "from tallystick.wire.signing import sign\nsign(k, m)",
            "tallystick.wire.signing.sign",
            id="signing draws a random nonce",
        ),
        pytest.param("x = hash('a')", "hash", id="hash"),
        pytest.param("x = sorted(y, key=id)", "id", id="id as a key"),
        pytest.param("class A:\n id: str\nx = id(A)", "id", id="a field does not hide the builtin"),
        pytest.param("eval('1')", "eval", id="eval"),
        pytest.param("open('f')", "open", id="open"),
        pytest.param("x: float", "float", id="float annotation"),
        pytest.param("x = 0.5", "0.5", id="float literal"),
        pytest.param("for x in {1, 2}: pass", "the order of a set", id="loop over a set"),
        pytest.param("x = [y for y in set(z)]", "the order of a set", id="list of a set"),
        pytest.param("x = {y: 1 for y in a | {1}}", "the order of a set", id="dict of a union"),
        pytest.param("x = ','.join({'a'})", "the order of a set", id="join"),
        pytest.param("x = list(frozenset(y))", "the order of a set", id="list()"),
        pytest.param("x = [*{1}]", "the order of a set", id="star"),
        pytest.param(
            "def f():\n s = set()\n for x in s: pass", "the order of a set", id="a local set"
        ),
        pytest.param(
            "def f(s: set[str]):\n return tuple(s)", "the order of a set", id="a set parameter"
        ),
        pytest.param("class M:\n x: set[str]", "a set that is written out", id="a field"),
        pytest.param(
            "from tallystick.chaincode import query\n@query\ndef f(c) -> list[set]: pass",
            "a set that is written out",
            id="a result",
        ),
        pytest.param("def f():\n global n\n n = 1", "global n", id="global"),
        pytest.param("async def f(): pass", "async code", id="async"),
        pytest.param("x = (", "the file", id="not Python"),
        pytest.param("x = " + "-" * 20_000 + "1", "the file", id="too deep to be parsed"),
        pytest.param("x = getattr(y, 'now')", "getattr", id="a computed attribute"),
        pytest.param("x = __builtins__", "__builtins__", id="builtins by another name"),
        pytest.param("def f(x): return x.__globals__", "__globals__", id="globals of a function"),
        pytest.param("def f(): raise SystemExit", "SystemExit", id="exit"),
        pytest.param("from datetime import *", "import of datetime", id="star import"),
        pytest.param(
            "import datetime\nd = datetime.datetime\nx = d.now",
            "datetime.datetime.now",
            id="another name for what is imported",
        ),
        pytest.param(
            "from pydantic import PastDatetime\nx: PastDatetime",
            "pydantic.PastDatetime",
            id="a type that reads the clock",
        ),
        pytest.param(
            "from datetime import datetime\nx = datetime.fromtimestamp(5)",
            "datetime.datetime.fromtimestamp",
            id="the machine's time zone",
        ),
        pytest.param("def f(t): return t.astimezone()", "astimezone()", id="the same, later"),
        pytest.param(
            "from decimal import getcontext\ndef f(): getcontext().prec = 5",
            "decimal.getcontext",
            id="the context of all decimals",
        ),
        pytest.param(
            "from tallystick.contracts import testing",
            "import of tallystick.contracts",
            id="tests of the contracts",
        ),
        pytest.param("S = {1}\ndef f():\n for x in S: pass", "the order of a set", id="a global"),
        pytest.param(
            "class A:\n S = {1}\n def f(self): return list(self.S)",
            "the order of a set",
            id="a set of a class",
        ),
        pytest.param(
            "def f(self):\n x = self.a\n class A:\n  y = x\n return list({1})",
            "the order of a set",
            id="beside a class in a method",
        ),
        pytest.param(
            "def f() -> set[str]: return {'a'}\nfor x in f(): pass",
            "the order of a set",
            id="a set that a function returns",
        ),
        pytest.param("for x in a.union(b): pass", "the order of a set", id="a method of sets"),
        pytest.param("for x in a.keys() & b: pass", "the order of a set", id="keys in common"),
        pytest.param("for x in ({1} if a else b): pass", "the order of a set", id="either"),
        pytest.param(
            "def f():\n s = t = 1\n u = {1}\n return u.pop()",
            "the order of a set",
            id="any element",
        ),
        pytest.param("x, y = {1, 2}", "the order of a set", id="taken apart"),
        pytest.param("x = f'{ {1, 2} }'", "the order of a set", id="as text"),
        pytest.param("C = {}\ndef f(): C['k'] = 1", "C", id="a cache"),
        pytest.param("C = []\ndef f(): C.append(1)", "C", id="a list of the module"),
        pytest.param(
            "import itertools\nC = itertools.count()\ndef f(): return next(C)", "C", id="a counter"
        ),
        pytest.param("class A: pass\ndef f(): A.x = 1", "A.x", id="an attribute of a class"),
        pytest.param("def f(x=[]): return x", "a mutable default", id="a mutable default"),
    ],
)
def test_what_depends_on_the_peer_is_refused(source: str, what: str) -> None:
    assert [finding.what for finding in findings(source)] == [what]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import json, decimal, hashlib, re", id="pure modules"),
        pytest.param("from pydantic import BaseModel", id="pydantic"),
        pytest.param("from tallystick.chaincode import Contract", id="the author API"),
        pytest.param("from cryptography import x509", id="certificates"),
        pytest.param("import acme.contract", id="the package itself"),
        pytest.param("from acme import contract", id="a module of the package"),
        pytest.param("from . import contract", id="a relative import"),
        pytest.param("def f(id: str, hash: str): return id + hash", id="a parameter of that name"),
        pytest.param("def f(x): return x.now(), x.id(), x.hash", id="methods of that name"),
        pytest.param("from datetime import datetime\nx: datetime", id="datetime as a type"),
        pytest.param("for x in sorted({1, 2}): pass", id="a sorted set"),
        pytest.param("x = sum(y for y in {1}) + len({1})", id="order does not matter"),
        pytest.param("x = {y for y in {1}}", id="a set of a set"),
        pytest.param("x = 1 in {1, 2}", id="membership"),
        pytest.param("def f(s: set[str]) -> set[str]: return s | s", id="a set between functions"),
        pytest.param("from .models import *", id="star import of a sibling"),
        pytest.param("C = {}\ndef f():\n C = {}\n C['k'] = 1", id="a local of the same name"),
        pytest.param("C = {}\nC['k'] = 1", id="a table that the module fills"),
        pytest.param("S = {1}\ndef f(S): return list(S)", id="a parameter named like a set"),
        pytest.param("(x,) = {1}", id="the only element"),
        pytest.param(
            "from datetime import UTC, datetime\nx = datetime.fromtimestamp(5, UTC)",
            id="a named time zone",
        ),
    ],
)
def test_what_is_the_same_on_every_peer_is_allowed(source: str) -> None:
    assert findings(source) == []


CONTRACT = """
from tallystick.chaincode import Contract, transaction

class Counter(Contract):
    seen = []

    def __init__(self):
        self.name = "counter"

    @transaction
    def add(self, ctx):
        self.total = 1

    def _note(self, key):
        self.seen.append(key)
        self.by_key[key] = 1
        self.update(key)
        key.parts.append(1)
"""


def test_a_contract_cannot_remember() -> None:
    assert [str(finding) for finding in findings(CONTRACT)] == [
        f"acme/contract.py:{line}: {what} outlives the call; keep it in ctx.state"
        for line, what in ((12, "self.total"), (15, "self.seen"), (16, "self.by_key"))
    ]


@pytest.mark.parametrize("path", ["json.py", "pydantic/main.py", "tallystick/wire/signing.py"])
def test_a_package_cannot_stand_in_for_a_module_that_others_import(path: str) -> None:
    [finding] = findings("", path)
    assert "takes the name of a module" in finding.why


def test_findings_come_by_path_and_line() -> None:
    found = check_sources({"b.py": b"x = 1.5\nimport os", "a.py": b"\nimport time", "c.txt": b"("})
    assert [(finding.path, finding.line) for finding in found] == [
        ("a.py", 2),
        ("b.py", 1),
        ("b.py", 2),
    ]


def test_the_remedy_says_what_to_write_instead() -> None:
    [finding] = findings("from datetime import datetime\nx = datetime.utcnow()")
    assert finding.remedy == "take the time from ctx.timestamp"


def test_a_file_seen_before_is_judged_by_the_package_it_is_in_now() -> None:
    contract = {"acme/contract.py": b"import acme.rules"}

    assert check_sources({**contract, "acme/rules.py": b""}) == []
    assert [each.what for each in check_sources(contract)] == ["import of acme.rules"]


def test_the_same_source_is_found_fault_with_at_each_of_its_paths() -> None:
    found = check_sources({"acme/a.py": b"x = 0.5", "acme/b.py": b"x = 0.5"})

    assert [each.path for each in found] == ["acme/a.py", "acme/b.py"]


def test_a_file_too_large_to_be_remembered_is_checked_like_any_other() -> None:
    source = b"x = 0.5\n" * 10_000

    assert len(check_sources({"acme/contract.py": source})) == 10_000
