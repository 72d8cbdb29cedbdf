"""What a definition of a chaincode changes in the one that is in force."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from tallystick.node.cli.collections import described_collection
from tallystick.node.cluster.administrator import Definition
from tallystick.node.membership.principals import organization_of
from tallystick.node.policies.parser import describe
from tallystick.node.system.definitions import DEFAULT_ENDORSEMENT_POLICY
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.lifecycle.lifecycle_pb2 import QueryChaincodeDefinitionsResult
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy

InForce = QueryChaincodeDefinitionsResult.ChaincodeDefinition


def changes(in_force: InForce, definition: Definition) -> Iterator[str]:
    """Yield in a line each what ``definition`` changes of who endorses and of private data.

    What is left out of a definition is not kept from the one before, so whoever forgets it would
    change the most, and hear nothing of it.
    """
    before, after = rule_text(in_force.validation_parameter), rule_of(definition)
    if before != after:
        kept = "" if definition.endorsement else "; to keep it, name it with --endorsement"
        yield f"{definition.name}: the rule changes from {before} to {after}{kept}"
    old, new = _collections(in_force.collections), _collections(definition.collections)
    for name in sorted(old.keys() - new.keys()):
        yield f"{definition.name}: collection {name} is left out; to keep it, give --collections"
    for name in sorted(new.keys() - old.keys()):
        yield f"{definition.name}: collection {name} is new"
    for name in sorted(old.keys() & new.keys()):
        for was, will_be in zip(old[name], new[name], strict=True):
            if was != will_be:
                yield f"{definition.name}: collection {name} changes from {was} to {will_be}"


def strangers(definition: Definition, members: Collection[str]) -> Sequence[str]:
    """Return the MSPs that a definition's own rule names and that are not among ``members``."""
    policy = ApplicationPolicy.FromString(definition.validation_parameter).signature_policy
    return sorted({*map(organization_of, policy.identities)}.difference(members, ("",)))


def rule_of(definition: Definition) -> str:
    """Return the rule that a definition asks for, in words."""
    return rule_text(definition.validation_parameter)


def rule_text(validation_parameter: bytes) -> str:
    """Return a rule of endorsement in words: a gate over principals, or a channel policy's path."""
    policy = ApplicationPolicy.FromString(validation_parameter)
    if policy.HasField("signature_policy"):
        return describe(policy.signature_policy)
    return policy.channel_config_policy_reference or DEFAULT_ENDORSEMENT_POLICY


def _collections(package: CollectionConfigPackage) -> Mapping[str, Sequence[str]]:
    """Return the facts of each collection, by its name."""
    described = (described_collection(each.static_collection_config) for each in package.config)
    return {name: [" ".join(fact.split()) for fact in facts] for name, *facts in described}
