"""The endorser: checks a proposal, runs what it calls, and signs the outcome.

Source: wire.md §4; hyperledger/fabric core/endorser/endorser.go.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from tallystick.node.endorsement.channel import EndorserChannel
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.interest import chaincode_interest
from tallystick.node.endorsement.private_data import PrivateResultsKeeper
from tallystick.node.endorsement.proposal import (
    UnpackedProposal,
    access_denied,
    check_form,
    time_text,
    unpack,
)
from tallystick.node.endorsement.response import (
    FAILED,
    REFUSED,
    Outcome,
    endorsed,
    not_approved,
    not_endorsed,
    peer_failure,
    response_payload,
    undefined,
)
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.private_data import NotKeptError
from tallystick.node.ledger.simulator import SimulationResult, Simulator
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.rates import ClientRates
from tallystick.node.membership.errors import IdentityError, InvalidIdentityError
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.context import log_about
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.runtime.collections import CollectionError
from tallystick.node.runtime.initialization import check_initialization
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.runtime import (
    ChaincodeRuntime,
    Invocation,
    InvocationResult,
    UnknownChannelError,
)
from tallystick.node.system.access import AccessControl, check_channel_access
from tallystick.node.system.port import SystemChaincode, SystemInvocation
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.wire.signing import Signer

SERVICE: Final = "/protos.Endorser"
_CALL_CHAINCODE: Final = "peer/ChaincodeToChaincode"
SYSTEM_VERSION: Final = "syscc"

_WITHOUT_SIMULATOR: Final = frozenset({"qscc", "cscc"})
_NOTHING: Final = SimulationResult(public=b"", private=b"", touched=())
_NS_PER_S: Final = 1_000_000_000
_ROOM_AGAIN_S: Final = 1.0  # a few hundred proposals later


@dataclass(frozen=True, slots=True, kw_only=True)
class EndorserLimits:
    """How much an endorser takes on.

    Attributes:
        concurrency: Proposals in progress; more are refused.
        max_clock_skew_s: How far the time of a proposal may be off this peer's clock.
        max_arguments: Of a call, the function name included.
        max_arguments_bytes: All arguments of a call to a chaincode of a channel together. System
            chaincodes take packages and blocks, which only the transport limits.
    """

    concurrency: int = 2_500
    max_clock_skew_s: float = 60.0
    max_arguments: int = 1_000
    max_arguments_bytes: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EndorserNode:
    """What the endorser uses of its peer.

    Attributes:
        runtime: Runs chaincode.
        packages: What is installed.
        system: System chaincodes by name.
        access: Guards the peer.
        signer: The peer's identity.
        checker: The peer's memory of good signatures.
        private_data: Keeps private results until their transaction commits.
        rates: How much each client may still ask.
        clock: Returns now, nanoseconds since the epoch, UTC.
        metrics: Counts and times.
    """

    runtime: ChaincodeRuntime
    packages: PackageStore
    system: Mapping[str, SystemChaincode]
    access: AccessControl
    signer: Signer
    checker: SignatureChecker
    private_data: PrivateResultsKeeper
    rates: ClientRates
    clock: Callable[[], int]
    metrics: PeerMetrics


class Endorser:
    """Answers the proposals that one peer gets, each on top of the last committed block."""

    def __init__(
        self,
        channels: Mapping[str, EndorserChannel],
        node: EndorserNode,
        limits: EndorserLimits | None = None,
    ) -> None:
        """Serve ``channels``, which may change at any time, by channel id."""
        self._channels = channels
        self._node = node
        self._limits = limits or EndorserLimits()
        self._max_clock_skew_ns = int(self._limits.max_clock_skew_s * _NS_PER_S)
        self._in_progress = 0
        self._installed: set[str] = set()

    @property
    def in_progress(self) -> int:
        """How many proposals are being worked on."""
        return self._in_progress

    async def process(self, signed: SignedProposal) -> ProposalResponse:
        """Return the answer to a proposal; status 400 and above are not endorsed.

        Raises:
            ProposalRefusedError: It is malformed, not signed by a client that may propose, too
                early or late, or known already.
            TooBusyError: It is one too many, of all clients or of this one. No chaincode has run.
        """
        return await self._admitted(signed, is_query=False)

    async def evaluate(self, signed: SignedProposal) -> ProposalResponse:
        """Return the answer to a proposal of which nobody will make a transaction.

        It is checked and run like any other, but an answer below 400 is neither signed nor hashed,
        and private results are not kept: who only asks has no use for that.

        Raises what ``process`` does.
        """
        return await self._admitted(signed, is_query=True)

    async def _admitted(self, signed: SignedProposal, *, is_query: bool) -> ProposalResponse:
        limit = self._limits.concurrency
        if self._in_progress >= limit:
            reason = f"too many requests for {SERVICE}, exceeding concurrency limit ({limit})"
            raise TooBusyError(reason, retry_after_s=_ROOM_AGAIN_S)
        self._in_progress += 1
        self._node.metrics.proposal_received()
        try:
            return await self._process(unpack(signed, is_query=is_query))
        finally:
            self._in_progress -= 1

    async def _process(self, proposal: UnpackedProposal) -> ProposalResponse:
        now_ns = self._node.clock()
        self._check_time(proposal, now_ns)
        channel_id = proposal.channel_id
        log_about(channel=channel_id, transaction_id=proposal.transaction_id)
        channel = self._channels.get(channel_id) if channel_id else None
        if channel is None and channel_id:
            return peer_failure(f"channel '{channel_id}' not found")
        creator = self._authenticated(proposal, channel, now_ns)
        if channel is not None:
            channel.check_new(proposal)
        system = self._node.system.get(proposal.chaincode)
        if system is not None:
            return await self._call_system(system, proposal, channel)
        self._check_size(proposal)
        if channel is None:
            return undefined(proposal, f"chaincode {proposal.chaincode} not found")
        channel.check_may_propose(creator)
        return await self._call_chaincode(proposal, channel, creator)

    # --- checks, in the order of wire.md §4 ---

    def _check_time(self, proposal: UnpackedProposal, now_ns: int) -> None:
        skew_ns = abs(proposal.timestamp_ns - now_ns)
        if skew_ns > self._max_clock_skew_ns:
            raise ProposalRefusedError(
                "request unauthorized due to incorrect timestamp "
                f"{time_text(proposal.timestamp_ns)}, peer time {time_text(now_ns)}: they are "
                f"{skew_ns / _NS_PER_S:.3f} s apart, and this peer allows "
                f"{self._limits.max_clock_skew_s:g} s; set the client's clock"
            )

    def _authenticated(
        self, proposal: UnpackedProposal, channel: EndorserChannel | None, now_ns: int
    ) -> Identity:
        """Return the client, whose certificate and signature are good, and who has calls left."""
        msps = self._node.access.local_msps if channel is None else channel.config.msps
        try:
            creator = msps.identity(proposal.creator)
        except IdentityError as error:
            check_form(proposal)  # comes before the identity in the table of checks
            known = error.msp_id if isinstance(error, InvalidIdentityError) else ""
            raise access_denied(proposal, known) from error
        if creator.not_after_ns < now_ns:
            raise ProposalRefusedError("proposal client identity expired")
        check_form(proposal)
        self._node.rates.check(creator)
        signed = proposal.signed
        if not self._node.checker.good(creator, signed.proposal_bytes, signed.signature):
            raise access_denied(proposal, creator.msp_id)
        self._node.rates.charge(creator)
        return creator

    def _check_size(self, proposal: UnpackedProposal) -> None:
        limits, count = self._limits, len(proposal.args)
        if count > limits.max_arguments:
            raise ProposalRefusedError(
                f"the call has {count} arguments; at most {limits.max_arguments} are allowed"
            )
        size = sum(map(len, proposal.args))
        if size > limits.max_arguments_bytes:
            raise ProposalRefusedError(
                f"the arguments of the call have {size} bytes; at most "
                f"{limits.max_arguments_bytes} are allowed"
            )

    # --- running the call ---

    async def _call_system(
        self, system: SystemChaincode, proposal: UnpackedProposal, channel: EndorserChannel | None
    ) -> ProposalResponse:
        simulator: Simulator | None = None
        if channel is not None and proposal.chaincode not in _WITHOUT_SIMULATOR:
            simulator = channel.ledger.simulator(proposal.transaction_id)
        call = SystemInvocation(proposal.args, proposal.creator, channel, simulator)
        response = await system.invoke(call)
        if channel is None:
            return not_endorsed(response)
        result = InvocationResult(response, None)
        return await self._answer(proposal, channel, SYSTEM_VERSION, result, simulator)

    async def _call_chaincode(
        self, proposal: UnpackedProposal, channel: EndorserChannel, creator: Identity
    ) -> ProposalResponse:
        simulator = channel.simulator(proposal.transaction_id, creator, is_init=proposal.is_init)
        definition = channel.definitions.resolve(simulator, proposal.chaincode)
        if definition is None:
            return undefined(proposal, f"chaincode {proposal.chaincode} not found")
        package_id = definition.package_id
        if package_id is None:
            return undefined(proposal, not_approved(definition, channel.config.channel_id))
        if not self._is_installed(package_id):
            return undefined(
                proposal,
                f"chaincode definition for '{definition.name}' exists, but chaincode is not "
                f"installed: install package {package_id} on this peer",
            )
        invocation = self._invocation(proposal, channel, creator, simulator)
        metrics, now_s = self._node.metrics, asyncio.get_running_loop().time
        started_s = now_s()
        response = await self._simulate(proposal, channel, definition, invocation)
        metrics.proposal_answered(
            proposal.channel_id,
            definition.name,
            now_s() - started_s,
            success=response.response.status < REFUSED,
        )
        return response

    async def _simulate(
        self,
        proposal: UnpackedProposal,
        channel: EndorserChannel,
        definition: ResolvedChaincode,
        invocation: Invocation,
    ) -> ProposalResponse:
        assert definition.package_id is not None, "who has none has been told so"
        simulator = invocation.simulator
        try:
            check_initialization(simulator, definition, is_init=proposal.is_init)
            result = await self._node.runtime.execute(definition.package_id, invocation)
            return await self._answer(proposal, channel, definition.version, result, simulator)
        except CollectionError as error:
            return peer_failure(f"error in simulation: {error}")
        except LedgerError as error:
            return peer_failure(
                "error in simulation: failed to execute transaction "
                f"{proposal.transaction_id}: {error}"
            )

    def _invocation(
        self,
        proposal: UnpackedProposal,
        channel: EndorserChannel,
        creator: Identity,
        simulator: Simulator,
    ) -> Invocation:
        is_elsewhere = channel.config.channel_id != proposal.channel_id

        def resolve(name: str) -> ResolvedChaincode | None:
            if is_elsewhere or name != proposal.chaincode:
                check_channel_access(_CALL_CHAINCODE, creator, channel.config)
            return channel.definitions.resolve(simulator, name)

        def answer(system: SystemChaincode, args: Sequence[bytes]) -> Response:
            call = SystemInvocation(args, proposal.creator, channel, simulator)
            return system.answer_chaincode(call, proposal.chaincode)

        return Invocation(
            channel_id=channel.config.channel_id,
            transaction_id=proposal.transaction_id,
            chaincode=proposal.chaincode,
            args=proposal.args,
            is_init=proposal.is_init,
            transient=proposal.transient,
            creator=proposal.creator,
            timestamp_ns=proposal.timestamp_ns,
            entry_chaincode=proposal.chaincode,
            signed_proposal=proposal.signed,
            simulator=simulator,
            resolve=resolve,
            system={name: partial(answer, one) for name, one in self._node.system.items()},
            elsewhere=partial(self._elsewhere, proposal),
        )

    def _elsewhere(self, proposal: UnpackedProposal, channel_id: str) -> Invocation:
        """Return the call for another channel, for whose members alone it is."""
        channel = self._channels.get(channel_id)
        if channel is None:
            raise UnknownChannelError(channel_id)
        creator = channel.config.msps.identity(proposal.creator)
        simulator = channel.simulator(proposal.transaction_id, creator, is_init=False)
        return self._invocation(proposal, channel, creator, simulator)

    def _is_installed(self, package_id: str) -> bool:
        """Return whether a package is there. Packages are never removed, so yes is for good."""
        if package_id in self._installed:
            return True
        if self._node.packages.get(package_id) is None:
            return False
        self._installed.add(package_id)
        return True

    # --- answering ---

    async def _answer(
        self,
        proposal: UnpackedProposal,
        channel: EndorserChannel,
        version: str,
        result: InvocationResult,
        simulator: Simulator | None,
    ) -> ProposalResponse:
        """Return the answer that fits the status. Source: wire.md §4, the result rules."""
        response = result.response
        status = response.status
        if REFUSED <= status < FAILED:
            return not_endorsed(response)
        is_good = status < REFUSED
        if not is_good and simulator is not None and simulator.missed_private_value:
            # The chaincode failed on what this peer lacks; where the value is, it may not.
            return peer_failure(response.message)
        if is_good and proposal.is_query:
            if simulator is not None:
                simulator.check()
            return not_endorsed(response)
        simulation = _NOTHING if simulator is None else simulator.done()
        outcome = Outcome(
            chaincode=proposal.chaincode,
            version=version,
            response=response,
            results=simulation.public,
            event=result.event if is_good else None,
        )
        payload = response_payload(proposal.hash, proposal.transaction_id, outcome)
        if not is_good:
            return not_endorsed(response, payload)
        collections = channel.definitions.collections
        if simulation.private:
            keeper, transaction_id = self._node.private_data, proposal.transaction_id
            try:
                await keeper.keep(channel, transaction_id, simulation.private)
            except NotKeptError as error:
                return peer_failure(str(error))
        interest = chaincode_interest(proposal.chaincode, simulation.touched, collections)
        return endorsed(payload, response, interest, self._node.signer, self._node.checker)
