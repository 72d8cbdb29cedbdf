"""Chaincode packages: what an organisation installs on its peers.

A package is a gzipped tar of ``metadata.json`` (type, label, path) and ``code.tar.gz``. Its id is
its label and the SHA-256 of its bytes, so building is deterministic: the same sources give the same
id on every machine. A Python package keeps its sources under ``src/`` and names in ``path`` the
class to serve. Source: wire.md §9.5.
"""

import io
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ValidationError

from tallystick.chaincode.source_tree import (
    importable_tree,
    module_name,
    needed_sources,
    read_tree,
)
from tallystick.wire.hashing import sha256

PYTHON = "python"
SOURCE_FOLDER = "src/"

MAX_PACKAGE_BYTES = 16 * 1024 * 1024
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
MAX_FILES = 1000

_METADATA_FILE = "metadata.json"
_CODE_FILE = "code.tar.gz"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", re.ASCII)
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_GZIP_WINDOW_BITS = 31
_GZIP_MAGIC = b"\x1f\x8b"
_MADE_BY = "; `tally chaincode package` makes one"
_GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")  # deflate, no name, no time, no system
_MAX_STORED_BLOCK = 0xFFFF
# What tarfile raises about broken headers; the latter ones it does not document.
_NO_TAR = (tarfile.TarError, ArithmeticError, LookupError, ValueError)


class PackageError(ValueError):
    """Bytes are not a chaincode package, or none can be built."""


@dataclass(frozen=True, slots=True)
class PackageHead:
    """What a package says of its code.

    Attributes:
        package_id: Its label, a colon and the SHA-256 of its bytes in lower-case hex.
        label: The name that people gave it; any number of packages may share one.
        type: ``python``, or how else the chaincode is run, such as ``ccaas``.
        entry: For Python ``module:Class``; else whatever the metadata calls the path.
    """

    package_id: str
    label: str
    type: str
    entry: str


@dataclass(frozen=True, slots=True)
class ChaincodePackage(PackageHead):
    """What a package holds.

    Attributes:
        sources: The files of the code archive by path; those of Python without ``src/``.
    """

    sources: Mapping[str, bytes]


class _Metadata(BaseModel):
    type: str
    label: str
    path: str = ""


def build_package(label: str, entry: str, source_root: Path | None = None) -> bytes:
    """Return the package that serves the contract ``entry``.

    Args:
        label: Letters, digits and ``. + - _``, beginning with a letter or digit.
        entry: ``module:Class``, such as ``tallystick.contracts.token:TokenContract``.
        source_root: Folder that holds the module. Without it, the module must be importable. Either
            way, the module is packaged with what it imports from the same folder or package.

    Raises:
        PackageError: Label or entry are malformed, or the entry's module is not among the sources.
    """
    if not _ENTRY.fullmatch(entry):
        raise PackageError(f"entry {entry!r} is not of the form module:Class")
    _check_label(label)
    module = entry.partition(":")[0]
    sources = _sources(module, source_root)
    files = {SOURCE_FOLDER + path: content for path, content in sources.items()}
    return _package(_Metadata(type=PYTHON, label=label, path=entry), files)


def build_package_of(package_type: str, label: str, files: Mapping[str, bytes]) -> bytes:
    """Return a package of chaincode that is run elsewhere.

    Args:
        package_type: How peers get to it, such as ``ccaas``.
        label: As for ``build_package``.
        files: Content of the code archive by path.

    Raises:
        PackageError: The label is malformed.
    """
    _check_label(label)
    return _package(_Metadata(type=package_type, label=label), files)


def package_id(package: bytes) -> str:
    """Return the id under which peers know the package: its label and its digest.

    Raises:
        PackageError: See ``parse_head``.
    """
    return parse_head(package).package_id


def parse_head(package: bytes) -> PackageHead:
    """Return what a package says of its code, which is not looked at.

    Raises:
        PackageError: The bytes are no package, exceed a limit, or say what has no place in one.
    """
    return _opened(package)[0]


def parse_package(package: bytes) -> ChaincodePackage:
    """Return what a package holds, Python or other.

    Raises:
        PackageError: The bytes are no package, exceed a limit, or hold paths or files that have no
            place in one.
    """
    head, code = _opened(package)
    files = dict(members_of(code))
    if head.type == PYTHON:
        files = {
            path.removeprefix(SOURCE_FOLDER): content
            for path, content in files.items()
            if path.startswith(SOURCE_FOLDER)
        }
    return ChaincodePackage(head.package_id, head.label, head.type, head.entry, files)


def _opened(package: bytes) -> tuple[PackageHead, bytes]:
    """Return what a package says of its code, and the archive of it."""
    if len(package) > MAX_PACKAGE_BYTES:
        raise PackageError(f"package has {len(package)} bytes, the limit is {MAX_PACKAGE_BYTES}")
    if not package.startswith(_GZIP_MAGIC):
        raise PackageError(f"the file is no chaincode package, nor any gzip archive{_MADE_BY}")
    outer = dict(members_of(package))
    missing = {_METADATA_FILE, _CODE_FILE} - outer.keys()
    if missing:
        raise PackageError(f"package lacks {', '.join(sorted(missing))}{_MADE_BY}")
    try:
        metadata = _Metadata.model_validate_json(outer[_METADATA_FILE])
    except ValidationError as error:
        raise PackageError(f"{_METADATA_FILE} of the package is malformed: {error}") from error
    if not _LABEL.fullmatch(metadata.label):
        raise PackageError(f"package label {metadata.label!r} is not allowed")
    if metadata.type == PYTHON and not _ENTRY.fullmatch(metadata.path):
        raise PackageError(f"package path {metadata.path!r} is not of the form module:Class")
    identifier = f"{metadata.label}:{sha256(package).hex()}"
    return PackageHead(identifier, metadata.label, metadata.type, metadata.path), outer[_CODE_FILE]


def _check_label(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise PackageError(
            f"label {label!r} is not allowed; use letters, digits, '.', '+', '-' and '_', "
            "a letter or digit first"
        )


def _package(metadata: _Metadata, files: Mapping[str, bytes]) -> bytes:
    code = _archive(files)
    return _archive({_METADATA_FILE: metadata.model_dump_json().encode(), _CODE_FILE: code})


def _sources(module: str, root: Path | None) -> dict[str, bytes]:
    try:
        tree = read_tree(root) if root else importable_tree(module)
        sources = needed_sources(tree, module)
    except ModuleNotFoundError as error:
        raise PackageError(f"{error}; give the folder of its source") from error
    except SyntaxError as error:
        raise PackageError(f"{error.filename}:{error.lineno} is not Python: {error.msg}") from error
    if module not in map(module_name, sources):
        raise PackageError(f"module {module} of the entry is not in {root or 'its package'}")
    return sources


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Return a gzipped tar without anything that differs between machines or moments."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            tar.addfile(member, io.BytesIO(files[path]))
    return compressed(buffer.getvalue())


def compressed(data: bytes) -> bytes:
    """Return ``data`` as a gzip stream of stored blocks.

    Compressors differ between machines, and an id is a hash of these bytes; so nothing is
    compressed.
    """
    blocks = [
        data[start : start + _MAX_STORED_BLOCK] for start in range(0, len(data), _MAX_STORED_BLOCK)
    ]
    stream = bytearray(_GZIP_HEADER)
    for number, block in enumerate(blocks, start=1):
        is_last, size = number == len(blocks), len(block)
        stream += struct.pack("<BHH", is_last, size, size ^ 0xFFFF) + block
    stream += struct.pack("<II", zlib.crc32(data), len(data))
    return bytes(stream)


def members_of(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the regular files of a gzipped tar."""
    for count, (member, content) in enumerate(_unpacked(_gunzip(archive))):
        if count == MAX_FILES:
            raise PackageError(f"archive has more than {MAX_FILES} members")
        if member.isdir():
            continue
        if content is None:
            raise PackageError(f"archive member {member.name!r} is not a regular file")
        yield _inner_path(member.name), content


def _unpacked(archive: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
    """Yield what a tar holds, with the content of what is a plain file."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                # A sparse file may claim any size: reading it would fill the memory with zeros.
                is_plain = member.isreg() and not member.issparse()
                file = tar.extractfile(member) if is_plain else None
                yield member, None if file is None else file.read()
    except _NO_TAR as error:
        raise PackageError(f"archive is not a tar: {error}") from error


def _inner_path(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise PackageError(f"archive member {name!r} leads out of the archive")
    return path.as_posix()


def _gunzip(data: bytes) -> bytes:
    """Return the content of one gzip stream, which may not exceed ``MAX_UNPACKED_BYTES``."""
    decompressor = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        content = decompressor.decompress(data, MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise PackageError(f"archive is not gzip: {error}") from error
    if decompressor.unconsumed_tail:
        raise PackageError(f"archive unpacks to more than {MAX_UNPACKED_BYTES} bytes")
    if not decompressor.eof:
        raise PackageError("archive is cut short")
    return content
