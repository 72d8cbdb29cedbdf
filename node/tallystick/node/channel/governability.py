"""What a configuration leaves nobody able to do, for people. Pure.

An update that deletes a policy is valid, on Fabric as here, if those agree who may change it; and
no update can bring back what nobody may change. So is one that deletes what a policy counts on:
policies of members, or a member whom it names. A member's policy is another matter: who admits
members can remove that one, and let it come again. Fabric's nodes warn in their logs of policies
that are missing. Source: hyperledger/fabric common/channelconfig/logsanitychecks.go.
"""

from collections import Counter
from typing import Final

from tallystick.node.channel.config_elements import elements_of, group_key, policy_key
from tallystick.node.channel.lifecycle_names import LIFECYCLE_POLICY
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.satisfiable import is_satisfiable
from tallystick.node.policies.tree import PolicyTree
from tallystick.protos.common.configtx_pb2 import Config, ConfigGroup
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from tallystick.wire.messages import decode

_EXPECTED: Final = {
    "": ("Readers", "Writers"),
    "/Application": ("Readers", "Writers", "Admins", "Endorsement"),
    "/Orderer": ("Readers", "Writers", "Admins", "BlockValidation"),
}
"""Below ``/Channel``: the policies by name that nodes ask, of each group that there is."""

_REPLACEABLE: Final = (LIFECYCLE_POLICY,)
"""Policies that nodes ask where they are, and do without where they are not."""

_GROUPS_OF_MEMBERS: Final = ("/Channel/Application", "/Channel/Orderer")


def ungovernable(config: Config) -> list[str]:
    """Return one sentence for each policy that nobody is left to satisfy; none if there is none.

    Raises:
        ElementNameError: A name has characters that are not allowed.
        MalformedPolicyError: A policy cannot be read.
        MalformedMessageError: A definition of an MSP cannot be read.
    """
    root = config.channel_group
    elements = elements_of(root)
    guarded = Counter(element.mod_policy_path for element in elements.values())
    asked = {
        f"/Channel{group}/{name}"
        for group, names in _EXPECTED.items()
        for name in names
        if group_key(f"/Channel{group}") in elements
    }
    replaceable = {path for path in _REPLACEABLE if policy_key(path) in elements}
    policies = PolicyTree(root, MspRegistry(()), SignatureChecker())
    msp_ids = _msp_ids(root)
    return [
        _sentence(path, guarded[path], is_missing=path not in policies.paths)
        for path in sorted({*guarded, *asked, *replaceable})
        if not is_satisfiable(policies.get(path), msp_ids)
    ]


def _msp_ids(root: ConfigGroup) -> frozenset[str]:
    members = [member for group in root.groups.values() for member in group.groups.values()]
    definitions = [member.values["MSP"].value for member in members if "MSP" in member.values]
    return frozenset(
        decode(FabricMSPConfig, decode(MSPConfig, definition).config).name
        for definition in definitions
    )


def _sentence(path: str, count: int, *, is_missing: bool) -> str:
    problem = f"there is no policy {path}"
    if not is_missing:
        problem = f"policy {path} asks for more than the channel has"
    if not count:
        return f"{problem}: nobody satisfies it"
    what = "1 entry that it guards" if count == 1 else f"{count} entries that it guards"
    group = path.rpartition("/")[0]
    around, _, member = group.rpartition("/")
    if around in _GROUPS_OF_MEMBERS:
        return (
            f"{problem}: nobody can change the {what}, but only remove {member} by an update of"
            f" {around}, and admit it anew"
        )
    return f"{problem}: nobody can ever change the {what}"
