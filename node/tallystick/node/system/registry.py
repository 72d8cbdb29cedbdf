"""All system chaincodes of a peer, by name."""

from collections.abc import Mapping

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.system import configuration, query
from tallystick.node.system.access import AccessControl
from tallystick.node.system.configuration import ConfigurationChaincode, Membership
from tallystick.node.system.lifecycle import LifecycleChaincode
from tallystick.node.system.port import SystemChaincode, SystemChannel
from tallystick.node.system.query import QueryChaincode


def system_chaincodes(
    packages: PackageStore,
    access: AccessControl,
    channels: Mapping[str, SystemChannel],
    membership: Membership,
) -> Mapping[str, SystemChaincode]:
    """Return ``_lifecycle``, ``qscc`` and ``cscc`` for one peer.

    Args:
        packages: Where packages are installed.
        access: Guards every function; says which organisation is the peer's own.
        channels: Channels of the peer by id; they may change at any time.
        membership: Makes the peer join further channels.
    """
    return {
        LIFECYCLE_NAMESPACE: LifecycleChaincode(channels, packages, access),
        query.NAME: QueryChaincode(channels, access),
        configuration.NAME: ConfigurationChaincode(channels, access, membership),
    }
