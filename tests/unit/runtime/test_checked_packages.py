"""A package that has passed the determinism check elsewhere is let in, and nothing else is."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.chaincode import determinism
from tallystick.chaincode.package import build_package
from tallystick.node.runtime import packages
from tallystick.node.runtime.checked_packages import CheckedPackages
from tallystick.node.runtime.packages import PackageRefusedError, PackageStore


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What peers have checked themselves."""
    seen: list[object] = []

    def check(sources: dict[str, bytes]) -> list[determinism.Finding]:
        seen.append(sources)
        return determinism.check_sources(sources)

    monkeypatch.setattr(packages, "check_sources", check)
    return seen


def package(tmp_path: Path, source: str = "LIMIT = 100\n") -> bytes:
    folder = tmp_path / "source"
    folder.mkdir(exist_ok=True)
    (folder / "acme.py").write_text(source)
    return build_package("acme", "acme:Acme", folder)


def install(tmp_path: Path, package: bytes) -> bytes | None:
    """Install on a peer that is told what has passed; return what the peer has then."""
    store = PackageStore(tmp_path / "peer", CheckedPackages(tmp_path / "checked"))
    return store.get(store.save(package))


def test_what_has_passed_is_installed_without_another_check(
    tmp_path: Path, checks: list[object]
) -> None:
    built = package(tmp_path)
    CheckedPackages(tmp_path / "checked").add(built)
    assert install(tmp_path, built) == built
    assert checks == []


def test_a_peer_notes_nothing_itself(tmp_path: Path, checks: list[object]) -> None:
    install(tmp_path, package(tmp_path))
    assert len(checks) == 1
    assert not (tmp_path / "checked").exists()


def test_an_edit_is_checked(tmp_path: Path) -> None:
    CheckedPackages(tmp_path / "checked").add(package(tmp_path))
    with pytest.raises(PackageRefusedError, match="reads the clock of one machine"):
        install(tmp_path, package(tmp_path, "import time\n"))


def test_what_another_python_has_passed_is_checked(
    tmp_path: Path, checks: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package(tmp_path)
    CheckedPackages(tmp_path / "checked").add(built)
    monkeypatch.setattr(sys, "version", "4.0.0")
    install(tmp_path, built)
    assert len(checks) == 1


def test_what_another_check_has_passed_is_checked(
    tmp_path: Path, checks: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package(tmp_path)
    CheckedPackages(tmp_path / "checked").add(built)
    other = tmp_path / "release"
    other.mkdir()
    (other / "determinism.py").write_text("# stricter\n")
    monkeypatch.setattr(determinism, "__file__", str(other / "determinism.py"))
    install(tmp_path, built)
    assert len(checks) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: file.write_bytes(b"\xff\x00 no digest"), id="it holds junk"),
        pytest.param(lambda file: file.mkdir(), id="it is a folder"),
        pytest.param(lambda file: file.write_bytes(b"0" * 10_000_000), id="it has no end"),
    ],
)
def test_a_file_that_tells_nothing_costs_a_check_and_no_more(
    tmp_path: Path, checks: list[object], spoil: Callable[[Path], object]
) -> None:
    spoil(tmp_path / "checked")
    built = package(tmp_path)
    assert install(tmp_path, built) == built
    assert len(checks) == 1


def test_the_oldest_make_room(tmp_path: Path) -> None:
    checked = CheckedPackages(tmp_path / "checked")
    for number in range(100):
        checked.add(b"%d" % number)
    assert b"99" in checked
    assert b"36" in checked
    assert b"35" not in checked
    assert (tmp_path / "checked").stat().st_size == 64 * 65
