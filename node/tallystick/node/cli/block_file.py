"""A file with a block that holds a channel's configuration, as an operator names it."""

from pathlib import Path

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import NoConfigurationError
from tallystick.node.process import BlockFileError, load_block
from tallystick.protos.common.common_pb2 import Block


def load_config_block(path: Path) -> tuple[Block, ChannelConfig]:
    """Return the block in a file, and the configuration that it holds.

    Raises:
        BlockFileError: There is none in it.
        ChannelConfigError: The configuration is not usable.
    """
    block = load_block(path)
    try:
        return block, ChannelConfig.from_block(block)
    except NoConfigurationError as error:
        raise BlockFileError(path, error.problem, of_configuration=True) from error
