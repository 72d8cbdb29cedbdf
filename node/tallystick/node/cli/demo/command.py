"""``tally demo``: a network of its own, the story told on it, and nothing left behind."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from tallystick.client.errors import ClientError
from tallystick.contracts.participants import Participant
from tallystick.node.cli.demo.channel import Channel
from tallystick.node.cli.demo.given import introduce
from tallystick.node.cli.demo.narration import Narrator
from tallystick.node.cli.demo.stage import DemoFailedError, Stage
from tallystick.node.cli.demo.story import tell_story
from tallystick.node.cli.demo.wallets import Wallets
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.errors import NetworkExistsError
from tallystick.node.cluster.network import exists
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network, system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.node.errors import LedgerError

_NONCE_SIZE: Final = 16


async def run(_: argparse.Namespace) -> None:
    """Run the demo in a temporary directory."""
    await run_demo(None, sys.stdout)


async def run_demo(network_directory: Path | None, out: TextIO) -> None:
    """Start the default network, tell the story on it, and stop it.

    Args:
        network_directory: Where to make the network, which is then kept for a look at it; None for
            a temporary directory, which is removed unless the demo fails.
        out: Where to tell the story.

    Raises:
        NetworkExistsError: There is a network in the directory already.
        DemoFailedError: The network did not come up, or did something else than the story says; the
            message names the logs.
    """
    started_s = time.perf_counter()
    narrator = Narrator(out)
    if network_directory is not None and exists(network_directory):
        raise NetworkExistsError(network_directory)
    directory = network_directory or Path(tempfile.mkdtemp(prefix="tallystick-demo-"))
    with ExitStack() as cleanup:
        if network_directory is None:
            cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        try:
            await _tell(directory, narrator, started_s)
        except (LedgerError, ClientError) as error:
            cleanup.pop_all()
            logs = directory / "logs"
            raise DemoFailedError(
                f"the demo stopped: {error}\nThe nodes have been stopped too. Their logs are in"
                f" {logs}, one file for each."
            ) from error
    remains = "removed" if network_directory is None else f"kept in {directory}"
    narrator.pause()
    narrator.say(
        f"The end, after {time.perf_counter() - started_s:.0f} seconds. The network is stopped, its"
        f" files are {remains}. To work with one yourself: tally cluster up"
    )


async def _tell(directory: Path, narrator: Narrator, started_s: float) -> None:
    def report(step: str) -> None:
        narrator.progress(time.perf_counter() - started_s, step)

    narrator.title("Tallystick: one trade, from the first handshake to the last cent")
    narrator.chapter("A network of licensed firms comes up")
    introduce(narrator)
    narrator.say(
        "All of it happens now, on this machine: each node is a program of its own, and what they"
        " tell each other is encrypted. The contracts (chaincodes) are programs that every node"
        " runs by itself."
    )
    narrator.pause()
    async with (
        running_network(on_free_ports(default_topology()), directory, report) as network,
        Access(network, system_source()) as access,
    ):
        gateways = {each: await access.gateway(each) for each in Participant}
        wallets = Wallets(
            network.channel_id,
            now=lambda: datetime.now(UTC),
            nonce=lambda: secrets.token_hex(_NONCE_SIZE),
        )
        await tell_story(Stage(narrator, Channel(network.channel_id, gateways), wallets))
