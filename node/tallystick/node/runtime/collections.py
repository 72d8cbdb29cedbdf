"""Private data collections: what definitions say of them, and who their members are.

Source: wire.md §13, Collections; §16, implicit collections.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.lifecycle_names import IMPLICIT_COLLECTION_PREFIX, LIFECYCLE_NAMESPACE
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.state import StateView
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.principals import organization_of
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.policies.evaluate import signature_policy_satisfied
from tallystick.node.runtime.lifecycle_state import read_definition
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage, StaticCollectionConfig
from tallystick.wire.messages import decode

CollectionPackages = Callable[[str], CollectionConfigPackage | None]
"""Returns the collections that the definition of a chaincode has, or None if it has none."""

_NO_PURGE: Final = (
    "purge private data is not enabled, channel application capability of V2_5 or later is required"
)
IMPLICIT_COPIES: Final = 1
"""On how many other peers of its organisation a value of an implicit collection is kept."""


class CollectionError(LedgerError):
    """A transaction used a private data collection in a way that it must not be used.

    Attributes:
        chaincode: Whose collection it is.
        collection: Its name.
    """

    def __init__(self, chaincode: str, collection: str, problem: str) -> None:
        super().__init__(problem)
        self.chaincode = chaincode
        self.collection = collection


@dataclass(frozen=True, slots=True)
class Members:
    """Who belongs to a collection.

    Attributes:
        msp_ids: The organisations whose nodes may belong to it.
        policy: What a member satisfies; None if that is to be of one of the organisations.
    """

    msp_ids: frozenset[str]
    policy: SignaturePolicyEnvelope | None = None

    def include(self, identity: Identity, msps: MspRegistry) -> bool:
        """Return whether a valid identity of the channel is a member."""
        if self.policy is None:
            return identity.msp_id in self.msp_ids
        return signature_policy_satisfied(self.policy, [identity], msps)


def static_collection(
    package: CollectionConfigPackage | None, collection: str
) -> StaticCollectionConfig | None:
    """Return what a definition says of a collection; None if it has none of this name."""
    for entry in package.config if package is not None else ():
        if entry.static_collection_config.name == collection:
            return entry.static_collection_config
    return None


def collection_config(
    packages: CollectionPackages, chaincode: str, collection: str
) -> StaticCollectionConfig | None:
    """Return what is known of a collection, which may be the implicit one of an organisation."""
    if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
        return StaticCollectionConfig(name=collection, maximum_peer_count=IMPLICIT_COPIES)
    return static_collection(packages(chaincode), collection)


def members_of(config: StaticCollectionConfig) -> Members:
    """Return who belongs to a collection."""
    if config.name.startswith(IMPLICIT_COLLECTION_PREFIX):
        return Members(frozenset([config.name.removeprefix(IMPLICIT_COLLECTION_PREFIX)]))
    policy = config.member_orgs_policy.signature_policy
    return Members(frozenset(map(organization_of, policy.identities)), policy)


def blocks_to_live(view: StateView, chaincode: str, collection: str) -> int:
    """Return for how many blocks a collection keeps a value, as of a state; 0 means forever."""
    if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
        return 0

    def read(key: str) -> bytes | None:
        found = view.get(LIFECYCLE_NAMESPACE, key)
        return None if found is None else found.value

    definition = read_definition(read, chaincode)
    if definition is None:
        return 0
    package = decode(CollectionConfigPackage, definition.parameters.collections)
    config = static_collection(package, collection)
    return 0 if config is None else config.block_to_live


class CollectionGuard:
    """Says which collections a transaction may read and write.

    Source: wire.md §9.3, the common refusals.
    """

    def __init__(
        self,
        channel: ChannelConfig,
        creator: Identity,
        packages: CollectionPackages,
        *,
        is_init: bool,
    ) -> None:
        """Judge what a transaction of ``creator`` does; ``is_init`` if it initialises."""
        self._channel = channel
        self._creator = creator
        self._packages = packages
        self._is_init = is_init

    def check_read(self, chaincode: str, collection: str) -> None:
        """Check that private values may be read.

        Raises:
            CollectionError: Not so; likewise for the other checks.
        """
        config = self._config(chaincode, collection)
        if config.member_only_read and not self._is_member(config):
            raise _denied("read", chaincode, collection)

    def check_write(self, chaincode: str, collection: str) -> None:
        """Check that private values may be written."""
        config = self._config(chaincode, collection)
        if config.member_only_write and not self._is_member(config):
            raise _denied("write", chaincode, collection)

    def check_purge(self, chaincode: str, collection: str) -> None:
        """Check that private values may be purged."""
        if not self._channel.capabilities.purge_private_data:
            raise CollectionError(chaincode, collection, _NO_PURGE)
        self.check_write(chaincode, collection)

    def check_hash(self, chaincode: str, collection: str) -> None:
        """Check that hashes may be read: anybody may read those of a collection that exists."""
        self._check_phase(chaincode, collection)
        if collection_config(self._packages, chaincode, collection) is not None:
            return
        if self._packages(chaincode) is None:
            raise CollectionError(
                chaincode,
                collection,
                f"collection config not defined for chaincode [{chaincode}], pass the collection "
                "configuration upon chaincode definition/instantiation",
            )
        raise CollectionError(
            chaincode,
            collection,
            f"collection [{collection}] not defined in the collection config for chaincode "
            f"[{chaincode}]",
        )

    def _config(self, chaincode: str, collection: str) -> StaticCollectionConfig:
        self._check_phase(chaincode, collection)
        config = collection_config(self._packages, chaincode, collection)
        if config is None:
            place = f"{self._channel.channel_id}/{chaincode}/{collection}"
            raise CollectionError(chaincode, collection, f"collection {place} could not be found")
        return config

    def _check_phase(self, chaincode: str, collection: str) -> None:
        if self._is_init:
            raise CollectionError(
                chaincode, collection, "private data APIs are not allowed in chaincode Init()"
            )

    def _is_member(self, config: StaticCollectionConfig) -> bool:
        return members_of(config).include(self._creator, self._channel.msps)


def _denied(access: str, chaincode: str, collection: str) -> CollectionError:
    return CollectionError(
        chaincode,
        collection,
        f"tx creator does not have {access} access permission on privatedata in "
        f"chaincodeName:{chaincode} collectionName: {collection}",
    )
