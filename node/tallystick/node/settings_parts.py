"""What the tables of a settings file are made of, and the table of a key on a token."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.functional_validators import AfterValidator

_MAX_PORT = 65_535


def _check_address(address: str) -> str:
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > _MAX_PORT:
        raise ValueError("an address is host:port, such as 0.0.0.0:7050 or [::]:7050")
    return address


def _resolve(path: Path, info: ValidationInfo) -> Path:
    base = info.context if isinstance(info.context, Path) else Path()
    return base / path


Address = Annotated[str, AfterValidator(_check_address)]
ResolvedPath = Annotated[Path, AfterValidator(_resolve)]


class Settings(BaseModel):
    """One table of a settings file."""

    # Built at first use: a process reads the settings of one kind of node, or none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


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
