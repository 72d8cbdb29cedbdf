"""``tally orderer``."""

import argparse

from tallystick.node.cli.node_file import load_orderer_settings
from tallystick.node.orderer_program import run_orderer
from tallystick.node.process import explaining_full_disk, holding


async def start(options: argparse.Namespace) -> None:
    """Run an orderer until it is asked to stop."""
    settings = load_orderer_settings(options.config)
    with holding(settings.data_directory), explaining_full_disk(settings.data_directory):
        await run_orderer(settings)
