"""Reading an MSP from a directory laid out as Fabric's tools lay it out. Source: wire.md §14.6."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.node.membership.certificates import first_pem_block
from tallystick.node.membership.errors import CertificateError, MaterialError
from tallystick.node.model_errors import problems_in
from tallystick.protos.msp.msp_config_pb2 import (
    FabricCryptoConfig,
    FabricMSPConfig,
    FabricNodeOUs,
    FabricOUIdentifier,
    MSPConfig,
)

CA_CERTIFICATES: Final = "cacerts"
INTERMEDIATE_CERTIFICATES: Final = "intermediatecerts"
ADMIN_CERTIFICATES: Final = "admincerts"
TLS_CA_CERTIFICATES: Final = "tlscacerts"
TLS_INTERMEDIATE_CERTIFICATES: Final = "tlsintermediatecerts"
REVOCATION_LISTS: Final = "crls"
SETTINGS_FILE: Final = "config.yaml"


class UnitSettings(BaseModel):
    """An organizational unit in ``config.yaml``; ``certificate`` is a path inside the directory."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(alias="OrganizationalUnitIdentifier")
    certificate: str = Field(default="", alias="Certificate")


class NodeUnitSettings(BaseModel):
    """``NodeOUs`` in ``config.yaml``."""

    model_config = ConfigDict(populate_by_name=True)

    enable: bool = Field(default=False, alias="Enable")
    client: UnitSettings | None = Field(default=None, alias="ClientOUIdentifier")
    peer: UnitSettings | None = Field(default=None, alias="PeerOUIdentifier")
    admin: UnitSettings | None = Field(default=None, alias="AdminOUIdentifier")
    orderer: UnitSettings | None = Field(default=None, alias="OrdererOUIdentifier")


class MspSettings(BaseModel):
    """``config.yaml`` of an MSP directory. Like Fabric, this skips what it does not know."""

    model_config = ConfigDict(populate_by_name=True)

    node_units: NodeUnitSettings | None = Field(default=None, alias="NodeOUs")
    required_units: list[UnitSettings] = Field(default=[], alias="OrganizationalUnitIdentifiers")


def msp_config_from_directory(path: Path, msp_id: str) -> MSPConfig:
    """Return the definition of the MSP in ``path``, as a channel configuration would hold it.

    Files are taken in the order of their names. Private keys are not read.

    Raises:
        MaterialError: A file cannot be read, or there is no CA certificate.
    """
    settings = settings_of(path / SETTINGS_FILE)
    roots = _certificates(path / CA_CERTIFICATES)
    if not roots:
        raise MaterialError(
            str(path / CA_CERTIFICATES),
            f"no CA certificate of {msp_id} here: copy it to this place",
        )
    config = FabricMSPConfig(
        name=msp_id,
        root_certs=roots,
        intermediate_certs=_certificates(path / INTERMEDIATE_CERTIFICATES),
        admins=_certificates(path / ADMIN_CERTIFICATES),
        revocation_list=[file.read_bytes() for file in _files(path / REVOCATION_LISTS)],
        organizational_unit_identifiers=[_unit(unit, path) for unit in settings.required_units],
        crypto_config=FabricCryptoConfig(
            signature_hash_family="SHA2", identity_identifier_hash_function="SHA256"
        ),
        tls_root_certs=_certificates(path / TLS_CA_CERTIFICATES),
        tls_intermediate_certs=_certificates(path / TLS_INTERMEDIATE_CERTIFICATES),
        fabric_node_ous=_node_units(settings.node_units, path),
    )
    return MSPConfig(type=0, config=config.SerializeToString())


def _files(directory: Path) -> Iterable[Path]:
    if not directory.is_dir():
        return []
    return sorted(file for file in directory.iterdir() if file.is_file())


def _certificates(directory: Path) -> list[bytes]:
    found = []
    for file in _files(directory):
        content = file.read_bytes()
        try:
            first_pem_block(content)
        except CertificateError as error:
            raise MaterialError(str(file), f"{error}; remove the file or repair it") from error
        found.append(content)
    return found


def settings_of(file: Path) -> MspSettings:
    """Return what ``config.yaml`` says; without such a file, what an empty one would.

    Raises:
        MaterialError: It says something else than it should.
    """
    if not file.exists():
        return MspSettings()
    try:
        return MspSettings.model_validate(yaml.safe_load(file.read_bytes()) or {})
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # days that are none, among others
        problem = "; ".join(problems_in(error)) if isinstance(error, ValidationError) else error
        raise MaterialError(str(file), f"not a valid MSP configuration: {problem}") from error


def _node_units(settings: NodeUnitSettings | None, directory: Path) -> FabricNodeOUs | None:
    if settings is None or not settings.enable:
        return None

    def unit(settings: UnitSettings | None) -> FabricOUIdentifier | None:
        return None if settings is None else _unit(settings, directory)

    return FabricNodeOUs(
        enable=True,
        client_ou_identifier=unit(settings.client),
        peer_ou_identifier=unit(settings.peer),
        admin_ou_identifier=unit(settings.admin),
        orderer_ou_identifier=unit(settings.orderer),
    )


def _unit(settings: UnitSettings, directory: Path) -> FabricOUIdentifier:
    certificate = b""
    if settings.certificate:
        file = directory / settings.certificate
        try:
            certificate = file.read_bytes()
        except OSError as error:
            raise MaterialError(
                str(file),
                f"{SETTINGS_FILE} ties OU {settings.name!r} to this file: {error.strerror}",
            ) from error
    return FabricOUIdentifier(certificate=certificate, organizational_unit_identifier=settings.name)
