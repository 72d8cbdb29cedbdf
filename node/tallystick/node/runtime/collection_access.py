"""Whether a call may use a private data collection. Source: wire.md §9.3, the common refusals."""

from tallystick.node.channel.lifecycle_names import IMPLICIT_COLLECTION_PREFIX
from tallystick.node.runtime.collections import members_of
from tallystick.node.runtime.lifecycle import record_use_of_collections
from tallystick.node.runtime.runtime import Invocation
from tallystick.node.runtime.shim_errors import ShimError
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer.collection_pb2 import StaticCollectionConfig


class CollectionAccess:
    """The collections of the chaincode that one call runs, each judged at its first use."""

    __slots__ = ("_collections", "_invocation")

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._collections: dict[str, StaticCollectionConfig] | None = None

    def check_read(self, collection: str) -> None:
        """Check that the creator may read the values of ``collection``.

        Raises:
            ShimError: Not so, or there is no such collection; likewise for the other checks.
        """
        config = self._known(collection)
        if config is not None and config.member_only_read and not self._is_member(config):
            raise self._denied("read", collection)

    def check_write(self, collection: str) -> None:
        """Check that the creator may write to ``collection``."""
        config = self._known(collection)
        if config is not None and config.member_only_write and not self._is_member(config):
            raise self._denied("write", collection)

    def check_defined(self, collection: str) -> None:
        """Check that ``collection`` exists, which is all that reading a hash takes."""
        name, collections = self._invocation.chaincode, self._all()
        if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
            return
        if not collections:
            raise ShimError(
                f"collection config not defined for chaincode [{name}], pass the collection "
                "configuration upon chaincode definition/instantiation"
            )
        if collection not in collections:
            raise ShimError(
                f"collection [{collection}] not defined in the collection config for chaincode "
                f"[{name}]"
            )

    def _known(self, collection: str) -> StaticCollectionConfig | None:
        """Return the definition of a collection; None for one that an organisation always has."""
        collections = self._all()
        if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
            return None
        if collection not in collections:
            call = self._invocation
            raise ShimError(
                f"collection {call.channel_id}/{call.chaincode}/{collection} could not be found"
            )
        return collections[collection]

    def _all(self) -> dict[str, StaticCollectionConfig]:
        call = self._invocation
        if call.is_init:
            raise ShimError("private data APIs are not allowed in chaincode Init()")
        if self._collections is None:
            record_use_of_collections(call.simulator, call.chaincode)
            definition = call.resolve(call.chaincode)
            package = None if definition is None else definition.collections
            configs = () if package is None else package.config
            self._collections = {
                config.static_collection_config.name: config.static_collection_config
                for config in configs
            }
        return self._collections

    def _is_member(self, config: StaticCollectionConfig) -> bool:
        """Return whether the creator's organisation is named among the members at all.

        Members are organisations: a policy that asks several to sign still makes each a member.
        """
        msp_id = SerializedIdentity.FromString(self._invocation.creator).mspid
        return msp_id in members_of(config).msp_ids

    def _denied(self, access: str, collection: str) -> ShimError:
        return ShimError(
            f"tx creator does not have {access} access permission on privatedata in "
            f"chaincodeName:{self._invocation.chaincode} collectionName: {collection}"
        )
