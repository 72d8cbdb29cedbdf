"""A Python contract behind ``tally chaincode serve``, called by peers of Fabric (wire.md §18.4)."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fabric.foundation import CHANNEL, HOST, ONE, TWO, Foundation, found, new_ports
from tests.fabric.processes import ToolFailedError, process, reachable
from tests.fabric.real_nodes import (
    CONTRACT,
    ChaincodeTerms,
    RealPeer,
    deploy,
    invoke,
    two_peers_of_fabric,
)

TALLY = Path(sys.executable).with_name("tally")


@dataclass(frozen=True, slots=True)
class Service:
    """A contract as a service with mutual TLS.

    Attributes:
        foundation: Whose keys it and its callers use.
        directory: Its own.
        port: Where it listens.
    """

    foundation: Foundation
    directory: Path
    port: int

    async def package(self) -> tuple[str, bytes]:
        """Return the id and the content of the package for peers."""
        file = self.directory / "probe.tar.gz"
        caller = self.foundation.user(ONE, "client") / "tls"
        words = [
            *("--type", "ccaas", "--label", "probe_1", "--output", str(file)),
            *("--address", f"{HOST}:{self.port}", "--tls-roots", str(self._root)),
            *("--tls-certificate", str(caller / "client.crt")),
            *("--tls-key", str(caller / "client.key")),
        ]
        running = await asyncio.create_subprocess_exec(
            TALLY, "chaincode", "package", *words, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await running.communicate()
        assert running.returncode == 0
        return printed.decode().strip(), file.read_bytes()

    @asynccontextmanager
    async def running(self, package_id: str) -> AsyncIterator[None]:
        """Serve for the length of the block."""
        tls = self.foundation.node(ONE, "peer1") / "tls"
        command: Sequence[str | Path] = [
            *(TALLY, "chaincode", "serve", "probe:ProbeContract", "--source", CONTRACT),
            *("--id", package_id, "--address", f"{HOST}:{self.port}"),
            *("--tls-certificate", tls / "server.crt", "--tls-key", tls / "server.key"),
            *("--tls-roots", self._root),
        ]
        async with process(command, {}, self.directory / "service.log"):
            await reachable(f"{HOST}:{self.port}")
            yield

    @property
    def _root(self) -> Path:
        return self.foundation.tls_root(ONE)


async def query(peer: RealPeer, *arguments: str) -> str:
    call = json.dumps({"Args": arguments})
    words = ("chaincode", "query", "-C", CHANNEL, "-n", "probe", "-c", call)
    return (await peer.tool(*words, user="client")).strip()


async def test_peers_of_fabric_call_a_contract_that_tally_serves_with_tls(tmp_path: Path) -> None:
    ports = new_ports()
    foundation = found(tmp_path / "crypto", ports)
    service = Service(foundation, tmp_path, ports.chaincode)
    package_id, package = await service.package()
    async with two_peers_of_fabric(foundation, ports, tmp_path) as peers:
        async with service.running(package_id):
            terms = ChaincodeTerms("probe", f"AND('{ONE}.peer','{TWO}.peer')")
            await deploy(peers, ports, [package, package], terms)
            await invoke(peers, ports, '{"Args":["put","colour","green"]}')
            assert await query(peers[0], "get", "colour") == "green"
            with pytest.raises(ToolFailedError, match="paint"):
                await query(peers[0], "paint", "colour")
        with pytest.raises(ToolFailedError, match="could not launch chaincode probe_1"):
            await query(peers[0], "get", "colour")
        async with service.running(package_id):
            await invoke(peers, ports, '{"Args":["append","colour","ish"]}')
            assert await query(peers[1], "get", "colour") == "greenish"
