"""The configuration of the orderers that share an etcd in memory."""

import pytest
from tests.unit.conftest import ChannelMaterial
from tests.unit.ordering.etcd.fake import quick

from tallystick.node.channel.config import ChannelConfig


@pytest.fixture(scope="session")
def config(channel_material: ChannelMaterial) -> ChannelConfig:
    return quick(channel_material.config(), timeout_s=0.1, max_message_count=5)
