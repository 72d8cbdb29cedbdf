"""Private data collections as Fabric's tools read them: ``collections_config.json``.

A topology may hold the same in place of naming a file.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tallystick.node.errors import LedgerError
from tallystick.node.model_errors import problems_in
from tallystick.node.policies.errors import PolicySyntaxError
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy


class CollectionsFileError(LedgerError):
    """A file of collections cannot be used.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"the collections in {path} cannot be used: {problem}")
        self.path = path


class _EndorsementPolicy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    signature_policy: str = Field(default="", alias="signaturePolicy")
    channel_config_policy: str = Field(default="", alias="channelConfigPolicy")

    def encoded(self) -> ApplicationPolicy:
        if bool(self.signature_policy) == bool(self.channel_config_policy):
            raise ValueError(
                "an endorsementPolicy has either a signaturePolicy or a channelConfigPolicy"
            )
        if self.signature_policy:
            return ApplicationPolicy(signature_policy=parse_policy(self.signature_policy))
        return ApplicationPolicy(channel_config_policy_reference=self.channel_config_policy)


class Collection(BaseModel):
    """One collection, with the names that Fabric's tools use in files."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str
    policy: str
    required_peer_count: int = Field(default=0, alias="requiredPeerCount")
    maximum_peer_count: int = Field(default=1, alias="maxPeerCount")
    block_to_live: int = Field(default=0, alias="blockToLive", ge=0)
    member_only_read: bool = Field(default=False, alias="memberOnlyRead")
    member_only_write: bool = Field(default=False, alias="memberOnlyWrite")
    endorsement_policy: _EndorsementPolicy | None = Field(default=None, alias="endorsementPolicy")

    def encoded(self) -> CollectionConfig:
        """Return it as a chaincode's definition has it.

        Raises:
            PolicySyntaxError: A policy is none.
        """
        members = CollectionPolicyConfig(signature_policy=parse_policy(self.policy))
        own = self.endorsement_policy
        return CollectionConfig(
            static_collection_config=StaticCollectionConfig(
                name=self.name,
                member_orgs_policy=members,
                required_peer_count=self.required_peer_count,
                maximum_peer_count=self.maximum_peer_count,
                block_to_live=self.block_to_live,
                member_only_read=self.member_only_read,
                member_only_write=self.member_only_write,
                endorsement_policy=None if own is None else own.encoded(),
            )
        )


_FILE = TypeAdapter(list[Collection])


def load_collections(path: Path) -> CollectionConfigPackage:
    """Return the collections in a JSON file of the form that Fabric's ``peer`` command reads.

    Raises:
        CollectionsFileError: The file cannot be read, or a collection in it is not one.
    """
    try:
        collections = _FILE.validate_json(path.read_bytes())
        return CollectionConfigPackage(config=[each.encoded() for each in collections])
    except ValidationError as error:
        raise CollectionsFileError(path, "; ".join(problems_in(error))) from error
    except (OSError, ValueError, PolicySyntaxError) as error:
        raise CollectionsFileError(path, str(error)) from error
