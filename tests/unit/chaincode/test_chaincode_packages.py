"""Chaincode packages: wire.md §9.5."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tallystick.chaincode import package
from tallystick.chaincode.package import (
    PackageError,
    build_package,
    package_id,
    parse_head,
    parse_package,
)

CONTRACT = b"from acme import rules\nfrom .models import Row\n"
FILES = {
    "acme/__init__.py": b"",
    "acme/contract.py": CONTRACT,
    "acme/rules.py": b"import json\n",
    "acme/models/__init__.py": b"from .rows import Row\n",
    "acme/models/rows.py": b"class Row: ...\n",
    "acme/wallet.py": b"import secrets\n",
    "tests/test_acme.py": b"import os\n",
}


@pytest.fixture
def source_root(tmp_path: Path) -> Path:
    for path, content in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path


def tgz(files: Mapping[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/hostname"
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive(metadata: Mapping[str, str], code: bytes) -> bytes:
    return tgz({"metadata.json": json.dumps(metadata).encode(), "code.tar.gz": code})


def test_a_package_holds_what_the_entry_imports_and_nothing_else(source_root: Path) -> None:
    parsed = parse_package(build_package("acme_1.0", "acme.contract:Acme", source_root))
    assert (parsed.label, parsed.type, parsed.entry) == ("acme_1.0", "python", "acme.contract:Acme")
    assert parsed.sources == {
        path: FILES[path]
        for path in (
            "acme/__init__.py",
            "acme/contract.py",
            "acme/models/__init__.py",
            "acme/models/rows.py",
            "acme/rules.py",
        )
    }


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("if True: ...\nelif 1: ...\nelse: import other", id="if"),
        pytest.param("for _ in (): ...\nelse: import other", id="for"),
        pytest.param("with open as _: import other", id="with"),
        pytest.param("try: import other\nfinally: ...", id="try"),
        pytest.param("try: ...\nexcept KeyError: import other", id="except"),
        pytest.param("try: ...\nfinally: import other", id="finally"),
        pytest.param("match 1:\n  case 1: import other", id="match"),
        pytest.param("class A:\n  def b(self):\n    import other", id="method"),
    ],
)
def test_what_is_imported_is_packaged_wherever_the_import_stands(
    tmp_path: Path, source: str
) -> None:
    (tmp_path / "entry.py").write_text(source)
    (tmp_path / "other.py").touch()
    parsed = parse_package(build_package("x", "entry:Entry", tmp_path))
    assert parsed.sources.keys() == {"entry.py", "other.py"}


def test_the_layout_is_fabrics(source_root: Path) -> None:
    """§9.5."""
    built = build_package("acme", "acme.rules:Acme", source_root)
    with tarfile.open(fileobj=io.BytesIO(built)) as outer:
        assert outer.getnames() == ["code.tar.gz", "metadata.json"]
        metadata, code = (outer.extractfile(name) for name in ("metadata.json", "code.tar.gz"))
        assert metadata is not None
        assert code is not None
        assert json.load(metadata) == {"type": "python", "label": "acme", "path": "acme.rules:Acme"}
        with tarfile.open(fileobj=io.BytesIO(code.read())) as inner:
            assert inner.getnames() == ["src/acme/__init__.py", "src/acme/rules.py"]


def test_the_id_is_label_and_digest_of_the_bytes(source_root: Path) -> None:
    """§9.5."""
    built = build_package("acme", "acme.rules:Acme", source_root)
    assert package_id(built) == f"acme:{hashlib.sha256(built).hexdigest()}"


def test_the_same_sources_give_the_same_id_whatever_surrounds_them(source_root: Path) -> None:
    before = build_package("acme", "acme.contract:Acme", source_root)
    (source_root / "acme/wallet.py").write_bytes(b"import os\n")
    (source_root / "acme/rules.py").touch()
    assert build_package("acme", "acme.contract:Acme", source_root) == before


def test_the_id_does_not_depend_on_a_compressor(source_root: Path) -> None:
    """§9.5."""
    built = build_package("acme", "acme.rules:Acme", source_root)
    assert gzip.decompress(built)[:512] in built


def test_a_module_that_is_not_in_a_folder_is_packaged_from_where_it_is_installed() -> None:
    parsed = parse_package(build_package("errors", "tallystick.wire.errors:WireError"))
    assert sorted(parsed.sources) == ["tallystick/wire/__init__.py", "tallystick/wire/errors.py"]
    assert parsed.sources["tallystick/wire/errors.py"].startswith(b'"""Errors about bytes')


@pytest.mark.parametrize(
    ("label", "entry", "problem"),
    [
        pytest.param("-acme", "acme.rules:Acme", "label '-acme' is not allowed", id="label 9.5"),
        pytest.param("a/b", "acme.rules:Acme", "label 'a/b' is not allowed", id="folder in label"),
        pytest.param("acme", "acme.rules", "not of the form module:Class", id="no class"),
        pytest.param("acme", "acme.absent:Acme", "module acme.absent of the entry", id="no module"),
    ],
)
def test_a_package_that_cannot_be_built(
    source_root: Path, label: str, entry: str, problem: str
) -> None:
    with pytest.raises(PackageError, match=problem):
        build_package(label, entry, source_root)


def test_a_module_that_is_nowhere_cannot_be_packaged() -> None:
    with pytest.raises(PackageError, match=r"no module acme_absent\.contract can be imported"):
        build_package("acme", "acme_absent.contract:Acme")


def test_source_that_is_not_python_cannot_be_packaged(source_root: Path) -> None:
    (source_root / "acme/rules.py").write_bytes(b"x = (\n")
    with pytest.raises(PackageError, match=r"acme/rules\.py:1 is not Python"):
        build_package("acme", "acme.contract:Acme", source_root)


def test_a_package_of_another_type_keeps_its_files_as_they_are() -> None:
    """§9.5."""
    metadata = {"type": "ccaas", "label": "basic_1.0"}
    parsed = parse_package(archive(metadata, tgz({"connection.json": b"{}"})))
    assert (parsed.type, parsed.entry, parsed.sources) == ("ccaas", "", {"connection.json": b"{}"})


PYTHON = {"type": "python", "label": "acme", "path": "acme.contract:Acme"}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"", "no chaincode package, .*; `tally chaincode package` m", id="nothing"),
        pytest.param(b"a = 1", "no chaincode package, .*; `tally chaincode package` m", id="text"),
        pytest.param(b"\x1f\x8bplain", "not gzip", id="not gzip"),
        pytest.param(gzip.compress(b"x" * 600), "not a tar", id="not a tar"),
        pytest.param(archive(PYTHON, tgz({}))[:-20], "cut short", id="cut short"),
        pytest.param(tgz({"metadata.json": b"{}"}), r"lacks code\.tar\.gz", id="no code"),
        pytest.param(archive({"type": "python"}, tgz({})), "malformed", id="no label"),
        pytest.param(archive({**PYTHON, "label": "a b"}, tgz({})), "label 'a b'", id="bad label"),
        pytest.param(archive({**PYTHON, "path": "acme"}, tgz({})), "module:Class", id="no entry"),
        pytest.param(archive(PYTHON, tgz({"../up.py": b""})), "leads out", id="parent folder"),
        pytest.param(archive(PYTHON, tgz({"/etc/x.py": b""})), "leads out", id="absolute path"),
        pytest.param(archive(PYTHON, tgz({"..\\x.py": b""})), "leads out", id="backslash"),
        pytest.param(
            archive(PYTHON, tgz({"src/x.py": b""}, tarfile.SYMTYPE)),
            "not a regular file",
            id="link",
        ),
        pytest.param(
            archive(PYTHON, tgz({"src/x.py": bytes(512)}, tarfile.GNUTYPE_SPARSE)),
            "not a regular file",
            id="sparse, so of any size",
        ),
    ],
)
def test_bytes_that_are_no_package_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(PackageError, match=problem):
        parse_package(data)


@pytest.mark.parametrize(
    ("limit", "value", "problem"),
    [
        pytest.param("MAX_PACKAGE_BYTES", 100, "the limit is 100", id="packed size"),
        pytest.param("MAX_UNPACKED_BYTES", 4096, "more than 4096 bytes", id="unpacked size"),
        pytest.param("MAX_FILES", 1, "more than 1 members", id="number of files"),
    ],
)
def test_a_package_beyond_a_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, problem: str
) -> None:
    data = archive(PYTHON, tgz({"src/a.py": bytes(20_000)}))
    monkeypatch.setattr(package, limit, value)
    with pytest.raises(PackageError, match=problem):
        parse_package(data)


def test_what_a_package_says_of_itself_is_read_without_its_code() -> None:
    data = archive(PYTHON, b"no archive")
    head = parse_head(data)
    assert (head.label, head.type, head.entry) == ("acme", "python", "acme.contract:Acme")
    assert package_id(data) == head.package_id == f"acme:{hashlib.sha256(data).hexdigest()}"
    with pytest.raises(PackageError, match="not gzip"):
        parse_package(data)
