"""What an operator configures: ``orderer.toml`` and ``peer.toml``, read and checked once.

Relative paths are relative to the file that names them. A key that does not exist is an error: a
misspelt setting must not silently be a default.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic.functional_validators import AfterValidator
from pydantic_core import ErrorDetails

from tallystick.node.errors import LedgerError

SettingsT = TypeVar("SettingsT", bound="NodeSettings")

_MAX_PORT = 65_535


class SettingsError(LedgerError):
    """A settings file cannot be used.

    Attributes:
        path: The file.
        problems: One line for each key at fault.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(
            "\n".join([f"{path} cannot be used:", *(f"  {line}" for line in problems)])
        )
        self.path = path
        self.problems = problems


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

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(Settings):
    """``[tls]``: PEM files of the server, and what it asks of clients."""

    certificate: ResolvedPath
    private_key: ResolvedPath
    root_certificates: ResolvedPath
    """Authorities of the servers that this node connects to, beside those of the channel."""
    client_root_certificates: tuple[ResolvedPath, ...] = ()
    """Authorities of the clients that may connect, beside those of the channels' members."""
    client_certificate_required: bool = False

    @model_validator(mode="after")
    def _check_roots(self) -> "TlsSettings":
        if self.client_certificate_required and not self.client_root_certificates:
            raise ValueError(
                "client_certificate_required needs client_root_certificates: the authorities whose"
                " clients may connect"
            )
        return self


class MspSettings(Settings):
    """``[msp]``: the node's identity."""

    id: str = Field(min_length=1)
    directory: ResolvedPath


class ConnectionSettings(Settings):
    """``[connections]``: limits that protect the node from its clients."""

    max_concurrent_streams: int = Field(default=1_000, ge=1)
    """Calls that one connection may have open."""
    max_concurrent_calls: int = Field(default=10_000, ge=1)
    """Calls that may be open in all."""
    shutdown_grace_s: float = Field(default=1.0, ge=0)
    """How long calls may take to end once the node stops."""
    deliver_time_window_s: float = Field(default=15 * 60, gt=0)
    """How far the timestamp of a deliver request may be off."""


class LogSettings(Settings):
    """``[log]``."""

    format: Literal["text", "json"] = "text"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class OperationsSettings(Settings):
    """``[operations]``: where ``/healthz``, ``/metrics``, ``/logspec`` and ``/version`` answer."""

    listen_address: Address | None = None
    min_free_disk_bytes: int = Field(default=256 * 1024 * 1024, ge=0)
    """With less room for data, the node is not healthy any more."""


class NodeSettings(Settings):
    """What peers and orderers have in common."""

    listen_address: Address
    data_directory: ResolvedPath
    store: Literal["leveldb", "sqlite", "memory"] = "leveldb"
    """Memory is for tests: private data, approvals of chaincodes among it, ends with the process,
    and blocks do not bring it back."""
    genesis_blocks: tuple[ResolvedPath, ...] = ()
    """The first block of each channel, beside those that the node is told to join later."""
    msp: MspSettings
    tls: TlsSettings | None
    """``tls = "off"`` in the file serves in the clear; leaving it out is an error."""
    connections: ConnectionSettings = ConnectionSettings()
    log: LogSettings = LogSettings()
    operations: OperationsSettings = OperationsSettings()

    @model_validator(mode="before")
    @classmethod
    def _read_tls_off(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("tls") == "off":
            return {**data, "tls": None}
        return data


class QueueSettings(Settings):
    """``[queue]``: how much may wait to be ordered before clients are turned away."""

    max_envelopes: int = Field(default=10_000, ge=1)
    max_bytes: int = Field(default=256 * 1024 * 1024, ge=1)


class AdminSettings(Settings):
    """``[admin]``: where administrators join and remove channels, over mutual TLS always."""

    listen_address: Address
    certificate: ResolvedPath
    private_key: ResolvedPath
    client_root_certificates: tuple[ResolvedPath, ...] = Field(min_length=1)
    """Authorities of the administrators: whoever has a certificate of theirs may do everything."""


class EtcdSettings(Settings):
    """``[etcd]``: the cluster through which several orderers share one order."""

    endpoints: tuple[Address, ...] = Field(min_length=1)
    """Its members, the nearest first."""
    certificate: ResolvedPath
    private_key: ResolvedPath
    """The orderer's own, by which etcd knows it."""
    root_certificates: ResolvedPath
    """Authorities of the members' certificates."""
    prefix: str = Field(default="tallystick", min_length=1)
    """What all keys begin with: one cluster can serve several networks."""
    lease_ttl_s: int = Field(default=1, ge=1)
    """After how long the others take over from an orderer that is gone. etcd may make it longer."""
    begin_at: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """The height from which an empty log may go on, for each channel that is older than the log."""
    max_log_blocks: int = Field(default=10_000, ge=1)
    max_log_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """How much of each channel etcd keeps for orderers that are behind."""


class OrdererSettings(NodeSettings):
    """``orderer.toml``."""

    advertised_address: Address | None = None
    """Where other orderers reach this one; the listen address unless set."""
    etcd: EtcdSettings | None = None
    """Left out, this orderer orders alone."""
    admin: AdminSettings | None = None
    queue: QueueSettings = QueueSettings()


class OrdererEndpointSettings(Settings):
    """One of ``[[orderers]]``: an orderer to use in place of those that the channel names."""

    address: Address
    root_certificates: ResolvedPath | None = None


class RemotePeerSettings(Settings):
    """One of ``[[gateway.peers]]``: a peer that this peer's gateway may ask to endorse.

    Beside the anchor peers of the channel, which need not be listed; an anchor peer that is listed
    all the same is reached as the entry says.
    """

    msp_id: str = Field(min_length=1)
    address: Address
    root_certificates: ResolvedPath | None = None


class GatewaySettings(Settings):
    """``[gateway]``."""

    enabled: bool = True
    peers: tuple[RemotePeerSettings, ...] = ()
    endorsement_timeout_s: float = Field(default=30.0, gt=0)
    broadcast_timeout_s: float = Field(default=30.0, gt=0)
    peer_check_interval_s: float = Field(default=5.0, gt=0)
    """How often other peers are asked whether they are there and how many blocks they have."""
    max_concurrent_calls: int = Field(default=500, ge=1)


class EndorserSettings(Settings):
    """``[endorser]``."""

    max_concurrent_proposals: int = Field(default=2_500, ge=1)
    clock_skew_s: float = Field(default=60.0, gt=0)
    """How far a proposal's timestamp may be off this peer's clock."""


class PrivateDataSettings(Settings):
    """``[private_data]``: how private values reach other members of their collections."""

    push_timeout_s: float = Field(default=3.0, gt=0)
    """How long a peer may take to acknowledge what it is handed at endorsement."""
    fetch_timeout_s: float = Field(default=5.0, gt=0)
    """How long a peer may take to answer what it has of what is missing here."""
    reconcile_interval_s: float = Field(default=60.0, gt=0)
    """How often everything that is still missing is asked for again."""
    transient_retention_blocks: int = Field(default=1_000, ge=1)
    """For how many blocks the values of what was endorsed wait for its commit."""


class ChaincodeListenerSettings(Settings):
    """``[chaincode.listener]``: where chaincode registers that somebody else starts."""

    listen_address: Address
    registration_timeout_s: float = Field(default=10.0, gt=0)
    """How long a stream may be open without having registered."""
    max_streams: int = Field(default=100, ge=1)
    """How many streams may be open in all, registered or not."""


class ChaincodeSettings(Settings):
    """``[chaincode]``: where contracts run, and what those in processes of their own may use."""

    runtime: Literal["embedded", "process"] = "embedded"
    """For Python packages; packages of type ``ccaas`` say themselves where they are served."""
    execute_timeout_s: float = Field(default=30.0, gt=0)
    start_timeout_s: float = Field(default=30.0, gt=0)
    confined: bool = True
    """Whether the kernel must keep a process from files, network and other processes."""
    max_memory_bytes: int = Field(default=1024**3, ge=128 * 1024**2)
    """Address space of one process."""
    max_cpu_s: int = Field(default=3600, ge=1)
    """CPU time after which a process is replaced."""
    max_open_files: int = Field(default=256, ge=32)
    max_log_bytes: int = Field(default=1024**2, ge=0)
    max_message_bytes: int = Field(default=100 * 1024**2, ge=1024)
    listener: ChaincodeListenerSettings | None = None


class PeerSettings(NodeSettings):
    """``peer.toml``."""

    advertised_address: Address | None = None
    """Where others reach this peer; the listen address unless set."""
    orderers: tuple[OrdererEndpointSettings, ...] = ()
    gateway: GatewaySettings = GatewaySettings()
    endorser: EndorserSettings = EndorserSettings()
    chaincode: ChaincodeSettings = ChaincodeSettings()
    private_data: PrivateDataSettings = PrivateDataSettings()


def load_settings(settings_type: type[SettingsT], path: Path) -> SettingsT:
    """Return the settings in the TOML file at ``path``.

    Raises:
        SettingsError: The file cannot be read, is not TOML, or a key is missing, unknown or wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(path, [str(error)]) from error
    try:
        return settings_type.model_validate(document, context=path.parent)
    except ValidationError as error:
        raise SettingsError(path, [_problem(item) for item in error.errors()]) from error


def _problem(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such setting"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}"
