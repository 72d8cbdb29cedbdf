"""Fixtures for pytest, which a test suite asks for in its topmost ``conftest.py``.

::

    pytest_plugins = ["tallystick.node.testing.plugin"]

``tally_network`` is a `LocalNetwork` for one test; override ``tally_topology`` for another network
than the default one.
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tallystick.node.cluster.material import generate_material
from tallystick.node.cluster.topology import Topology, default_topology
from tallystick.node.testing.local_network import LocalNetwork


@pytest.fixture(scope="session")
def tally_topology() -> Topology:
    """What ``tally_network`` consists of: by default the network of ``tally cluster up``."""
    return default_topology()


@pytest.fixture(scope="session")
def tally_material(tally_topology: Topology, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of everybody on the network, made once: nothing in them changes."""
    directory = tmp_path_factory.mktemp("tally-material")
    generate_material(tally_topology, directory, now_ns=time.time_ns())  # noqa: TID251
    return directory


@pytest_asyncio.fixture
async def tally_network(
    tally_topology: Topology, tally_material: Path
) -> AsyncIterator[LocalNetwork]:
    """A network with its chaincodes deployed, in this process, for one test."""
    async with LocalNetwork(tally_topology, material=tally_material) as network:
        yield network
