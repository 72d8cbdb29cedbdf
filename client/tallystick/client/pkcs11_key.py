"""Where a private key is that never leaves its security module, as a client profile says it."""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tallystick.client.identity import CredentialError

Name = Annotated[str, StringConstraints(min_length=1)]
Hexadecimal = Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{2})+$")]


class Pkcs11Key(BaseModel):
    """An elliptic-curve private key on a PKCS#11 token.

    The PIN itself has no place here, so that a profile can be shown to anybody.

    Attributes:
        library: The shared library with which the token's vendor serves PKCS#11.
        token: The token's label.
        slot: The id of the token's slot, in place of the label.
        label: The key's label (CKA_LABEL).
        id: The key's id (CKA_ID), in hexadecimal. Without label and id, it is the key whose id is
            the SHA-256 of the public point in the certificate: Fabric stores its keys so.
        pin_env: The environment variable that holds the user's PIN.
        pin_file: The file that holds it, in place of the variable; one line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    library: Path
    token: Name | None = None
    slot: Annotated[int, Field(ge=0)] | None = None
    label: Name | None = None
    id: Hexadecimal | None = None
    pin_env: Name | None = None
    pin_file: Path | None = None

    @model_validator(mode="after")
    def _names_one_token_and_one_pin(self) -> Self:
        if (self.token is None) == (self.slot is None):
            raise ValueError("name the token by its label (token) or by its slot, not both")
        if (self.pin_env is None) == (self.pin_file is None):
            raise ValueError("say where the PIN is: pin_env or pin_file, not both")
        return self

    def relative_to(self, folder: Path) -> Self:
        """Return the same key, with relative paths taken from ``folder``."""
        files = {
            name: folder / path
            for name in ("library", "pin_file")
            if (path := getattr(self, name)) is not None
        }
        return self.model_copy(update=files)

    @property
    def token_name(self) -> str:
        """The token, in words."""
        return f"token {self.token!r}" if self.token is not None else f"token in slot {self.slot}"

    @property
    def pin_place(self) -> str:
        """The place of the PIN, in words."""
        return f"{self.pin_file}" if self.pin_env is None else f"the variable {self.pin_env}"

    def read_pin(self) -> str:
        """Return the PIN.

        Raises:
            CredentialError: It is not where it should be.
        """
        if self.pin_file is not None:
            try:
                pin = self.pin_file.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                text = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise CredentialError(
                    f"{self.pin_file}, for the PIN of the {self.token_name}, cannot be read:"
                    f" {text}; write the PIN into that file, readable by its user only, or correct"
                    " pin_file"
                ) from error
        else:
            assert self.pin_env is not None, "the validator wants one of the two"
            pin = os.environ.get(self.pin_env, "")
        if not pin:
            raise CredentialError(
                f"there is no PIN for the {self.token_name} in {self.pin_place}: put it there"
            )
        return pin
