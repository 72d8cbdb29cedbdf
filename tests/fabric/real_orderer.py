"""Orderers of Fabric."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fabric.foundation import CHANNEL, HOST, ORDERER, Foundation, Ports
from tests.fabric.processes import ToolFailedError, process, reachable
from tests.fabric.programs import program


@dataclass(frozen=True, slots=True)
class RealOrderer:
    """An orderer of Fabric.

    Attributes:
        foundation: Keys and channel.
        name: Its name there.
        directory: Its own, for configuration and ledger.
        port: Where it listens.
        admin_port: Where its administrators reach it.
    """

    foundation: Foundation
    name: str
    directory: Path
    port: int
    admin_port: int

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run it for the length of the block; yield its process."""
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = json.dumps(self._settings())
        (self.directory / "orderer.yaml").write_text(settings, encoding="utf-8")
        environment = {"FABRIC_CFG_PATH": str(self.directory)}
        log = self.directory / "orderer.log"
        async with process([program("orderer")], environment, log) as running:
            await reachable(f"{HOST}:{self.admin_port}")
            yield running

    async def join(self) -> None:
        """Make it join the channel.

        Raises:
            ToolFailedError: It does not.
        """
        client = self.foundation.user(ORDERER, "admin") / "tls"
        running = await asyncio.create_subprocess_exec(
            program("osnadmin"), "channel", "join", "--channelID", CHANNEL,
            "--config-block", str(self.foundation.genesis_file),
            "-o", f"{HOST}:{self.admin_port}",
            "--ca-file", str(self.foundation.tls_root(ORDERER)),
            "--client-cert", str(client / "client.crt"),
            "--client-key", str(client / "client.key"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await running.communicate()
        if running.returncode or b"201" not in output:
            raise ToolFailedError(output.decode())

    def _settings(self) -> dict[str, object]:
        node = self.foundation.node(ORDERER, self.name)
        tls = {
            "Enabled": True,
            "Certificate": str(node / "tls" / "server.crt"),
            "PrivateKey": str(node / "tls" / "server.key"),
            "RootCAs": [str(node / "tls" / "ca.crt")],
        }
        return {
            "General": {
                "ListenAddress": HOST,
                "ListenPort": self.port,
                "TLS": tls,
                "Cluster": {"SendBufferSize": 100},
                "BootstrapMethod": "none",
                "LocalMSPDir": str(node / "msp"),
                "LocalMSPID": ORDERER,
                "BCCSP": {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}},
            },
            "FileLedger": {"Location": str(self.directory / "ledger")},
            "Admin": {
                "ListenAddress": f"{HOST}:{self.admin_port}",
                "TLS": {**tls, "ClientAuthRequired": True, "ClientRootCAs": tls["RootCAs"]},
            },
            "Operations": {"ListenAddress": f"{HOST}:0"},
            "ChannelParticipation": {"Enabled": True, "MaxRequestBodySize": "1 MB"},
            "Consensus": {
                "WALDir": str(self.directory / "wal"),
                "SnapDir": str(self.directory / "snap"),
            },
            "Metrics": {"Provider": "disabled"},
        }


@asynccontextmanager
async def real_orderer(
    foundation: Foundation, ports: Ports, directory: Path
) -> AsyncIterator[None]:
    """Run Fabric's orderer, a raft cluster of one, on the channel of ``foundation``."""
    orderer = RealOrderer(foundation, "orderer0", directory, ports.orderer, ports.orderer_admin)
    async with orderer.running():
        await orderer.join()
        yield
