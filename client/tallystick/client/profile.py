"""Everything that a client of one organisation needs to connect, in one file."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError, model_validator

from tallystick.client.errors import ClientError
from tallystick.client.pkcs11_key import Pkcs11Key


class ProfileError(ClientError):
    """A client profile cannot be used."""


def _kind_of_key(value: object) -> str:
    return "token" if isinstance(value, dict | Pkcs11Key) else "file"


# The tags make a message speak of the one kind of key that was meant.
Key = Annotated[
    Annotated[Path, Tag("file")] | Annotated[Pkcs11Key, Tag("token")], Discriminator(_kind_of_key)
]


class Profile(BaseModel):
    """A client profile, as ``tally cluster up`` writes one for each organisation.

    Attributes:
        channel: The channel to work on.
        msp_id: The organisation.
        gateway: ``host:port`` of the peer to connect to.
        tls_ca: PEM file of the authorities that may have issued the peer's TLS certificate.
        certificate: PEM file of the user's certificate.
        key: PEM file of the user's private key, or where on a PKCS#11 token the key is.
        server_name: The name in the peer's TLS certificate, where the address is another.
        tls_certificate: PEM file of the client's TLS certificate, for peers that ask for one.
        tls_key: PEM file of its private key.
    """

    model_config = ConfigDict(frozen=True)

    channel: str
    msp_id: str
    gateway: str
    tls_ca: Path
    certificate: Path
    key: Key
    server_name: str = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @model_validator(mode="after")
    def _tls_pair_is_complete(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the profile in a JSON file; its paths are relative to the file's folder.

        Raises:
            ProfileError: The file cannot be read, or is no profile.
        """
        try:
            profile = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ProfileError(
                f"cannot read the profile {path}: {error.strerror}; is the network up?"
            ) from error
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
                for problem in error.errors()
            )
            raise ProfileError(f"{path} is not a client profile: {problems}") from error
        folder = path.parent
        key = profile.key
        files = {
            name: folder / value
            for name in ("tls_ca", "certificate", "tls_certificate", "tls_key")
            if (value := getattr(profile, name)) is not None
        }
        placed = folder / key if isinstance(key, Path) else key.relative_to(folder)
        return profile.model_copy(update={**files, "key": placed})
