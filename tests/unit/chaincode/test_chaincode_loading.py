"""From a package to the chaincode in it, beside whatever else is installed."""

import sys
from pathlib import Path

import pytest

from tallystick.chaincode import ContractChaincode
from tallystick.chaincode.loading import load_chaincode
from tallystick.chaincode.package import PackageError, build_package, parse_package
from tallystick.chaincode.stub import Chaincode
from tallystick.chaincode.testing import MemoryStub, make_client

ALICE = make_client("BrokerMSP", "alice")

CONTRACT = """
from tallystick.chaincode import Context, Contract, ContractChaincode, query
from {package}.rules import ANSWER

class Answer(Contract):
    name = "answer"

    @query
    def answer(self, ctx: Context) -> int:
        return ANSWER

several = ContractChaincode(Answer())
nothing = 5
"""


def load(root: Path, answer: str, *, package: str = "acme", entry: str = "Answer") -> Chaincode:
    folder = root / package.replace(".", "/")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contract.py").write_text(CONTRACT.format(package=package))
    (folder / "rules.py").write_text(f"ANSWER = {answer}\n")
    return load_chaincode(parse_package(build_package("acme", f"{package}.contract:{entry}", root)))


def ask(chaincode: Chaincode) -> bytes:
    return chaincode.invoke(MemoryStub.alone(ALICE, b"answer")).payload


def test_two_versions_of_a_package_live_side_by_side(tmp_path: Path) -> None:
    first, second = load(tmp_path, "1"), load(tmp_path, "2")
    assert (ask(first), ask(second), ask(first)) == (b"1", b"2", b"1")


def test_loading_leaves_the_import_system_as_it_was(tmp_path: Path) -> None:
    modules, finders = dict(sys.modules), list(sys.meta_path)
    load(tmp_path, "1")
    assert "acme" not in sys.modules
    assert not {name for name in sys.modules if name.startswith("acme")}
    assert {name: sys.modules[name] for name in modules} == modules
    assert sys.meta_path == finders


def test_a_package_below_a_namespace_that_is_installed_too(tmp_path: Path) -> None:
    chaincode = load(tmp_path, "3", package="tallystick.contracts.acme")
    assert ask(chaincode) == b"3"
    assert not {name for name in sys.modules if name.endswith("acme.rules")}


def test_another_version_of_an_installed_package_does_not_replace_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, packaged = tmp_path / "installed", tmp_path / "packaged"
    load(installed, "1", package="acme_installed")
    monkeypatch.syspath_prepend(installed)
    import acme_installed.rules  # type: ignore[import-not-found] # noqa: PLC0415

    before = acme_installed.rules
    assert ask(load(packaged, "2", package="acme_installed")) == b"2"
    assert sys.modules["acme_installed.rules"] is before
    assert acme_installed.rules is before
    assert before.ANSWER == 1


def test_a_package_whose_sources_are_installed_uses_the_installed_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, "1", package="acme_same")
    monkeypatch.syspath_prepend(tmp_path)
    chaincode = load(tmp_path, "1", package="acme_same")
    assert ask(chaincode) == b"1"
    assert "acme_same.contract" in sys.modules


def test_an_entry_may_be_a_chaincode_of_several_contracts(tmp_path: Path) -> None:
    chaincode = load(tmp_path, "4", entry="several")
    assert isinstance(chaincode, ContractChaincode)
    assert ask(chaincode) == b"4"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("nothing", "acme.contract:nothing is neither a Contract class nor"),
        ("absent", "module acme.contract has no absent"),
        ("ANSWER", "acme.contract:ANSWER is neither a Contract class nor"),
    ],
)
def test_an_entry_that_is_no_contract_is_named(tmp_path: Path, entry: str, problem: str) -> None:
    with pytest.raises(PackageError, match=problem):
        load(tmp_path, "1", entry=entry)


def test_a_module_that_fails_to_import_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"acme\.contract failed with ZeroDivisionError"):
        load(tmp_path, "1 // 0")
    assert "acme.rules" not in sys.modules


def test_a_package_for_another_runtime_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "acme.py").touch()
    package = parse_package(build_package("acme", "acme:Acme", tmp_path))
    foreign = type(package)(package.package_id, "acme", "golang", "acme:Acme", package.sources)
    with pytest.raises(PackageError, match="is of type golang"):
        load_chaincode(foreign)
