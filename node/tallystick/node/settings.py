"""What an operator configures: ``orderer.toml`` and ``peer.toml``, read and checked once.

Relative paths are relative to the file that names them. A key that does not exist is an error: a
misspelt setting must not silently be a default.
"""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from tallystick.node.errors import LedgerError
from tallystick.node.settings_parts import (
    Address,
    ListeningSettings,
    Pkcs11Settings,
    ResolvedPath,
    Settings,
    WithReachedAddress,
)
from tallystick.node.settings_problems import problem_of, unknown_keys

SettingsT = TypeVar("SettingsT", bound="NodeSettings")


class SettingsError(LedgerError):
    """A settings file cannot be used.

    Attributes:
        path: The file.
        problems: One line for each key at fault.
        unknown: The keys at fault that there are not, each with the tables around it.
    """

    def __init__(self, path: Path, problems: list[str], unknown: Collection[str] = ()) -> None:
        lines = [f"{path} cannot be used:", *(f"  {line}" for line in problems)]
        super().__init__("\n".join(lines))
        self.path = path
        self.problems = problems
        self.unknown = frozenset(unknown)


class TlsSettings(Settings):
    """``[tls]``: PEM files of the server, and what it asks of clients."""

    certificate: ResolvedPath
    """The server's, with the hosts of its addresses as alternative names."""
    private_key: ResolvedPath
    """Readable by the node's user only."""
    root_certificates: ResolvedPath
    """Authorities of the servers that this node connects to, beside those of the channel."""
    client_root_certificates: tuple[ResolvedPath, ...] = ()
    """Authorities of the clients that may connect, beside those of the channels' members."""
    client_certificate_required: bool = False
    """Whether clients must show a certificate; then ``client_root_certificates`` must be set."""

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
    """The organisation that runs the node."""
    directory: ResolvedPath
    """Certificate, key and authorities, laid out as Fabric's tools do."""
    pkcs11: Pkcs11Settings | None = None
    """Left out, the key is in the directory."""


class ConnectionSettings(Settings):
    """``[connections]``: limits that protect the node from its clients."""

    max_concurrent_streams: int = Field(default=1_000, ge=1)
    """Calls that one connection may have open."""
    max_concurrent_calls: int = Field(default=10_000, ge=1)
    """Calls that may be open in all; half of them may have said nothing yet."""
    max_streams_per_client: int = Field(default=500, ge=1)
    """Streams of blocks and of events that one client, a certificate of a member, may have open."""
    shutdown_grace_s: float = Field(default=1.0, ge=0)
    """How long calls may take to end once the node stops."""
    deliver_time_window_s: float = Field(default=15 * 60, gt=0)
    """How far the timestamp of a deliver request may be off."""


class LogSettings(Settings):
    """``[log]``: what the node writes to standard error."""

    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """What is less grave is not written; PUT /logspec changes it while the node runs."""


class OperationsSettings(Settings):
    """``[operations]``: where ``/healthz``, ``/metrics``, ``/logspec`` and ``/version`` answer."""

    listen_address: Address | None = None
    """Left out, nothing listens. There is no TLS: for those who watch the node only."""
    min_free_disk_bytes: int = Field(default=256 * 1024 * 1024, ge=0)
    """With less room for data, the node is not healthy any more."""


class TelemetrySettings(Settings):
    """``[telemetry]``: where traces of transactions are sent. Needs ``tallystick[telemetry]``."""

    address: Address
    """A collector's, which takes OTLP over gRPC."""
    tls: bool = True
    """``false`` sends in the clear: to a collector on this machine only."""
    root_certificates: ResolvedPath | None = None
    """Authorities of the collector's certificate; left out, those that gRPC brings."""
    sample_ratio: float = Field(default=1.0, gt=0, le=1)
    """Which part of all traces is recorded, also of those that a client has begun."""
    max_waiting_spans: int = Field(default=4_096, ge=512)
    """What waits to be sent. Beyond that spans are lost, and transactions go on."""


class ClientRateSettings(Settings):
    """``[client_rate]``: how much one client, a certificate of a member, may ask of this node."""

    calls_per_s: float = Field(default=2_000.0, gt=0)
    """Proposals at a peer, envelopes at an orderer. Each node counts for itself."""
    burst: int = Field(default=10_000, ge=1)
    """How many may come at once, after a time of rest."""
    max_clients: int = Field(default=10_000, ge=1)
    """How many are told apart. Whoever called longest ago is forgotten first, and begins anew."""


class NodeSettings(ListeningSettings):
    """What peers and orderers have in common."""

    listen_address: Address
    """Where clients and other nodes connect."""
    data_directory: ResolvedPath
    """Ledgers, and on a peer chaincode packages; made if need be."""
    store: Literal["leveldb", "sqlite", "memory"] = "leveldb"
    """Memory is for tests: private data and approvals, which no block has, end with the process."""
    # At least the 64 tables of 2 MiB below which LevelDB cannot be told to go.
    store_mapped_bytes: int = Field(default=256 * 1024**2, ge=64 * 2 * 1024**2)
    """What LevelDB maps into memory of each channel's tables, at most. More helps where the tables
    in use do not fit."""
    genesis_blocks: tuple[ResolvedPath, ...] = ()
    """The first block of each channel, beside those that the node is told to join later."""
    msp: MspSettings
    tls: TlsSettings | None
    """``tls = "off"`` in the file serves in the clear; leaving it out is an error."""
    exposed_keys: Literal["refuse", "warn"] = "refuse"
    """What to do at the start if others than its owner may use a private key."""
    connections: ConnectionSettings = ConnectionSettings()
    client_rate: ClientRateSettings = ClientRateSettings()
    log: LogSettings = LogSettings()
    operations: OperationsSettings = OperationsSettings()
    telemetry: TelemetrySettings | None = None
    """Left out, nothing is traced."""

    @model_validator(mode="before")
    @classmethod
    def _read_tls_off(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("tls") == "off":
            return {**data, "tls": None}
        return data


class QueueSettings(Settings):
    """``[queue]``: how much may wait to be ordered before clients are turned away."""

    max_envelopes: int = Field(default=10_000, ge=1)
    """How many envelopes may wait."""
    max_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """What those that wait may hold in all."""


class AdminSettings(Settings):
    """``[admin]``: where administrators join and remove channels, over mutual TLS always."""

    listen_address: Address
    """Where administrators connect, with Fabric's ``osnadmin`` or ``tally``."""
    certificate: ResolvedPath
    """The server's."""
    private_key: ResolvedPath
    """The server's."""
    client_root_certificates: tuple[ResolvedPath, ...] = Field(min_length=1)
    """Authorities of the administrators: whoever has a certificate of theirs may do everything."""


class EtcdSettings(Settings):
    """``[etcd]``: the cluster through which several orderers share one order."""

    endpoints: tuple[Address, ...] = Field(min_length=1)
    """Its members, the nearest first."""
    certificate: ResolvedPath
    """The orderer's own, by which etcd knows it."""
    private_key: ResolvedPath
    """Readable by the orderer's user only."""
    root_certificates: ResolvedPath
    """Authorities of the members' certificates."""
    prefix: str = Field(default="tallystick", min_length=1)
    """What all keys begin with: one cluster can serve several networks."""
    lease_ttl_s: int = Field(default=1, ge=1)
    """After how long the others take over from an orderer that is gone. etcd may make it longer."""
    begin_at: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """How many blocks the orderer with the most has, for each channel whose log may lack some."""
    ignore_heights_of: tuple[Address, ...] = ()
    """Orderers that do not have the blocks that they say; as the channel names them."""
    max_log_blocks: int = Field(default=10_000, ge=1)
    """How many blocks of each channel etcd keeps for orderers that are behind."""
    max_log_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """What these blocks may hold in all."""


class OrdererSettings(NodeSettings):
    """``orderer.toml``."""

    advertised_address: Address | None = None
    """Where other orderers reach this one; the listen address unless set."""
    etcd: WithReachedAddress[EtcdSettings | None] = None
    """Left out, this orderer orders alone."""
    admin: AdminSettings | None = None
    queue: QueueSettings = QueueSettings()


class OrdererEndpointSettings(Settings):
    """One of ``[[orderers]]``: an orderer to use in place of those that the channel names."""

    address: Address
    """Where it is reached."""
    root_certificates: ResolvedPath | None = None
    """Authorities of its TLS certificate, beside those of the channel."""


class RemotePeerSettings(Settings):
    """One of ``[[gateway.peers]]``: a peer that this peer's gateway may ask to endorse.

    Beside the anchor peers of the channel, which need not be listed; an anchor peer that is listed
    all the same is reached as the entry says.
    """

    msp_id: str = Field(min_length=1)
    """The organisation that runs it."""
    address: Address
    """Where it is reached."""
    root_certificates: ResolvedPath | None = None
    """Authorities of its TLS certificate, beside those of the channel."""


class GatewaySettings(Settings):
    """``[gateway]``: what clients submit and query through."""

    enabled: bool = True
    """Whether clients may submit and query through this peer."""
    peers: tuple[RemotePeerSettings, ...] = ()
    endorsement_timeout_s: float = Field(default=30.0, gt=0)
    """How long a peer may take to endorse before another one is asked."""
    broadcast_timeout_s: float = Field(default=30.0, gt=0)
    """How long the orderers that were asked may take to answer in all."""
    orderer_silence_s: float = Field(default=1.0, gt=0)
    """How long an orderer that is asked may answer nobody, before another is asked as well."""
    peer_check_interval_s: float = Field(default=5.0, gt=0)
    """How often other peers are asked whether they are there and how many blocks they have."""
    max_concurrent_calls: int = Field(default=500, ge=1)
    """Queries and endorsements at work; of transactions until commit, twice as many. More wait."""
    place_kept_s: float = Field(default=5.0, ge=0)
    """How long a transaction that was endorsed counts among these if it is not committed."""
    max_waiting_calls: int = Field(default=10_000, ge=0)
    """Calls that may wait for that; more are told to try again."""
    max_waiting_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """What the calls that wait may hold in memory, in bytes."""
    max_wait_s: float = Field(default=15.0, gt=0)
    """Who would wait for longer is told to try again."""


class EndorserSettings(Settings):
    """``[endorser]``: who runs contracts for clients and gateways."""

    max_concurrent_proposals: int = Field(default=2_500, ge=1)
    """Proposals under way; more are refused."""
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
    transient_max_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """How much of them may wait on a channel; then this peer endorses and takes no more."""


class ChaincodeListenerSettings(Settings):
    """``[chaincode.listener]``: where chaincode registers that somebody else starts."""

    listen_address: Address
    """Where chaincode connects."""
    registration_timeout_s: float = Field(default=10.0, gt=0)
    """How long a stream may be open without having registered."""
    max_streams: int = Field(default=100, ge=1)
    """How many streams may be open in all, registered or not."""


class ChaincodeSettings(Settings):
    """``[chaincode]``: where contracts run, and what those in processes of their own may use."""

    runtime: Literal["embedded", "process"] = "embedded"
    """For Python packages; packages of type ``ccaas`` say themselves where they are served."""
    execute_timeout_s: float = Field(default=30.0, gt=0)
    """How long a call may take; then it fails, and its process is killed."""
    start_timeout_s: float = Field(default=30.0, gt=0)
    """How long a process may take to register."""
    confined: bool = True
    """Whether the kernel must keep a process from files, network and other processes."""
    max_memory_bytes: int = Field(default=1024**3, ge=128 * 1024**2)
    """Address space of one process."""
    max_cpu_s: int = Field(default=3600, ge=1)
    """CPU time after which a process is replaced."""
    max_open_files: int = Field(default=256, ge=32)
    """Of one process."""
    max_log_bytes: int = Field(default=1024**2, ge=0)
    """What one process may write; the rest is lost."""
    max_message_bytes: int = Field(default=100 * 1024**2, ge=1024)
    """A larger message ends the process."""
    listener: ChaincodeListenerSettings | None = None
    """Left out, no chaincode may register."""


class PeerSettings(NodeSettings):
    """``peer.toml``."""

    advertised_address: Address | None = None
    """Where others reach this peer; the listen address unless set."""
    checks_signatures_ahead: bool = True
    """Whether a second process, of some 50 MiB, checks signatures while the peer is far behind."""
    checked_packages: ResolvedPath | None = None
    """Packages that `tally cluster up` has checked. Nobody but owners of the keys may write it."""
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
    except OSError as error:
        raise SettingsError(path, [error.strerror or str(error)]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(path, [str(error)]) from error
    except (ValueError, RecursionError) as error:
        problem = "a number in it is too long, or its lists are nested too deeply"
        raise SettingsError(path, [problem]) from error
    try:
        return settings_type.model_validate(document, context=path.parent)
    except ValidationError as error:
        items = error.errors()
        problems = [problem_of(item, settings_type) for item in items]
        raise SettingsError(path, problems, unknown_keys(items)) from error
