"""``tally orderer``."""

import argparse

from tallystick.node.cli.node_file import load_settings_as
from tallystick.node.orderer_program import run_orderer
from tallystick.node.process import (
    end_by_signal_while_starting,
    explaining_full_disk,
    holding,
)
from tallystick.node.settings import OrdererSettings


async def start(options: argparse.Namespace) -> None:
    """Run an orderer until it is asked to stop."""
    end_by_signal_while_starting()
    settings = load_settings_as(OrdererSettings, options.config)
    with holding(settings.data_directory), explaining_full_disk(settings.data_directory):
        await run_orderer(settings)
