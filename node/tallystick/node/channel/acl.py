"""Which policy guards which resource, unless the channel says otherwise. Source: wire.md §8.3."""

from collections.abc import Mapping
from typing import Final

from tallystick.node.channel.errors import UnknownResourceError

APPLICATION_PATH: Final = "/Channel/Application"
READERS: Final = f"{APPLICATION_PATH}/Readers"
WRITERS: Final = f"{APPLICATION_PATH}/Writers"

DEFAULT_ACLS: Final[Mapping[str, str]] = {
    "_lifecycle/CommitChaincodeDefinition": WRITERS,
    "_lifecycle/CheckCommitReadiness": WRITERS,
    "_lifecycle/QueryChaincodeDefinition": WRITERS,
    "_lifecycle/QueryChaincodeDefinitions": WRITERS,
    "qscc/GetChainInfo": READERS,
    "qscc/GetBlockByNumber": READERS,
    "qscc/GetBlockByHash": READERS,
    "qscc/GetTransactionByID": READERS,
    "qscc/GetBlockByTxID": READERS,
    "cscc/GetConfigBlock": READERS,
    "cscc/GetChannelConfig": READERS,
    "event/Block": READERS,
    "event/FilteredBlock": READERS,
    "gateway/CommitStatus": READERS,
    "gateway/ChaincodeEvents": READERS,
    "peer/Propose": WRITERS,
    "peer/ChaincodeToChaincode": WRITERS,
}
"""Policy path of each resource that belongs to a channel."""

LOCAL_ADMIN_RESOURCES: Final = frozenset({
    "_lifecycle/InstallChaincode",
    "_lifecycle/QueryInstalledChaincode",
    "_lifecycle/QueryInstalledChaincodes",
    "_lifecycle/GetInstalledChaincodePackage",
    "_lifecycle/ApproveChaincodeDefinitionForMyOrg",
    "_lifecycle/QueryApprovedChaincodeDefinition",
    "_lifecycle/QueryApprovedChaincodeDefinitions",
    "snapshot/submitrequest",
    "snapshot/cancelrequest",
    "snapshot/listpending",
    "cscc/JoinChain",
    "cscc/JoinChainBySnapshot",
    "cscc/JoinBySnapshotStatus",
})  # fmt: skip
"""Resources of a peer rather than of a channel: for administrators of its own organisation."""

LOCAL_MEMBER_RESOURCES: Final = frozenset({"cscc/GetChannels"})
"""Resources of a peer rather than of a channel: for all members of its own organisation."""


def acl_path(resource: str, overrides: Mapping[str, str]) -> str:
    """Return the absolute path of the policy that guards ``resource``.

    Args:
        resource: Such as ``qscc/GetChainInfo``.
        overrides: The channel's own ACLs. A path in it that is not absolute is meant relative to
            ``/Channel/Application``.

    Raises:
        UnknownResourceError: No policy of the channel guards it.
    """
    path = overrides.get(resource) or DEFAULT_ACLS.get(resource)
    if path is None or resource in LOCAL_ADMIN_RESOURCES or resource in LOCAL_MEMBER_RESOURCES:
        raise UnknownResourceError(resource)
    return path if path.startswith("/") else f"{APPLICATION_PATH}/{path}"
