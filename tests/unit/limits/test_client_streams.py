"""How many streams one client may have open."""

import pytest
from tests.unit.conftest import ChannelMaterial

from tallystick.node.limits.streams import ClientStreams, TooManyStreamsError


def test_one_stream_too_many_is_refused_until_another_is_closed(
    channel_material: ChannelMaterial,
) -> None:
    client = channel_material.config().msps.identity(channel_material.client.identity)
    streams = ClientStreams(2)
    with streams.opened(client):
        with streams.opened(client), pytest.raises(TooManyStreamsError) as raised:  # noqa: SIM117
            with streams.opened(client):
                pass
        with streams.opened(client):
            assert streams.clients == 1
    assert streams.clients == 0
    assert raised.value.limit == 2
    assert "close those that nobody reads" in str(raised.value)


def test_one_client_takes_no_stream_of_another(channel_material: ChannelMaterial) -> None:
    msps = channel_material.config().msps
    streams = ClientStreams(1)
    with (
        streams.opened(msps.identity(channel_material.client.identity)),
        streams.opened(msps.identity(channel_material.administrator.identity)),
    ):
        assert streams.clients == 2


def test_nodes_follow_as_many_channels_as_there_are(channel_material: ChannelMaterial) -> None:
    orderer = channel_material.config().msps.identity(channel_material.orderer.identity)
    streams = ClientStreams(1)
    with streams.opened(orderer), streams.opened(orderer):
        assert streams.clients == 0
