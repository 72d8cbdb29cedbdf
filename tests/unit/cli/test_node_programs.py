"""What keeps the program of a node from starting or from being of use, and what it says then."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import default_topology_toml
from tests.scenarios.outcome import Outcome, files

from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.topology import load_topology
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.ledger.views import (
    OtherKindOfDataError,
    OtherKindOfStoreError,
    TwoStoresError,
)
from tallystick.node.orderer_program import run_orderer
from tallystick.node.peer_program import run_peer
from tallystick.node.settings import OrdererSettings, PeerSettings, load_settings
from tallystick.node.transport.server import ListenError


@pytest.fixture(autouse=True)
def unchanged_logging() -> Iterator[None]:
    """Keep what a program does with the log of its process from other tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    directory = tmp_path_factory.mktemp("network")
    file = directory / "topology.toml"
    file.write_text(default_topology_toml(), encoding="utf-8")
    now_ns = time.time_ns()  # noqa: TID251 - nodes on this machine's clock read the certificates
    return create_network(load_topology(file), directory / "n", Founding(now_ns, bytes(24)))


@pytest.fixture
def taken() -> Iterator[str]:
    """Where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


async def test_a_peer_whose_operations_port_is_in_use_says_so(
    network: Network, tmp_path: Path, taken: str
) -> None:
    settings = load_settings(PeerSettings, network.settings_file(network.peer_of("ATSMSP")))
    settings = settings.model_copy(
        update={
            "data_directory": tmp_path,
            "checks_signatures_ahead": False,
            "operations": settings.operations.model_copy(update={"listen_address": taken}),
        }
    )
    with pytest.raises(ListenError, match=f"cannot listen on {taken}: address already in use"):
        await run_peer(settings)


async def test_a_peer_does_not_start_with_the_data_of_an_orderer(
    outcome: Outcome, network: Network, tmp_path: Path
) -> None:
    settings = load_settings(PeerSettings, network.settings_file(network.peer_of("ATSMSP")))
    settings = settings.model_copy(
        update={"data_directory": tmp_path, "checks_signatures_ahead": False}
    )
    channel = tmp_path / "channels" / "securities"
    (channel / "index").mkdir(parents=True)
    with outcome.refuses(
        OtherKindOfDataError,
        leaves=files(channel),
        match=r"channels/securities is the data .* 'index' .* name another data_directory",
    ):
        await run_peer(settings)
    assert not (channel / "store").exists()


@pytest.fixture
def on_leveldb(network: Network, tmp_path: Path) -> PeerSettings:
    """Settings of a peer that keep its data in the test's folder, in LevelDB."""
    settings = load_settings(PeerSettings, network.settings_file(network.peer_of("ATSMSP")))
    changes = {"data_directory": tmp_path, "checks_signatures_ahead": False, "store": "leveldb"}
    return settings.model_copy(update=changes)


async def test_a_peer_does_not_start_beside_a_store_of_another_kind(
    outcome: Outcome, on_leveldb: PeerSettings
) -> None:
    """It would make an empty one, and be without the private values of the other."""
    channel = on_leveldb.data_directory / "channels" / "securities"
    open_store("sqlite", channel / "store").close()
    with outcome.refuses(
        OtherKindOfStoreError,
        leaves=files(channel),
        match='of kind sqlite, and .* say `store = "leveldb"`: set `store = "sqlite"` in them',
    ):
        async with asyncio.timeout(60):  # it would run until it is stopped
            await run_peer(on_leveldb)


async def test_a_peer_does_not_start_with_stores_of_two_kinds(
    outcome: Outcome, on_leveldb: PeerSettings
) -> None:
    channel = on_leveldb.data_directory / "channels" / "securities"
    open_store("sqlite", channel / "store").close()
    open_store("leveldb", channel / "store").close()
    with outcome.refuses(
        TwoStoresError, leaves=files(channel), match="stores of two kinds, leveldb and sqlite"
    ):
        async with asyncio.timeout(60):
            await run_peer(on_leveldb)


@pytest.mark.parametrize("table", ["operations", "admin"])
async def test_an_orderer_with_a_second_port_in_use_says_so(
    network: Network, tmp_path: Path, taken: str, table: str
) -> None:
    (orderer,) = (each for each in network.nodes if each.kind == "orderer")
    settings = load_settings(OrdererSettings, network.settings_file(orderer))
    moved = getattr(settings, table).model_copy(update={"listen_address": taken})
    settings = settings.model_copy(update={"data_directory": tmp_path, table: moved})
    with pytest.raises(ListenError, match=f"cannot listen on {taken}: address already in use"):
        await run_orderer(settings)


@pytest.mark.parametrize("is_on_channel", [True, False])
async def test_a_peer_on_no_channel_says_how_it_gets_onto_one(
    network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_on_channel: bool
) -> None:
    settings = load_settings(PeerSettings, network.settings_file(network.peer_of("ATSMSP")))
    blocks = settings.genesis_blocks if is_on_channel else ()
    changes = {"data_directory": tmp_path, "checks_signatures_ahead": False}

    def stop(_: int) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(30):
        await run_peer(
            settings.model_copy(update={**changes, "genesis_blocks": blocks}), on_ready=stop
        )
    log = capsys.readouterr().err
    assert "peer of ATSMSP listens on port" in log
    assert ("on no channel yet: tally channel join FILE" in log) is not is_on_channel
