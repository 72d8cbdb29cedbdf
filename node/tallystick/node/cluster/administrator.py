"""What the administrator of an organisation does about chaincodes and channels.

Source: wire.md §8.2, §16.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import Message

from tallystick.client.errors import EndorseError
from tallystick.client.gateway import Gateway
from tallystick.node.cluster.peer_client import (
    CONFIGURATION,
    LIFECYCLE,
    PeerClient,
    PeerRefusedError,
    Source,
)
from tallystick.node.errors import LedgerError
from tallystick.node.policies.parser import parse_policy
from tallystick.node.runtime.packages import package_id
from tallystick.node.transport.ports import EndorserConnection
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.lifecycle.lifecycle_pb2 import (
    ApproveChaincodeDefinitionForMyOrgArgs,
    ChaincodeSource,
    CheckCommitReadinessArgs,
    CheckCommitReadinessResult,
    CommitChaincodeDefinitionArgs,
    InstallChaincodeArgs,
    QueryChaincodeDefinitionArgs,
    QueryChaincodeDefinitionResult,
    QueryChaincodeDefinitionsArgs,
    QueryChaincodeDefinitionsResult,
    QueryInstalledChaincodesArgs,
    QueryInstalledChaincodesResult,
)
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy
from tallystick.protos.peer.query_pb2 import JoinBySnapshotStatus
from tallystick.wire.signing import Signer

ENDORSEMENT_PLUGIN: Final = "escc"
VALIDATION_PLUGIN: Final = "vscc"
_ALREADY_INSTALLED: Final = "already successfully installed"
_ALREADY_JOINED: Final = "already exists with state"
_REDEFINED: Final = "attempted to redefine "
_DIFFERENT: Final = " with different parameters"

POLL_INTERVAL_S: Final = 0.1
CATCH_UP_S: Final = 60.0
"""How long a peer may take to have what another peer of its organisation has."""

ArgumentsT = TypeVar(
    "ArgumentsT",
    ApproveChaincodeDefinitionForMyOrgArgs,
    CommitChaincodeDefinitionArgs,
    CheckCommitReadinessArgs,
)


class PeerBehindError(LedgerError):
    """A peer does not get the blocks that another peer of its organisation has.

    Attributes:
        msp_id: The organisation.
        block_number: The block that the peer lacks.
    """

    def __init__(self, msp_id: str, block_number: int) -> None:
        super().__init__(
            f"a peer of {msp_id} did not get block {block_number} within {CATCH_UP_S:g} s; its log "
            "says why it does not follow the orderer"
        )
        self.msp_id = msp_id
        self.block_number = block_number


class JoinFailedError(LedgerError):
    """A peer did not join the channel of a snapshot.

    Attributes:
        msp_id: Its organisation.
        directory: The snapshot.
    """

    def __init__(self, msp_id: str, directory: Path) -> None:
        super().__init__(
            f"the peer of {msp_id} did not join from {directory}: its log says why; nothing of the "
            "snapshot was kept"
        )
        self.msp_id = msp_id
        self.directory = directory


@dataclass(frozen=True, slots=True)
class Definition:
    """What organisations agree on before a chaincode can be called.

    Attributes:
        name: The chaincode.
        version: Free text.
        sequence: 1 for the first definition; each later one adds one.
        endorsement: Rule over principals, or the path of a channel policy such as
            ``/Channel/Application/Endorsement``; empty for the channel's default.
        collections: Private data collections.
    """

    name: str
    version: str
    sequence: int = 1
    endorsement: str = ""
    collections: CollectionConfigPackage = field(default_factory=CollectionConfigPackage)

    @property
    def validation_parameter(self) -> bytes:
        """``ApplicationPolicy`` bytes.

        Raises:
            PolicySyntaxError: The rule is neither a path nor a gate over principals.
        """
        if not self.endorsement:
            return b""
        if self.endorsement.startswith("/"):
            policy = ApplicationPolicy(channel_config_policy_reference=self.endorsement)
        else:
            policy = ApplicationPolicy(signature_policy=parse_policy(self.endorsement))
        return policy.SerializeToString()

    def fill(self, arguments: ArgumentsT) -> ArgumentsT:
        """Return ``arguments`` with the definition in it.

        Raises:
            PolicySyntaxError: See ``validation_parameter``.
        """
        arguments.name = self.name
        arguments.version = self.version
        arguments.sequence = self.sequence
        arguments.endorsement_plugin = ENDORSEMENT_PLUGIN
        arguments.validation_plugin = VALIDATION_PLUGIN
        arguments.validation_parameter = self.validation_parameter
        if self.collections.config:
            arguments.collections.CopyFrom(self.collections)
        return arguments


@dataclass(frozen=True, slots=True, order=True)
class Landed:
    """Where a transaction was committed; the later one is the greater."""

    block_number: int
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Administrator:
    """The administrator of one organisation with peers, and the ways to them.

    Attributes:
        msp_id: The organisation.
        signer: The administrator's identity and key.
        endorsers: The peers themselves, the one with the gateway first: what concerns a peer alone
            does not go through a gateway.
        gateway: The first peer's gateway, under the same identity.
        source: Time and chance.
    """

    msp_id: str
    signer: Signer
    endorsers: Sequence[EndorserConnection]
    gateway: Gateway
    source: Source

    async def join(self, genesis: bytes) -> None:
        """Make each peer join the channel that begins with the block in ``genesis``.

        Raises:
            PeerRefusedError: One is on the channel already, or cannot run it.
        """
        for peer in self._peers():
            await peer.call(CONFIGURATION, "JoinChain", genesis)

    async def join_missing(self, genesis: bytes, channel_id: str) -> None:
        """Make those peers join a channel, as `join` does, that are not on it yet."""
        for peer in self._peers():
            if channel_id not in await peer.channels():
                await peer.call(CONFIGURATION, "JoinChain", genesis)

    async def join_from_snapshot(self, directory: Path) -> bool:
        """Make peers join the channel of a snapshot that are not on it; return whether any was not.

        Raises:
            PeerRefusedError: One finds no snapshot there.
            JoinFailedError: One began and gave up.
        """
        any_joined = False
        for peer in self._peers():
            before = set(await peer.channels())
            try:
                await peer.call(CONFIGURATION, "JoinChainBySnapshot", str(directory).encode())
            except PeerRefusedError as error:
                if _ALREADY_JOINED not in error.reason:
                    raise
                continue
            while await _is_joining(peer):  # noqa: ASYNC110 - the peer has no other way to tell
                await asyncio.sleep(POLL_INTERVAL_S)
            if set(await peer.channels()) == before:
                raise JoinFailedError(self.msp_id, directory)
            any_joined = True
        return any_joined

    async def channels(self) -> Sequence[str]:
        """Return the ids of the first peer's channels."""
        return await self._peers()[0].channels()

    async def install(self, package: bytes) -> str:
        """Install a package on each peer and return its id; installing again changes nothing.

        Raises:
            PeerRefusedError: The package is malformed, or its contracts are not deterministic.
        """
        arguments = InstallChaincodeArgs(chaincode_install_package=package).SerializeToString()
        for peer in self._peers():
            try:
                await peer.call(LIFECYCLE, "InstallChaincode", arguments)
            except PeerRefusedError as error:
                if _ALREADY_INSTALLED not in error.reason:
                    raise
        return package_id(package)

    async def installed(self) -> Mapping[str, str]:
        """Return the labels of the packages on the first peer by package id."""
        arguments = QueryInstalledChaincodesArgs().SerializeToString()
        answer = await self._peers()[0].call(LIFECYCLE, "QueryInstalledChaincodes", arguments)
        result = QueryInstalledChaincodesResult.FromString(answer)
        return {entry.package_id: entry.label for entry in result.installed_chaincodes}

    async def approve(
        self, channel_id: str, definition: Definition, package: str = ""
    ) -> Landed | None:
        """Approve a definition in the organisation's name; return where that was committed.

        None if the organisation had approved it before, with this package: that changes nothing.

        Args:
            channel_id: The channel.
            definition: What to approve.
            package: Id of the package that its peers run for it; empty if they run none.

        Raises:
            EndorseError: The peer refused.
            CommitError: The transaction is invalid.
        """
        arguments = ApproveChaincodeDefinitionForMyOrgArgs(source=_source_of(package))
        return await self._approve(channel_id, definition.fill(arguments))

    async def approve_in_force(
        self,
        channel_id: str,
        name: str,
        definition: QueryChaincodeDefinitionResult,
        package: str,
    ) -> Landed | None:
        """Approve what is in force already, so that the peers run ``package`` and endorse.

        Returns and raises what `approve` does.
        """
        arguments = ApproveChaincodeDefinitionForMyOrgArgs(
            source=_source_of(package),
            name=name,
            version=definition.version,
            sequence=definition.sequence,
            endorsement_plugin=definition.endorsement_plugin,
            validation_plugin=definition.validation_plugin,
            validation_parameter=definition.validation_parameter,
            init_required=definition.init_required,
        )
        if definition.HasField("collections"):
            arguments.collections.CopyFrom(definition.collections)
        return await self._approve(channel_id, arguments)

    async def _approve(
        self, channel_id: str, arguments: ApproveChaincodeDefinitionForMyOrgArgs
    ) -> Landed | None:
        try:
            return await self._submit(
                channel_id, "ApproveChaincodeDefinitionForMyOrg", arguments, [self.msp_id]
            )
        except EndorseError as error:
            said = [refusal.message for refusal in error.refusals]
            if any(_REDEFINED in each and _DIFFERENT not in each for each in said):
                return None
            raise

    async def commit(
        self, channel_id: str, definition: Definition, endorsers: Sequence[str]
    ) -> Landed:
        """Put a definition into force; return where that was committed.

        Args:
            channel_id: The channel.
            definition: What enough organisations have approved.
            endorsers: The organisations whose peers are to confirm that they approved.

        Raises:
            EndorseError: An organisation has not approved this very definition.
            CommitError: Too few did, or another definition came first.
        """
        arguments = definition.fill(CommitChaincodeDefinitionArgs())
        return await self._submit(channel_id, "CommitChaincodeDefinition", arguments, endorsers)

    async def approvals(self, channel_id: str, definition: Definition) -> Mapping[str, bool]:
        """Return by MSP id who has approved this very definition, not yet in force.

        Raises:
            EvaluateError: The peer refused.
        """
        arguments = definition.fill(CheckCommitReadinessArgs())
        result = await self._evaluate(channel_id, "CheckCommitReadiness", arguments)
        return dict(CheckCommitReadinessResult.FromString(result).approvals)

    async def definition(self, channel_id: str, name: str) -> QueryChaincodeDefinitionResult:
        """Return the definition in force of a chaincode.

        Raises:
            EvaluateError: There is none.
        """
        arguments = QueryChaincodeDefinitionArgs(name=name)
        result = await self._evaluate(channel_id, "QueryChaincodeDefinition", arguments)
        return QueryChaincodeDefinitionResult.FromString(result)

    async def definitions(
        self, channel_id: str
    ) -> Sequence[QueryChaincodeDefinitionsResult.ChaincodeDefinition]:
        """Return all definitions in force."""
        arguments = QueryChaincodeDefinitionsArgs()
        result = await self._evaluate(channel_id, "QueryChaincodeDefinitions", arguments)
        return QueryChaincodeDefinitionsResult.FromString(result).chaincode_definitions

    async def wait_for(self, channel_id: str, landed: Landed) -> None:
        """Return once every peer has committed a transaction, whoever submitted it.

        Raises:
            CommitStatusError: The first peer has not in time.
            PeerBehindError: Another one has not.
            PeerRefusedError: Another one does not answer.
        """
        await self.gateway.network(channel_id).commit(landed.transaction_id).status()
        try:
            async with asyncio.timeout(CATCH_UP_S):
                await self.wait_for_block(channel_id, landed.block_number)
        except TimeoutError as error:
            raise PeerBehindError(self.msp_id, landed.block_number) from error

    async def wait_for_block(self, channel_id: str, number: int) -> None:
        """Return once every peer has block ``number`` of a channel, however long that takes.

        Raises:
            PeerRefusedError: One does not tell how many it has.
        """
        for peer in self._peers():
            while await peer.height(channel_id) <= number:  # noqa: ASYNC110
                # A peer does not tell of a block that is not its next one: wire.md §6.
                await asyncio.sleep(POLL_INTERVAL_S)

    async def _evaluate(self, channel_id: str, function: str, arguments: Message) -> bytes:
        contract = self.gateway.network(channel_id).contract(LIFECYCLE)
        return await contract.evaluate(function, arguments.SerializeToString())

    async def _submit(
        self, channel_id: str, function: str, arguments: Message, endorsers: Sequence[str]
    ) -> Landed:
        contract = self.gateway.network(channel_id).contract(LIFECYCLE)
        proposal = contract.new_proposal(
            function, arguments.SerializeToString(), endorsing_organizations=endorsers
        )
        commit = await (await proposal.endorse()).submit()
        status = await commit.status()
        status.raise_if_invalid()
        return Landed(status.block_number, status.transaction_id)

    def _peers(self) -> list[PeerClient]:
        return [
            PeerClient(self.msp_id, self.signer, connection, self.source)
            for connection in self.endorsers
        ]


def _source_of(package: str) -> ChaincodeSource:
    if not package:
        return ChaincodeSource(unavailable=ChaincodeSource.Unavailable())
    return ChaincodeSource(local_package=ChaincodeSource.Local(package_id=package))


async def _is_joining(peer: PeerClient) -> bool:
    answer = await peer.call(CONFIGURATION, "JoinBySnapshotStatus")
    return JoinBySnapshotStatus.FromString(answer).in_progress
