"""Which missing policies make a channel ungovernable."""

import pytest
from tests.unit.conftest import ChannelMaterial

from tallystick.node.channel.governability import ungovernable
from tallystick.protos.common.configtx_pb2 import Config


def without(config: Config, group: str, policy: str) -> Config:
    """Return a configuration less one policy; ``group`` is below the channel's, or that itself."""
    edited = Config.FromString(config.SerializeToString())
    root = edited.channel_group
    del (root.groups[group] if group else root).policies[policy]
    return edited


def test_a_new_channel_lacks_nothing(channel_material: ChannelMaterial) -> None:
    assert ungovernable(channel_material.config().config) == []


@pytest.mark.parametrize(
    ("group", "policy", "told"),
    [
        (
            "Orderer",
            "Admins",
            r"there is no policy /Channel/Orderer/Admins: nobody can ever change the",
        ),
        ("", "Admins", "there is no policy /Channel/Admins: nobody can ever change the"),
        ("", "Writers", "there is no policy /Channel/Writers: nobody satisfies it"),
        ("Orderer", "BlockValidation", "/Channel/Orderer/BlockValidation: nobody satisfies it"),
    ],
)
def test_each_missing_policy_is_told_with_what_nobody_can_do(
    channel_material: ChannelMaterial, group: str, policy: str, told: str
) -> None:
    (sentence,) = ungovernable(without(channel_material.config().config, group, policy))
    assert told in sentence


def test_a_policy_of_a_member_is_missed_where_it_guards_something(
    channel_material: ChannelMaterial,
) -> None:
    config = Config.FromString(channel_material.config().config.SerializeToString())
    member = config.channel_group.groups["Application"].groups["ClearingMSP"]
    del member.policies["Admins"]
    (sentence,) = ungovernable(config)
    assert "/Channel/Application/ClearingMSP/Admins: nobody can change the" in sentence
    assert sentence.endswith(
        "but only remove ClearingMSP by an update of /Channel/Application, and admit it anew"
    )
