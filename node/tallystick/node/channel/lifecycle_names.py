"""What the lifecycle of chaincode is called on every channel. Source: wire.md §12 and §16."""

from typing import Final

from tallystick.node.channel.acl import APPLICATION_PATH

LIFECYCLE_NAMESPACE: Final = "_lifecycle"
"""Namespace of committed definitions, and the chaincode that writes it."""

LIFECYCLE_POLICY: Final = f"{APPLICATION_PATH}/LifecycleEndorsement"
"""Policy of that namespace; a majority of the members, where a channel has none."""

IMPLICIT_COLLECTION_PREFIX: Final = "_implicit_org_"
"""Before an MSP id: the collection that each organisation has without asking."""
