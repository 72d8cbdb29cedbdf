"""What the tables of a settings file are made of, and the table of a key on a token."""

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.functional_validators import AfterValidator

ValueT = TypeVar("ValueT")

_MAX_PORT: Final = 65_535
_ANY_OF_VERSION_4: Final = "0.0.0.0"  # noqa: S104 - what hosts are compared with
_ANY: Final = frozenset({_ANY_OF_VERSION_4, "::", ""})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _check_address(address: str) -> str:
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > _MAX_PORT:
        raise ValueError("an address is host:port, such as 0.0.0.0:7050 or [::]:7050")
    return address


def _check_reached(value: ValueT, info: ValidationInfo) -> ValueT:
    """Return a table of a node that tells others its address, if that leads to one machine."""
    address = info.data.get("advertised_address") or info.data.get("listen_address", "")
    if value is not None and address.rpartition(":")[0].strip("[]") in _ANY:
        raise ValueError(
            f"other orderers are told that they reach this one at {address}, which is every address"
            " of every machine: set advertised_address to its own, as the channel names it"
        )
    return value


def _resolve(path: Path, info: ValidationInfo) -> Path:
    base = info.context if isinstance(info.context, Path) else Path()
    return _without_detours(base / path)


def _without_detours(path: Path) -> Path:
    """Return ``path`` without ``..``, where that leads to the same place.

    It does not behind a symbolic link, whose target has another folder above it.
    """
    if ".." not in path.parts:
        return path
    direct = Path(os.path.normpath(path))
    return direct if direct.resolve() == path.resolve() else path


Address = Annotated[str, AfterValidator(_check_address)]
ResolvedPath = Annotated[Path, AfterValidator(_resolve)]
WithReachedAddress = Annotated[ValueT, AfterValidator(_check_reached)]
"""What asks for an advertised address, or a listen address in its place, before it in its table."""


class Settings(BaseModel):
    """One table of a settings file."""

    # Built at first use: a process reads the settings of one kind of node, or none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def table_of(annotation: object) -> type[Settings] | None:
    """Return the model of the table, or of the tables in a list, that a key of this type holds."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next((table for part in get_args(annotation) if (table := table_of(part))), None)


class ListeningSettings(Settings):
    """Settings of what listens: on each of its ports for one purpose only."""

    @model_validator(mode="after")
    def _check_ports(self) -> "ListeningSettings":
        for (key, address), (other_key, other) in combinations(_listen_addresses(self), 2):
            if _share_port(address, other):
                port = address.rpartition(":")[2]
                raise ValueError(
                    f"{key} ({address}) and {other_key} ({other}) are one port: set one of them to"
                    f" a port other than {port}"
                )
        return self


def _listen_addresses(settings: Settings, table: str = "") -> Iterator[tuple[str, str]]:
    """Yield each address on which what has these settings listens, after its key."""
    for name, value in settings:
        if isinstance(value, Settings):
            yield from _listen_addresses(value, f"{table}{name}.")
        elif name == "listen_address" and value is not None:
            yield f"{table}{name}", value


def _share_port(address: str, other: str) -> bool:
    (host, _, port), (other_host, _, other_port) = address.rpartition(":"), other.rpartition(":")
    if int(port) != int(other_port) or int(port) == 0:  # the system chooses a free one for 0
        return False
    hosts = {host.strip("[]"), other_host.strip("[]")}
    is_loopback = "localhost" in hosts and hosts <= _LOOPBACK
    of_version_6 = {each for each in hosts if ":" in each}
    is_any = "::" in hosts or (_ANY_OF_VERSION_4 in hosts and not of_version_6)
    return len(hosts) == 1 or is_any or is_loopback


class Pkcs11Settings(Settings):
    """``[msp.pkcs11]``: the node's signing key on a PKCS#11 token, in place of a file."""

    library: ResolvedPath
    """With which the token's vendor serves PKCS#11."""
    token: str = Field(min_length=1)
    """The token's label."""
    label: str | None = Field(default=None, min_length=1)
    """The key's label. Without label and id, it is found by its certificate, as in Fabric."""
    id: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2})+$")
    """The key's id, in hexadecimal."""
    pin_env: str = Field(default="TALLY_PIN", min_length=1)
    """The environment variable that holds the user's PIN."""
    pin_file: ResolvedPath | None = None
    """The file that holds it, in place of the variable; readable by the node's user only."""
