"""What a configuration leaves nobody able to do, for people. Pure.

An update that deletes a policy is valid, on Fabric as here, if those agree who may change it; and
no update can bring back what nobody may change. A member's policy is another matter: who admits
members can remove that one, and let it come again. Fabric's nodes warn in their logs. Source:
hyperledger/fabric common/channelconfig/logsanitychecks.go.
"""

from typing import Final

from tallystick.node.channel.config_elements import elements_of, group_key, policy_key
from tallystick.protos.common.configtx_pb2 import Config

_EXPECTED: Final = {
    "": ("Readers", "Writers"),
    "/Application": ("Readers", "Writers", "Admins"),
    "/Orderer": ("Readers", "Writers", "Admins", "BlockValidation"),
}
"""Below ``/Channel``: the policies by name that nodes ask, of each group that there is."""

_GROUPS_OF_MEMBERS: Final = ("/Channel/Application", "/Channel/Orderer")


def ungovernable(config: Config) -> list[str]:
    """Return one sentence for each policy that is missing; none if all are there.

    Raises:
        ElementNameError: A name has characters that are not allowed.
    """
    elements = elements_of(config.channel_group)
    missing: dict[str, int] = {}
    for element in elements.values():
        path = element.mod_policy_path
        if policy_key(path) not in elements:
            missing[path] = missing.get(path, 0) + 1
    for group, names in _EXPECTED.items():
        for name in names:
            path = f"/Channel{group}/{name}"
            if group_key(f"/Channel{group}") in elements and policy_key(path) not in elements:
                missing.setdefault(path, 0)
    return [_sentence(path, count) for path, count in sorted(missing.items())]


def _sentence(path: str, count: int) -> str:
    if not count:
        return f"there is no policy {path}: nobody satisfies it"
    what = "1 entry that it guards" if count == 1 else f"{count} entries that it guards"
    group = path.rpartition("/")[0]
    around, _, member = group.rpartition("/")
    if around in _GROUPS_OF_MEMBERS:
        return (
            f"there is no policy {path}: nobody can change the {what}, but only remove {member} by"
            f" an update of {around}, and admit it anew"
        )
    return f"there is no policy {path}: nobody can ever change the {what}"
