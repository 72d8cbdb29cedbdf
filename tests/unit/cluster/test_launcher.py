"""Processes of nodes: known by a lock, and stopped whatever they do."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, State, files

from tallystick.node.cluster.launcher import (
    AlreadyRunningError,
    Launcher,
    NodeFailedError,
    PortInUseError,
    fault_of,
    is_healthy,
)
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.ports import free_ports, on_free_ports
from tallystick.node.cluster.topology import default_topology

# Stands in for ``tally``: does what its settings file says, once its signals are set up.
PROGRAM = "#!{python}\nimport sys\nexec(open(sys.argv[-1]).read())\n"
SLEEPS = "import time\ntime.sleep(3600)\n"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{ready}" + SLEEPS
FAILS = "sys.exit('the disk is full')\n"


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network whose nodes run the content of their settings files."""
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    for name in ("run", "logs", "peers", "orderers"):
        (tmp_path / name).mkdir()
    return Network(tmp_path, on_free_ports(default_topology()))


@pytest.fixture
def node(network: Network) -> Node:
    return network.peer_of("ATSMSP")


def write(network: Network, node: Node, program: str) -> None:
    network.settings_file(node).write_text(program)


async def test_a_node_runs_until_it_is_stopped(network: Network, node: Node) -> None:
    write(network, node, SLEEPS)
    launcher = Launcher(network)
    assert launcher.pid(node) is None
    pid = launcher.start(node)
    assert Launcher(network).pid(node) == pid  # any launcher knows
    assert await launcher.stop(node) is False
    assert launcher.pid(node) is None


async def test_modules_where_the_command_is_called_are_none_of_the_node(
    tmp_path: Path, network: Network, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real program, which ends soon for want of settings
    (tmp_path / "dis.py").write_text("raise SystemExit('imported by accident')")
    monkeypatch.chdir(tmp_path)
    write(network, node, "")
    launcher = Launcher(network)
    launcher.start(node)
    with pytest.raises(NodeFailedError, match="listen_address: Field required"):
        await launcher.wait_until_ready(node)


async def test_a_node_that_ignores_the_signal_is_killed(network: Network, node: Node) -> None:
    read, ready = os.pipe()
    os.set_inheritable(ready, True)  # noqa: FBT003 -- the name says what is true
    write(network, node, STUBBORN.format(ready=f"import os\nos.close({ready})\n"))
    launcher = Launcher(network)
    launcher.start(node)
    os.close(ready)
    assert os.read(read, 1) == b""  # returns when the node, too, has closed its end
    os.close(read)
    assert await launcher.stop(node, timeout_s=0.1) is True
    assert launcher.pid(node) is None


async def test_a_killed_node_can_be_started_again(network: Network, node: Node) -> None:
    write(network, node, SLEEPS)
    launcher = Launcher(network)
    first = launcher.start(node)
    await launcher.kill(node)
    second = launcher.start(node)
    assert first != second
    assert await launcher.stop_all() == {node.name: False}


async def test_a_node_is_not_started_twice(outcome: Outcome, network: Network, node: Node) -> None:
    write(network, node, SLEEPS)
    launcher = Launcher(network)
    launcher.start(node)
    with outcome.refuses(
        AlreadyRunningError,
        leaves=State("the node runs as before", lambda: launcher.pid(node)),
        match=node.name,
    ):
        launcher.start(node)
    await launcher.stop(node)


async def test_a_node_that_ends_before_it_is_ready_is_reported_with_its_last_words(
    outcome: Outcome, network: Network, node: Node
) -> None:
    write(network, node, FAILS)
    launcher = Launcher(network)
    launcher.start(node)
    with outcome.refuses(
        NodeFailedError,
        leaves=State("its settings are as they were", network.settings_file(node).read_bytes),
        match="the disk is full",
    ):
        await launcher.wait_until_ready(node)


async def test_a_node_that_does_not_become_ready_in_time_is_reported(
    outcome: Outcome, network: Network, node: Node
) -> None:
    write(network, node, SLEEPS)
    launcher = Launcher(network)
    launcher.start(node)
    with outcome.refuses(
        NodeFailedError,
        leaves=State("its settings are as they were", network.settings_file(node).read_bytes),
        match=r"not ready after 0\.05 s",
    ):
        await launcher.wait_until_ready(node, timeout_s=0.05)
    await launcher.stop(node)


def test_a_port_in_use_is_named_before_anything_is_started(
    outcome: Outcome, network: Network, node: Node
) -> None:
    with (
        socket.create_server(("localhost", node.topology.port)),
        outcome.refuses(
            PortInUseError,
            leaves=files(network.data_directory(node)),
            match=f"port {node.topology.port} of {node.name}",
        ),
    ):
        Launcher(network).start(node)
    assert Launcher(network).pid(node) is None


async def test_a_node_that_hangs_is_not_healthy(node: Node) -> None:
    with socket.create_server(("localhost", node.topology.operations_port)):
        assert await is_healthy(node, timeout_s=0.05) is False  # connected, and never answered


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", ""),
        (b'HTTP/1.1 503 No\r\nA: b\r\n\r\n{"reason": "full"}', '{"reason": "full"}'),
        (b"HTTP/1.1 503 No\r\n\r\n", "it is not well, and does not say why"),
        (b"HTTP/1.1 503 No\r\nA: b\r\n\r\n" + b"x" * 10_000_000, "x" * 60_000),
    ],
    ids=["well", "not well", "no reason", "a flood"],
)
async def test_a_node_says_what_is_wrong_with_it(node: Node, answer: bytes, fault: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert node.health_path.encode() in await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "localhost", node.topology.operations_port):
        told = await fault_of(node)
    assert told.startswith(fault)
    assert bool(told) is bool(fault)
    assert len(told) < 100_000


async def test_a_node_that_does_not_listen_is_named_with_its_address(node: Node) -> None:
    told = await fault_of(node)
    assert told == f"no answer from http://{node.operations_address}{node.health_path}"


async def test_stopping_what_does_not_run_does_nothing(network: Network, node: Node) -> None:
    assert await Launcher(network).stop(node) is False
    assert await Launcher(network).stop_all() == {}


def test_free_ports_are_different() -> None:
    ports = list(free_ports(8))
    assert len(set(ports)) == 8
