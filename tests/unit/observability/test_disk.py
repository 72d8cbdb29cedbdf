"""A node whose disk is nearly full says so before it is."""

from pathlib import Path

from tallystick.node.observability.disk import disk_check


def test_a_disk_with_room_is_fine(tmp_path: Path) -> None:
    assert disk_check(tmp_path, 0)() == ""


def test_a_disk_with_too_little_room_is_not(tmp_path: Path) -> None:
    problem = disk_check(tmp_path, 1 << 62)()
    assert "MiB are free on the disk of" in problem
    assert "operations.min_free_disk_bytes" in problem


def test_a_disk_that_is_gone_is_not(tmp_path: Path) -> None:
    assert "does not answer" in disk_check(tmp_path / "gone", 0)()
