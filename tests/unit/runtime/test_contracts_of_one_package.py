"""A package whose entry is a chaincode object of several contracts."""

from pathlib import Path
from random import Random
from typing import Literal

import pytest
from tests.unit.runtime.elsewhere import Caller

from tallystick.chaincode.package import build_package
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules

SOURCE = """
from tallystick.chaincode import Context, Contract, ContractChaincode, query

class Greeter(Contract):
    name = "greeter"

    @query
    def greet(self, ctx: Context) -> str:
        return "hello"

class Parrot(Contract):
    name = "parrot"

    @query
    def repeat(self, ctx: Context, word: str) -> str:
        return word

chaincode = ContractChaincode(Greeter(), Parrot())
"""


@pytest.mark.parametrize("runtime", ["embedded", pytest.param("process", marks=pytest.mark.slow)])
async def test_one_package_serves_several_contracts(
    tmp_path: Path, runtime: Literal["embedded", "process"]
) -> None:
    (tmp_path / "zoo.py").write_text(SOURCE)
    packages = PackageStore(tmp_path / "installed")
    package_id = packages.save(build_package("zoo_1.0", "zoo:chaincode", tmp_path))
    async with RuntimeRegistry(packages, RuntimeRules(python=runtime), Random(1)) as running:
        caller = Caller(running)
        assert await caller.answer(package_id, "zoo", "greet") == "hello"
        assert await caller.answer(package_id, "zoo", "greeter:greet") == "hello"
        assert await caller.answer(package_id, "zoo", "parrot:repeat", "polly") == "polly"
