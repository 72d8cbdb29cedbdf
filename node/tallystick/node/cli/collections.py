"""``tally chaincode collections``."""

import argparse
from collections.abc import Iterator

from tallystick.client.errors import ClientError, EvaluateError
from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.cli.session import channel_of, connect
from tallystick.node.errors import LedgerError
from tallystick.node.policies.parser import describe
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage, StaticCollectionConfig
from tallystick.protos.peer.lifecycle.lifecycle_pb2 import (
    QueryChaincodeDefinitionArgs,
    QueryChaincodeDefinitionResult,
)

FAILURES = (ClientError,)


class NoDefinitionError(LedgerError):
    """A chaincode has no definition in force.

    Attributes:
        name: The chaincode.
    """

    def __init__(self, name: str, answer: str) -> None:
        super().__init__(f"{answer}: see `tally chaincode list` for what is in force")
        self.name = name


async def show(options: argparse.Namespace) -> None:
    """Print the private data collections of a chaincode, and who may do what with them."""
    arguments = QueryChaincodeDefinitionArgs(name=options.name).SerializeToString()
    async with await connect(options) as gateway:
        try:
            answer = await (
                channel_of(gateway, options)
                .contract(LIFECYCLE_NAMESPACE)
                .evaluate("QueryChaincodeDefinition", arguments)
            )
        except EvaluateError as error:
            if error.refusals:
                raise NoDefinitionError(options.name, error.refusals[0].message) from error
            raise
    for line in described(QueryChaincodeDefinitionResult.FromString(answer).collections):
        print(line)


def described(package: CollectionConfigPackage) -> Iterator[str]:
    """Yield what a definition says of its collections, line by line."""
    for entry in package.config:
        yield from described_collection(entry.static_collection_config)
    if not package.config:
        yield "it defines no collections"
    yield "besides, each organisation has _implicit_org_<MSP_ID>, for its own peers alone"


def described_collection(config: StaticCollectionConfig) -> Iterator[str]:
    """Yield the name of a collection, then what a definition says of it, line by line."""
    yield config.name
    yield f"  members        {describe(config.member_orgs_policy.signature_policy)}"
    yield (
        f"  copies         {config.required_peer_count} required at other members' peers, "
        f"{config.maximum_peer_count} at most"
    )
    life = config.block_to_live
    yield f"  values live    {f'{life} blocks' if life else 'forever'}"
    yield f"  read for       {_for_whom(members_only=config.member_only_read)}"
    yield f"  written for    {_for_whom(members_only=config.member_only_write)}"
    yield f"  endorsed by    {_endorsers(config)}"


def _for_whom(*, members_only: bool) -> str:
    return "clients of members" if members_only else "whoever the chaincode lets"


def _endorsers(config: StaticCollectionConfig) -> str:
    if not config.HasField("endorsement_policy"):
        return "the chaincode's rule"
    policy = config.endorsement_policy
    if policy.HasField("signature_policy"):
        return describe(policy.signature_policy)
    return policy.channel_config_policy_reference
