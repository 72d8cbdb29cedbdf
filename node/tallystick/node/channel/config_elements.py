"""The elements of a configuration tree, under the keys by which updates and errors name them.

Source: wire.md §15.1, §15.4; hyperledger/fabric common/configtx/configmap.go.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.protos.common.configtx_pb2 import ConfigGroup, ConfigPolicy, ConfigValue

ROOT_PATH: Final = "/Channel"

_NAME: Final = re.compile(r"[a-zA-Z0-9.-]+")
_LONGEST_NAME: Final = 249
_RESERVED_NAMES: Final = frozenset({".", ".."})
_FALLBACK_MOD_POLICY: Final = "Admins"
_ORDERER_CAPABILITIES: Final = "[Value]  /Channel/Orderer/Capabilities"


class ElementNameError(ValueError):
    """A group, value or policy has a name that no configuration may contain."""


@dataclass(frozen=True, slots=True)
class Element:
    """A group, value or policy of a configuration.

    Attributes:
        scope: Path of the group in which the policy named by ``mod_policy`` is looked up: for a
            group itself, for a value or policy the group that holds it.
        message: The element; of a group, its members are elements of their own.
    """

    scope: str
    message: ConfigGroup | ConfigValue | ConfigPolicy

    @property
    def mod_policy_path(self) -> str:
        """The absolute path of the policy that a change must satisfy."""
        name = self.message.mod_policy
        return name if name.startswith("/") else f"{self.scope}/{name}"


def group_key(path: str) -> str:
    """Return the key of the group at ``path``. The blanks are Fabric's, and part of its errors."""
    return f"[Group]  {path}"


def value_key(path: str) -> str:
    """Return the key of the value at ``path``."""
    return f"[Value]  {path}"


def policy_key(path: str) -> str:
    """Return the key of the policy at ``path``."""
    return f"[Policy] {path}"


def elements_of(root: ConfigGroup) -> dict[str, Element]:
    """Return ``root`` and everything in it, by key.

    Raises:
        ElementNameError: A name has characters that are not allowed.
    """
    return dict(_elements(ROOT_PATH, root))


def tree_of(elements: Mapping[str, Element]) -> ConfigGroup:
    """Return the configuration tree of ``elements``.

    A group decides who its members are; which content a member has, ``elements`` says. What no
    group lists is left out.
    """
    # Old tools left mod_policy unset in first blocks. Nothing could ever change such an element, so
    # Fabric sets it with the first update, in channels whose orderers know capabilities.
    fallback = _FALLBACK_MOD_POLICY if _ORDERER_CAPABILITIES in elements else ""
    return _tree(ROOT_PATH, elements, fallback)


def check_name(name: str) -> None:
    """Raise ElementNameError unless ``name`` is fit for an element or a policy path."""
    if not name:
        raise ElementNameError("config ID illegal, cannot be empty")
    if len(name) > _LONGEST_NAME:
        raise ElementNameError(f"config ID illegal, cannot be longer than {_LONGEST_NAME}")
    if name in _RESERVED_NAMES:
        raise ElementNameError(f"name '{name}' for config ID is not allowed")
    if not _NAME.fullmatch(name):
        raise ElementNameError(f"config ID '{name}' contains illegal characters")


def _elements(path: str, group: ConfigGroup) -> Iterator[tuple[str, Element]]:
    yield _checked(group_key(path), path), Element(path, group)
    for name, value in group.values.items():
        yield _checked(value_key(f"{path}/{name}"), name), Element(path, value)
    for name, policy in group.policies.items():
        yield _checked(policy_key(f"{path}/{name}"), name), Element(path, policy)
    for name, child in group.groups.items():
        yield from _elements(f"{path}/{name}", child)


def _checked(key: str, path: str) -> str:
    try:
        check_name(path.rpartition("/")[2])
    except ElementNameError as error:
        raise ElementNameError(f"illegal characters in key: {key}: {error}") from error
    return key


def _tree(path: str, elements: Mapping[str, Element], fallback: str) -> ConfigGroup:
    source = elements[group_key(path)].message
    assert isinstance(source, ConfigGroup)
    group = ConfigGroup(version=source.version, mod_policy=source.mod_policy or fallback)
    for name in source.values:
        value = elements[value_key(f"{path}/{name}")].message
        assert isinstance(value, ConfigValue)
        group.values[name].CopyFrom(value)
        group.values[name].mod_policy = value.mod_policy or fallback
    for name in source.policies:
        policy = elements[policy_key(f"{path}/{name}")].message
        assert isinstance(policy, ConfigPolicy)
        group.policies[name].CopyFrom(policy)
        group.policies[name].mod_policy = policy.mod_policy or fallback
    for name in source.groups:
        group.groups[name].CopyFrom(_tree(f"{path}/{name}", elements, fallback))
    return group
