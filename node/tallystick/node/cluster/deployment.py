"""Bringing chaincodes onto a channel: install, approve, commit.

Each step of each organisation is one call of the system chaincode ``_lifecycle``. All calls of a
step run at once, so that their transactions share a block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.node.cluster.administrator import Administrator, Definition, Landed
from tallystick.node.cluster.collections import load_collections
from tallystick.node.cluster.topology import ChaincodeTopology
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.packages import build_package, check_contract
from tallystick.node.transport.tasks import all_of
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage


class NoPackageError(LedgerError):
    """No package can be built of a contract.

    Attributes:
        entry: ``module:Class``.
    """

    def __init__(self, entry: str, problem: str) -> None:
        super().__init__(f"no package can be built of {entry}: {problem}")
        self.entry = entry


def new_package(label: str, entry: str, source: Path | None) -> bytes:
    """Return the package of the contract ``entry``, built from the folder ``source`` if given.

    Raises:
        NoPackageError: Label or entry are malformed, or the source is not there or no Python.
    """
    try:
        return build_package(label, entry, source)
    except ValueError as error:
        raise NoPackageError(entry, str(error)) from error


def untried_package_of(chaincode: ChaincodeTopology) -> bytes:
    """Return the package of a chaincode of the topology, good or not.

    Raises:
        NoPackageError: Its source is not there, or is no Python.
    """
    return new_package(f"{chaincode.name}_{chaincode.version}", chaincode.entry, chaincode.source)


def package_of(chaincode: ChaincodeTopology) -> bytes:
    """Return the package of a chaincode of the topology; one that has a source is tried.

    Raises:
        NoPackageError: Its source is not there, or is no Python.
        PackageRefusedError: No peer could install and run what its source says.
    """
    check_source(chaincode)
    package = untried_package_of(chaincode)
    if chaincode.source is not None:
        check_contract(package)
    return package


def check_source(chaincode: ChaincodeTopology) -> None:
    """Check that the folder is there from which the package of a chaincode will be built.

    Raises:
        NoPackageError: It is not.
    """
    if chaincode.source is not None and not chaincode.source.is_dir():
        raise NoPackageError(
            chaincode.entry,
            f"the source of chaincode {chaincode.name}, {chaincode.source}, is no folder that is"
            " there; put it there, or name another one in the topology of a new network, and say"
            " 'tally cluster up' again",
        )


def collections_of(chaincode: ChaincodeTopology) -> CollectionConfigPackage:
    """Return the private data collections of a chaincode of the topology.

    Raises:
        CollectionsFileError: Its file of collections cannot be used.
        PolicySyntaxError: A policy of a collection is none.
    """
    if isinstance(chaincode.collections, Path):
        return load_collections(chaincode.collections)
    inline = chaincode.collections or ()
    return CollectionConfigPackage(config=[each.encoded() for each in inline])


@dataclass(frozen=True, slots=True)
class Deployable:
    """What it takes to bring a chaincode onto a channel.

    Attributes:
        definition: What its organisations agree on.
        package: What their peers run.
    """

    definition: Definition
    package: bytes


def deployable(chaincode: ChaincodeTopology) -> Deployable:
    """Return what brings a chaincode of the topology onto its channel.

    Raises:
        NoPackageError: Its source is not there, or is no Python.
        PackageRefusedError: No peer could install and run what its source says.
        CollectionsFileError: Its file of collections cannot be used.
        PolicySyntaxError: A policy of a collection is none.
    """
    definition = Definition(
        chaincode.name,
        chaincode.version,
        endorsement=chaincode.endorsement,
        collections=collections_of(chaincode),
    )
    return Deployable(definition, package_of(chaincode))


async def deploy(
    channel_id: str, chaincodes: Sequence[Deployable], administrators: Sequence[Administrator]
) -> None:
    """Install, approve and commit ``chaincodes`` in the name of every organisation with a peer.

    What an interrupted deployment has installed and approved stays so. Returns once every peer
    knows every definition.

    Raises:
        PeerRefusedError: A package cannot be installed, or a peer has stopped.
        PeerBehindError: A peer does not get the blocks that its colleague has.
        EndorseError: A peer refused; its message says why.
        CommitError: Too few organisations agreed.
    """

    async def install_and_approve(administrator: Administrator) -> list[Landed | None]:
        ids = [await administrator.install(each.package) for each in chaincodes]
        return await all_of(
            administrator.approve(channel_id, each.definition, package_id)
            for each, package_id in zip(chaincodes, ids, strict=True)
        )

    approvals = await all_of(map(install_and_approve, administrators))
    landed = [each for group in approvals for each in group if each is not None]
    await _known_to_all(channel_id, administrators, landed)
    endorsers = [administrator.msp_id for administrator in administrators]
    commits = await all_of(
        administrators[0].commit(channel_id, each.definition, endorsers) for each in chaincodes
    )
    await _known_to_all(channel_id, administrators, commits)


async def _known_to_all(
    channel_id: str, administrators: Sequence[Administrator], landed: Sequence[Landed]
) -> None:
    """Return once every peer has all of ``landed``: what they endorse next depends on it."""
    if landed:
        last = max(landed)
        await all_of(each.wait_for(channel_id, last) for each in administrators)
