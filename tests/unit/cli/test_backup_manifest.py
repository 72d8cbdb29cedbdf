"""A backup.json that is not what a backup writes."""

from pathlib import Path

import pytest

from tallystick.node.cli.backup.errors import DamagedBackupError
from tallystick.node.cli.backup.files import Manifest, digests, read_manifest, write_manifest


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("content")
    found = digests(tmp_path)
    write_manifest(tmp_path, Manifest("peer", "OneMSP", "a:1", "1.0", "2026-01-01", found))
    return tmp_path


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b'"files": []', "was not made by a backup", id="a list of files"),
        pytest.param(b'"files": null', "was not made by a backup", id="no files"),
        pytest.param(b'"files": {"a": 1}', "was not made by a backup", id="a number as digest"),
        pytest.param(
            b'"files": ' + b"[" * 200_000, "cannot be read: Invalid JSON", id="endless nesting"
        ),
        pytest.param(b'"files": {"\xff": "a"}', "cannot be read: Invalid JSON", id="no UTF-8"),
    ],
)
def test_a_manifest_that_no_backup_has_written_is_refused(
    copy: Path, content: bytes, problem: str
) -> None:
    manifest = copy / "backup.json"
    head, _, tail = manifest.read_bytes().partition(b'"files": {')
    manifest.write_bytes(head + content + tail.partition(b"}")[2])
    with pytest.raises(DamagedBackupError, match=problem):
        read_manifest(copy)


def test_a_backup_of_a_later_format_is_called_that(copy: Path) -> None:
    manifest = copy / "backup.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2, "more": []'))
    with pytest.raises(DamagedBackupError, match="its format is 2, not 1"):
        read_manifest(copy)
