"""Whether what the node stands on is of releases that it can use. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tallystick.node.cli.doctor.findings import Finding, failed, ok
from tallystick.node.ordering.etcd.versions import UnsupportedEtcdError, check_version

_CHECK: Final = "versions"
_PYTHONS: Final = ((3, 11), (3, 12))
_FLOOR: Final = re.compile(r"([A-Za-z0-9_.-]+)\s*(?:\[.*?\])?\s*>=\s*([0-9.]+)")


def floors(requirements: Sequence[str], names: Sequence[str]) -> Mapping[str, str]:
    """Return the oldest usable release of each package, from lines such as ``grpcio>=1.85.1``."""
    found = (_FLOOR.match(line) for line in requirements)
    return {each[1].lower(): each[2] for each in found if each and each[1].lower() in names}


def judge_python(version: tuple[int, int]) -> Finding:
    """Return what is to say about the interpreter."""
    text = ".".join(map(str, version))
    if version in _PYTHONS:
        return ok(_CHECK, "Python", text)
    return failed(_CHECK, "Python", text, "use 3.11 or 3.12: the store has no wheels for others")


def judge_packages(
    installed: Mapping[str, str | None], oldest: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield what is to say about each package.

    Args:
        installed: Its release; None if it is not installed.
        oldest: The oldest that can be used.
    """
    for name, version in installed.items():
        floor = oldest.get(name, "0")
        if version is None:
            advice = "pip install 'tallystick[node]', or set store = \"sqlite\" for want of plyvel"
            yield failed(_CHECK, name, "is not installed", advice)
        elif _numbers(version) < _numbers(floor):
            yield failed(
                _CHECK, name, f"{version} is too old", f"pip install --upgrade '{name}>={floor}'"
            )
        else:
            yield ok(_CHECK, name, version)


def judge_extra(extra: str, name: str, version: str | None) -> Finding:
    """Return what is to say about a package that the settings ask for; None: not installed."""
    if version is None:
        advice = f"pip install 'tallystick[node,{extra}]'"
        return failed(_CHECK, name, "is not installed, and the settings need it", advice)
    return ok(_CHECK, name, version)


def judge_etcd(member: str, version: str) -> Finding:
    """Return what is to say about the release of a member of etcd."""
    try:
        check_version(version, member)
    except UnsupportedEtcdError as error:
        return failed(_CHECK, f"etcd {member}", str(error), "upgrade it: etcd 3.5.3 or later")
    return ok(_CHECK, f"etcd {member}", version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
