"""The update that leads from one configuration to another. Pure.

What is written here, orderers and peers take apart in `config_update`. Equal to what Fabric's
configtxlator computes. Source: wire.md §15.4; hyperledger/fabric internal/configtxlator/update.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from tallystick.node.channel.errors import ChannelConfigError
from tallystick.protos.common.configtx_pb2 import (
    Config,
    ConfigGroup,
    ConfigPolicy,
    ConfigUpdate,
    ConfigValue,
)

LeafT = TypeVar("LeafT", ConfigValue, ConfigPolicy)

_EMPTY: Final = ConfigGroup()


def compute_update(channel_id: str, original: Config, updated: Config) -> ConfigUpdate:
    """Return what turns ``original`` into ``updated``; versions in ``updated`` do not matter.

    Args:
        channel_id: The channel of both.
        original: The configuration in force.
        updated: The one that is wanted.

    Raises:
        ChannelConfigError: They do not differ.
    """
    step = _group_step(original.channel_group, updated.channel_group)
    if not step.changed:
        raise ChannelConfigError(
            channel_id, "no differences detected between original and updated config"
        )
    return ConfigUpdate(channel_id=channel_id, read_set=step.read, write_set=step.write)


@dataclass(frozen=True, slots=True)
class _GroupStep:
    """What one group contributes to an update.

    Attributes:
        read: The group as it must be found.
        write: The group as it shall be.
        changed: Whether it or anything in it shall change.
    """

    read: ConfigGroup
    write: ConfigGroup
    changed: bool


def _group_step(original: ConfigGroup, updated: ConfigGroup) -> _GroupStep:
    read = ConfigGroup(version=original.version)
    write = ConfigGroup(version=original.version)
    # A group whose members come or go must list those that stay, so that it says who is left.
    kept = ConfigGroup()
    _leaf_steps(original.values, updated.values, write.values, kept.values)
    _leaf_steps(original.policies, updated.policies, write.policies, kept.policies)
    for name, child in original.groups.items():
        if name not in updated.groups:
            continue
        step = _group_step(child, updated.groups[name])
        if step.changed:
            read.groups[name].CopyFrom(step.read)
            write.groups[name].CopyFrom(step.write)
        else:
            kept.groups[name].CopyFrom(step.read)
    for name, child in updated.groups.items():
        if name not in original.groups:
            write.groups[name].CopyFrom(_group_step(_EMPTY, child).write)
            write.groups[name].version = 0
            write.groups[name].mod_policy = child.mod_policy
    if _same_members(original, updated) and original.mod_policy == updated.mod_policy:
        changed = bool(write.values or write.policies or write.groups)
        return _GroupStep(read, write, changed)
    read.MergeFrom(kept)
    write.MergeFrom(kept)
    write.version = original.version + 1
    write.mod_policy = updated.mod_policy
    return _GroupStep(read, write, changed=True)


def _leaf_steps(
    original: Mapping[str, LeafT],
    updated: Mapping[str, LeafT],
    write: Mapping[str, LeafT],
    kept: Mapping[str, LeafT],
) -> None:
    """Add the values, or the policies, that change to ``write`` and the others to ``kept``."""
    for name, leaf in updated.items():
        if name not in original:
            write[name].CopyFrom(leaf)
            write[name].version = 0
        elif _content(original[name]) == _content(leaf):
            kept[name].version = original[name].version
        else:
            write[name].CopyFrom(leaf)
            write[name].version = original[name].version + 1


def _content(leaf: ConfigValue | ConfigPolicy) -> tuple[str, object]:
    return leaf.mod_policy, leaf.value if isinstance(leaf, ConfigValue) else leaf.policy


def _same_members(original: ConfigGroup, updated: ConfigGroup) -> bool:
    return (
        set(original.values) == set(updated.values)
        and set(original.policies) == set(updated.policies)
        and set(original.groups) == set(updated.groups)
    )
