"""Which policies that are missing, or can be satisfied no more, make a channel ungovernable."""

import pytest
from tests.unit.conftest import CHANNEL_ID, ChannelMaterial

from tallystick.node.channel.config_edits import with_policy
from tallystick.node.channel.governability import ungovernable
from tallystick.protos.common.configtx_pb2 import Config

ENDORSEMENT = "/Channel/Application/Endorsement"
LIFECYCLE = "/Channel/Application/LifecycleEndorsement"


def without(config: Config, path: str) -> Config:
    """Return a configuration less the policy at ``path``."""
    edited = Config.FromString(config.SerializeToString())
    _, *groups, policy = path.removeprefix("/").split("/")
    group = edited.channel_group
    for name in groups:
        group = group.groups[name]
    del group.policies[policy]
    return edited


def test_a_new_channel_lacks_nothing(channel_material: ChannelMaterial) -> None:
    assert ungovernable(channel_material.config().config) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param(
            "/Channel/Orderer/Admins",
            [
                "policy /Channel/Admins asks for more than the channel has: nobody can ever change",
                "there is no policy /Channel/Orderer/Admins: nobody can ever change the",
            ],
            id="a policy that guards something, and on which another one counts",
        ),
        pytest.param(
            "/Channel/Admins",
            ["there is no policy /Channel/Admins: nobody can ever change the"],
            id="a policy that guards something",
        ),
        pytest.param(
            "/Channel/Writers",
            ["there is no policy /Channel/Writers: nobody satisfies it"],
            id="a policy of the channel",
        ),
        pytest.param(
            "/Channel/Orderer/BlockValidation",
            ["there is no policy /Channel/Orderer/BlockValidation: nobody satisfies it"],
            id="a policy of a group",
        ),
        pytest.param(
            ENDORSEMENT,
            [f"there is no policy {ENDORSEMENT}: nobody satisfies it"],
            id="without which no chaincode can be approved that names no policy of its own",
        ),
        pytest.param(LIFECYCLE, [], id="for which a majority of the members stands in"),
        pytest.param(
            "/Channel/Application/ClearingMSP/Endorsement",
            [
                f"policy {ENDORSEMENT} asks for more than the channel has: nobody satisfies it",
                f"policy {LIFECYCLE} asks for more than the channel has: nobody satisfies it",
            ],
            id="a member's, on which those of the channel count",
        ),
    ],
)
def test_each_policy_that_is_missed_is_told_with_what_nobody_can_do(
    channel_material: ChannelMaterial, path: str, told: list[str]
) -> None:
    sentences = ungovernable(without(channel_material.config().config, path))
    assert [found[: len(wanted)] for found, wanted in zip(sentences, told, strict=True)] == told


@pytest.mark.parametrize(
    ("rule", "is_told"),
    [
        ("OutOf(2,'ClearingMSP.peer','GoneMSP.peer')", True),
        ("OutOf(1,'ClearingMSP.peer','GoneMSP.peer')", False),
    ],
)
def test_a_policy_that_needs_a_member_who_is_gone_is_told(
    channel_material: ChannelMaterial, rule: str, *, is_told: bool
) -> None:
    config = with_policy(CHANNEL_ID, channel_material.config().config, LIFECYCLE, rule)
    sentence = f"policy {LIFECYCLE} asks for more than the channel has: nobody satisfies it"
    assert ungovernable(config) == [sentence] * is_told


def test_a_policy_of_a_member_is_missed_where_it_guards_something(
    channel_material: ChannelMaterial,
) -> None:
    path = "/Channel/Application/ClearingMSP/Admins"
    sentences = ungovernable(without(channel_material.config().config, path))
    (sentence,) = [each for each in sentences if path in each]
    assert sentence.startswith(f"there is no policy {path}: nobody can change the")
    assert sentence.endswith(
        "but only remove ClearingMSP by an update of /Channel/Application, and admit it anew"
    )
