"""What every test runs with."""

import os
import re
from importlib.resources import files

import pytest
from hypothesis import settings
from tests.scenarios.outcome import outcome

from tallystick.node.cluster.ports import free_ports

__all__ = ["default_topology_toml", "on_free_ports", "outcome", "topology_toml"]

PORT = re.compile(r"(?<=port = )\d+")

# A deadline per example fails on a busy machine without saying anything about the code. And what is
# merged is judged by the same examples each time: a walk that meets something new says nothing of
# the change at hand. `make explore` looks for those.
settings.register_profile("tallystick", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("explore" if "TALLY_EXPLORE" in os.environ else "tallystick")


def on_free_ports(topology: str) -> str:
    """Return a topology in TOML with ports that are free."""
    ports = free_ports(len(PORT.findall(topology)))
    return PORT.sub(lambda _: str(next(ports)), topology)


def default_topology_toml() -> str:
    """Return the topology of `tally cluster up`, on ports that are free."""
    default = (files("tallystick.node.cluster") / "default.toml").read_text(encoding="utf-8")
    return on_free_ports(default)


@pytest.fixture(scope="module")
def topology_toml() -> str:
    """A topology for the tests of one module that run `tally`."""
    return default_topology_toml()
