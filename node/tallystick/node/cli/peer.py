"""``tally peer``."""

import argparse

from tallystick.node.peer import run_peer
from tallystick.node.settings import PeerSettings, load_settings


async def start(options: argparse.Namespace) -> None:
    """Run a peer until it is asked to stop."""
    await run_peer(load_settings(PeerSettings, options.config))
