"""The channel on which targets decode: that of the corpus, so that its signatures are good."""

from functools import cache
from typing import Final

from fuzz.target import CORPUS
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.membership.msp import Msp
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.messages import decode

GENESIS: Final = CORPUS / "block" / "genesis.bin"


@cache
def genesis() -> Block:
    """Return the first block of the channel."""
    return decode(Block, GENESIS.read_bytes())


@cache
def channel() -> ChannelConfig:
    """Return the configuration in the first block."""
    return ChannelConfig.from_block(genesis())


@cache
def msp() -> Msp:
    """Return the MSP of the channel's first organisation that runs peers."""
    found = channel().msps.get(channel().application[0].msp_id)
    assert found is not None, "the configuration lists the organisation"
    return found
