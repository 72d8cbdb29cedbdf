"""Installing chaincode packages."""

from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.runtime.packages import (
    InstalledPackage,
    PackageRefusedError,
    PackageStore,
    build_package,
    package_id,
)


def package(root: Path, label: str, source: str = "") -> bytes:
    root.mkdir(exist_ok=True)
    (root / "acme.py").write_text(source)
    return build_package(label, "acme:Acme", root)


def test_an_installed_package_survives_a_restart(tmp_path: Path) -> None:
    built = package(tmp_path / "source", "acme_1.0")
    name = PackageStore(tmp_path / "installed").save(built)
    assert name == package_id(built)
    assert PackageStore(tmp_path / "installed").get(name) == built


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    built = package(tmp_path / "source", "acme")
    store = PackageStore(tmp_path / "installed")
    assert store.save(built) == store.save(built)
    assert len(list((tmp_path / "installed").iterdir())) == 1


def test_packages_are_listed_by_id(tmp_path: Path) -> None:
    store = PackageStore(tmp_path / "installed")
    names = [
        store.save(package(tmp_path / "source", label, source))
        for label, source in (("acme_1.0", ""), ("acme_1.0", "x = 1"), ("a.b", ""))
    ]
    assert [each.package_id for each in store.list()] == sorted(names)
    assert InstalledPackage(names[2], "a.b") in store.list()


@pytest.mark.parametrize("name", ["absent:00", "", "../installed/x:00", "x:../../etc/passwd"])
def test_an_id_that_is_not_installed_gives_none(tmp_path: Path, name: str) -> None:
    assert PackageStore(tmp_path / "installed").get(name) is None


def test_a_contract_that_depends_on_the_peer_is_refused_with_line_and_remedy(
    outcome: Outcome,
    tmp_path: Path,
) -> None:
    store = PackageStore(tmp_path / "installed")
    built = package(tmp_path / "source", "acme", "import json\nimport time\n")
    with outcome.refuses(PackageRefusedError, leaves=files(tmp_path)) as caught:
        store.save(built)
    assert str(caught.value).splitlines() == [
        "the chaincode package acme is refused; its contracts would not behave the same on every "
        "peer:",
        "acme.py:2: import of time reads the clock of one machine; "
        "take the time from ctx.timestamp",
    ]
    assert [finding.line for finding in caught.value.findings] == [2]
    assert store.list() == ()


def test_bytes_that_are_no_package_are_refused(outcome: Outcome, tmp_path: Path) -> None:
    with outcome.refuses(
        PackageRefusedError,
        leaves=files(tmp_path),
        match="refused: the file is no chaincode package",
    ):
        PackageStore(tmp_path).save(b"not a package")
