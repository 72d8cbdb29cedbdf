"""Peers of Fabric, and our nodes in the same places, driven by Fabric's ``peer`` tool."""

import asyncio
import io
import json
import os
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fabric.foundation import CHANNEL, HOST, ONE, ORDERER, TWO, Foundation, Ports
from tests.fabric.processes import ToolFailedError, process, reachable
from tests.fabric.programs import program

from tallystick.chaincode.package import package_id
from tallystick.protos.common.common_pb2 import Block

CONTRACT: Final = Path(__file__).parent / "contract"
_BUILDER: Final = Path(__file__).parent / "service_builder"


def service_package(label: str, address: str) -> bytes:
    """Return a package of a chaincode that is served at ``address``, in the clear."""
    connection = {"address": address, "dial_timeout": "10s", "tls_required": False}
    code = _archive({"connection.json": json.dumps(connection).encode()})
    metadata = json.dumps({"type": "ccaas", "label": label}).encode()
    return _archive({"metadata.json": metadata, "code.tar.gz": code})


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@asynccontextmanager
async def serving_contract(
    package: bytes,
    address: str,
    log: Path,
    entry: str = "probe:ProbeContract",
    source: Path = CONTRACT,
) -> AsyncIterator[None]:
    """Serve a Python contract to whatever peers dial in, under the id of ``package``."""
    command = [
        sys.executable, "-m", "tallystick.chaincode.shim", entry, "--source", str(source),
        "--address", address, "--id", package_id(package),
    ]  # fmt: skip
    async with process(command, {}, log):
        await reachable(address)
        yield


_PRIVATE_DATA: Final = {
    "pushAckTimeout": "3s",
    "transientstoreMaxBlockRetention": 1000,
    "reconcileSleepInterval": "1h",
    "pullRetryThreshold": "1s",
}


@dataclass(frozen=True, slots=True)
class RealPeer:
    """A peer of Fabric.

    Attributes:
        foundation: Keys and channel.
        msp_id: Its organisation.
        name: Its name there.
        directory: Its own, for configuration and ledger.
        port: Where it listens.
    """

    foundation: Foundation
    msp_id: str
    name: str
    directory: Path
    port: int

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.directory / "peer.log"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it for the length of the block."""
        self.configure()
        environment = {"FABRIC_CFG_PATH": str(self.directory), "FABRIC_LOGGING_SPEC": "info"}
        async with process([program("peer"), "node", "start"], environment, self.log):
            await reachable(self.address)
            yield

    def configure(self) -> None:
        """Write what the peer and the tool read at their start."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "core.yaml").write_text(json.dumps(self._core()), encoding="utf-8")

    async def tool(self, *arguments: str, user: str = "admin") -> str:
        """Run the ``peer`` tool as a user of the organisation; return what it prints.

        Raises:
            ToolFailedError: It ended with an error.
        """
        running = await asyncio.create_subprocess_exec(
            program("peer"),
            *arguments,
            env={
                **os.environ,
                "FABRIC_CFG_PATH": str(self.directory),
                "CORE_PEER_MSPCONFIGPATH": str(self.foundation.user(self.msp_id, user) / "msp"),
                "CORE_PEER_TLS_ROOTCERT_FILE": str(self.foundation.tls_root(self.msp_id)),
                "FABRIC_LOGGING_SPEC": "warn",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await running.communicate()
        if running.returncode:
            raise ToolFailedError(f"peer {' '.join(arguments)}: {output.decode()}")
        return output.decode()

    async def join(self) -> None:
        """Make it join the channel."""
        await self.tool("channel", "join", "-b", str(self.foundation.genesis_file))

    async def height(self) -> int:
        """Return how many blocks it has."""
        printed = await self.tool("channel", "getinfo", "-c", CHANNEL)
        return int(json.loads(printed[printed.index("{") :])["height"])

    async def block(self, number: int) -> Block:
        """Return a block, which it must have."""
        file = self.directory / f"{number}.block"
        await self.tool("channel", "fetch", str(number), str(file), "-c", CHANNEL)
        return Block.FromString(file.read_bytes())

    async def wait_for(self, height: int, *, timeout_s: float = 60.0) -> None:
        """Return once it has that many blocks."""
        async with asyncio.timeout(timeout_s):
            while await self.height() < height:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    def _core(self) -> Mapping[str, object]:
        node = self.foundation.node(self.msp_id, self.name)
        return {
            "peer": {
                "id": f"{self.name}.{self.msp_id}",
                "networkId": "lab",
                "listenAddress": self.address,
                "address": self.address,
                "chaincodeListenAddress": f"{HOST}:0",
                "chaincodeAddress": f"{HOST}:0",
                "gateway": {"enabled": True},
                "gossip": {
                    "bootstrap": self.address,
                    "endpoint": self.address,
                    "externalEndpoint": self.address,
                    "useLeaderElection": False,
                    "orgLeader": True,
                    "pvtData": _PRIVATE_DATA,
                    "state": {"enabled": False},
                },
                "tls": {
                    "enabled": True,
                    "cert": {"file": str(node / "tls" / "server.crt")},
                    "key": {"file": str(node / "tls" / "server.key")},
                    "rootcert": {"file": str(node / "tls" / "ca.crt")},
                },
                "authentication": {"timewindow": "15m"},
                "fileSystemPath": str(self.directory / "production"),
                "BCCSP": {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}},
                "mspConfigPath": str(node / "msp"),
                "localMspId": self.msp_id,
                "deliveryclient": {
                    "reconnectTotalTimeThreshold": "3600s",
                    "reConnectBackoffThreshold": "1s",
                },
                "discovery": {"enabled": True},
                "handlers": {
                    "authFilters": [{"name": "DefaultAuth"}, {"name": "ExpirationCheck"}],
                    "decorators": [{"name": "DefaultDecorator"}],
                    "endorsers": {"escc": {"name": "DefaultEndorsement"}},
                    "validators": {"vscc": {"name": "DefaultValidation"}},
                },
            },
            "vm": {"endpoint": ""},
            "chaincode": {
                "externalBuilders": [{"name": "service", "path": str(_BUILDER)}],
                "installTimeout": "30s",
                "startuptimeout": "30s",
                "executetimeout": "30s",
                "mode": "net",
                "keepalive": 0,
                "system": {"_lifecycle": "enable", "cscc": "enable", "lscc": "enable",
                           "qscc": "enable"},
            },
            "ledger": {
                "state": {"stateDatabase": "goleveldb", "totalQueryLimit": 100000},
                "history": {"enableHistoryDatabase": True},
                "pvtdataStore": {
                    "collElgProcMaxDbBatchSize": 5000,
                    "collElgProcDbBatchesInterval": 1000,
                    "purgeInterval": 1,
                },
                "snapshots": {"rootDir": str(self.directory / "snapshots")},
            },
            "operations": {"listenAddress": f"{HOST}:0"},
            "metrics": {"provider": "disabled"},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class OurPeer(RealPeer):
    """A peer of ours in the same place, driven by the same tool of Fabric."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it for the length of the block."""
        self.configure()
        settings = self.directory / "peer.toml"
        node = self.foundation.node(self.msp_id, self.name)
        settings.write_text(_settings(self.address, self.msp_id, node), encoding="utf-8")
        async with process(_tally("peer", settings), {}, self.log):
            await reachable(self.address)
            yield


@asynccontextmanager
async def our_orderer(foundation: Foundation, ports: Ports, directory: Path) -> AsyncIterator[None]:
    """Run our orderer on the channel of ``foundation``."""
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    settings = directory / "orderer.toml"
    address = f"{HOST}:{ports.orderer}"
    text = _settings(address, ORDERER, foundation.node(ORDERER, "orderer0"))
    genesis = f"genesis_blocks = [{json.dumps(str(foundation.genesis_file))}]\n"
    settings.write_text(genesis + text, encoding="utf-8")
    async with process(_tally("orderer", settings), {}, directory / "orderer.log"):
        await reachable(address)
        yield


def _tally(kind: str, settings: Path) -> Sequence[str]:
    return [str(Path(sys.executable).with_name("tally")), kind, "start", "--config", str(settings)]


def _settings(address: str, msp_id: str, node: Path) -> str:
    return (
        f'listen_address = "{address}"\n'
        'data_directory = "data"\n'
        f'[msp]\nid = "{msp_id}"\ndirectory = "{node}/msp"\n'
        f'[tls]\ncertificate = "{node}/tls/server.crt"\nprivate_key = "{node}/tls/server.key"\n'
        f'root_certificates = "{node}/tls/ca.crt"\n'
    )


@dataclass(frozen=True, slots=True)
class ChaincodeTerms:
    """What organisations agree on.

    Attributes:
        name: What clients call it.
        policy: Who endorses; empty for the channel's rule.
        collections: File of its collections.
        init_required: Whether a call must initialise it.
    """

    name: str
    policy: str = ""
    collections: Path | None = None
    init_required: bool = False

    def arguments(self) -> list[str]:
        """Return what is the same for approval and commit."""
        given = ["-C", CHANNEL, "-n", self.name, "-v", "1.0", "--sequence", "1"]
        given += ["--signature-policy", self.policy] if self.policy else []
        given += ["--collections-config", str(self.collections)] if self.collections else []
        return [*given, "--init-required"] if self.init_required else given


async def deploy(
    peers: Sequence[RealPeer], ports: Ports, packages: Sequence[bytes], terms: ChaincodeTerms
) -> None:
    """Install, approve and commit with Fabric's ``peer`` tool, at a peer of each organisation."""
    foundation = peers[0].foundation
    orderer = ["-o", f"{HOST}:{ports.orderer}", "--tls", "--cafile",
               str(foundation.tls_root(ORDERER))]  # fmt: skip
    for peer, package in zip(peers, packages, strict=True):
        file = peer.directory / f"{terms.name}.tar.gz"
        file.write_bytes(package)
        await peer.tool("lifecycle", "chaincode", "install", str(file))
        await peer.tool(
            "lifecycle", "chaincode", "approveformyorg", *orderer, *terms.arguments(),
            "--package-id", package_id(package),
        )  # fmt: skip
    targets = [
        part
        for peer in peers
        for part in ("--peerAddresses", peer.address, "--tlsRootCertFiles",
                     str(foundation.tls_root(peer.msp_id)))
    ]  # fmt: skip
    height = max([await peer.height() for peer in peers])
    for peer in peers:
        await peer.wait_for(height)
    await peers[0].tool("lifecycle", "chaincode", "commit", *orderer, *terms.arguments(), *targets)


async def invoke(peers: Sequence[RealPeer], ports: Ports, arguments: str) -> str:
    """Submit a transaction that all peers endorse; return once it is valid at every one."""
    foundation = peers[0].foundation
    targets = [
        part
        for peer in peers
        for part in ("--peerAddresses", peer.address, "--tlsRootCertFiles",
                     str(foundation.tls_root(peer.msp_id)))
    ]  # fmt: skip
    return await peers[0].tool(
        "chaincode", "invoke", "-C", CHANNEL, "-n", "probe", "-c", arguments, "--waitForEvent",
        "-o", f"{HOST}:{ports.orderer}", "--tls", "--cafile", str(foundation.tls_root(ORDERER)),
        *targets, user="client",
    )  # fmt: skip


def client_profile(peer: RealPeer) -> Path:
    """Write what our client needs to connect to a peer as a user of its organisation."""
    user = peer.foundation.user(peer.msp_id, "client") / "msp"
    (certificate,) = (user / "signcerts").iterdir()
    (key,) = (user / "keystore").iterdir()
    file = peer.directory / "client.json"
    content = {
        "msp_id": peer.msp_id,
        "channel": CHANNEL,
        "gateway": peer.address,
        "tls_ca": str(peer.foundation.tls_root(peer.msp_id)),
        "certificate": str(certificate),
        "key": str(key),
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@asynccontextmanager
async def two_peers_of_fabric(
    foundation: Foundation, ports: Ports, directory: Path
) -> AsyncIterator[Sequence[RealPeer]]:
    """Run one of each organisation, on a channel that our orderer orders; yield them."""
    peers = [
        RealPeer(foundation, msp_id, "peer0", directory / msp_id, ports.peers[msp_id, "peer0"])
        for msp_id in (ONE, TWO)
    ]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(our_orderer(foundation, ports, directory / "orderer"))
        for peer in peers:
            await stack.enter_async_context(peer.running())
            await peer.join()
        yield peers
