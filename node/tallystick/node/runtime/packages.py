"""The chaincode packages that are installed on a peer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.chaincode.determinism import Finding, check_sources
from tallystick.chaincode.loading import load_chaincode
from tallystick.chaincode.package import (
    PYTHON,
    ChaincodePackage,
    PackageError,
    PackageHead,
    build_package,
    build_package_of,
    package_id,
    parse_head,
    parse_package,
)
from tallystick.node.durable import replace_file
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.checked_packages import NONE_CHECKED, CheckedPackages

__all__ = [
    "CCAAS",
    "EXTERNAL",
    "PYTHON",
    "SELF_RUN",
    "ChaincodePackage",
    "CheckedContract",
    "InstalledPackage",
    "PackageRefusedError",
    "PackageStore",
    "build_external_package",
    "build_package",
    "check_contract",
    "check_package",
    "package_id",
]

EXTERNAL = "external"
"""The type of packages whose chaincode somebody starts, and which then registers at the peer."""

CCAAS = "ccaas"
"""The type of packages that say where a chaincode serves."""

SELF_RUN = frozenset({PYTHON, CCAAS})
"""The types of packages that a peer starts or dials; all others register by themselves."""

_SUFFIX = ".tar.gz"


class PackageRefusedError(LedgerError):
    """A package cannot be installed: it is malformed, or its contracts are not deterministic.

    Attributes:
        findings: Places in the source that must change, by path and line; none if it is malformed.
    """

    def __init__(self, problem: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__("\n".join((problem, *map(str, findings))))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """An entry of the list of installed packages."""

    package_id: str
    label: str


@dataclass(frozen=True, slots=True)
class CheckedContract:
    """A package of a contract that peers could install and run.

    Attributes:
        functions: What clients can call, in the order of its definition.
    """

    package: ChaincodePackage
    functions: tuple[str, ...]


def check_package(package: bytes) -> ChaincodePackage:
    """Return what a package holds, if it may be installed.

    Raises:
        PackageRefusedError: It is malformed, or Python source in it may behave differently on
            another peer; the message names file, line and remedy.
    """
    try:
        parsed = parse_package(package)
    except PackageError as error:
        raise PackageRefusedError(f"the chaincode package is refused: {error}") from error
    findings = check_sources(parsed.sources) if parsed.type == PYTHON else []
    if findings:
        raise PackageRefusedError(
            f"the chaincode package {parsed.label} is refused; its contracts would not behave "
            "the same on every peer:",
            findings,
        )
    return parsed


def check_contract(package: bytes) -> CheckedContract:
    """Return what a package of a contract holds and offers, if peers could install and run it.

    It is imported, as by a peer, once nothing in its source speaks against that.

    Raises:
        PackageRefusedError: See ``check_package``; or its entry cannot be imported and served.
    """
    checked = check_package(package)
    try:
        chaincode = load_chaincode(checked)
    except PackageError as error:
        problem = str(error).removeprefix(f"{checked.package_id}: ")
        raise PackageRefusedError(f"no peer could run {checked.entry}: {problem}") from error
    return CheckedContract(checked, chaincode.functions)


def build_external_package(label: str) -> bytes:
    """Return a package of chaincode that registers at its peers by itself.

    Raises:
        PackageError: The label is malformed.
    """
    return build_package_of(EXTERNAL, label, {})


class PackageStore:
    """Packages as files of one folder, named after their ids. Calls block.

    Args:
        directory: The folder.
        checked: What has passed the check elsewhere.

    Attributes:
        on_registering: Told the id of each package that is installed from now on and whose
            chaincode registers by itself.
    """

    def __init__(self, directory: Path, checked: CheckedPackages = NONE_CHECKED) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._checked = checked
        self._others_than_python: bool | None = None
        self.on_registering: list[Callable[[str], object]] = []

    @property
    def others_than_python(self) -> bool:
        """Whether a package is installed that is not Python, so that it runs elsewhere."""
        if self._others_than_python is None:
            kinds = (self._type(installed.package_id) for installed in self.list())
            self._others_than_python = any(kind != PYTHON for kind in kinds)
        return self._others_than_python

    def registering(self) -> tuple[str, ...]:
        """Return the ids of the packages whose chaincode registers by itself."""
        ids = (installed.package_id for installed in self.list())
        return tuple(each for each in ids if self._type(each) not in SELF_RUN)

    def save(self, package: bytes) -> str:
        """Install a package durably and return its id; installing it again changes nothing.

        Raises:
            PackageRefusedError: See ``check_package``.
        """
        head = self._check(package)
        name = head.package_id
        path = self._path(name)
        if not path.exists():
            replace_file(path, [package])
        if head.type != PYTHON:
            self._others_than_python = True
        if head.type not in SELF_RUN:
            for tell in self.on_registering:
                tell(name)
        return name

    def get(self, package_id: str) -> bytes | None:
        """Return the bytes of an installed package, or None."""
        path = self._path(package_id)
        return path.read_bytes() if path.is_file() else None

    def list(self) -> tuple[InstalledPackage, ...]:
        """Return what is installed, by package id."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._directory.glob(f"*{_SUFFIX}"))
        parts = (name.rpartition(".") for name in names)
        return tuple(
            InstalledPackage(f"{label}:{digest}", label) for label, _, digest in sorted(parts)
        )

    def _check(self, package: bytes) -> PackageHead:
        return parse_head(package) if package in self._checked else check_package(package)

    def _type(self, package_id: str) -> str:
        content = self.get(package_id)
        assert content is not None, f"{package_id} was listed"
        return parse_head(content).type

    def _path(self, package_id: str) -> Path:
        """Return the file of a package; an id with a separator of folders names none."""
        label, _, digest = package_id.rpartition(":")
        return self._directory / f"{Path(label).name}.{Path(digest).name}{_SUFFIX}"
