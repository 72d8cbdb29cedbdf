"""The five methods of ``gateway.Gateway``, without gRPC: requests in, responses or errors out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch, WatchClosedError
from tallystick.node.gateway.chaincode_events import ChaincodeEventFilter
from tallystick.node.gateway.collector import NO_COMBINATION, Collector
from tallystick.node.gateway.commit_notifier import (
    CommitNotifier,
    NotifierClosedError,
    TooManyWaitersError,
)
from tallystick.node.gateway.endorsers import Answer, EndorsingPeer, NextStep, PeerDirectory, ask
from tallystick.node.gateway.errors import FailureDetail, GatewayError
from tallystick.node.gateway.planner import EndorsementPolicies, Planner
from tallystick.node.gateway.requests import ProposedCall, invalid_argument, proposed_call
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.policies.evaluate import SignedData
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common import common_pb2
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer import ab_pb2
from tallystick.wire.envelope import build_transaction_payload

CLIENT_FAULTS = range(400, 500)
SYSTEM_CHAINCODES = frozenset({"_lifecycle", "qscc", "cscc"})


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """How much a gateway takes on, and how long it waits. Source: wire.md §5.3."""

    concurrency: int = 500
    endorsement_timeout_s: float = 30.0
    broadcast_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class GatewayChannel:
    """What the gateway needs of one channel.

    Attributes:
        current: Returns the configuration in force.
        ledger: The committed blocks.
        definitions: The policies of committed chaincode definitions.
        height: Wakes those who wait for blocks.
        notifier: Wakes those who wait for transactions.
        peers: Who can endorse.
        orderers: Who can order, in the order in which they are tried.
        planner: Chooses among ``peers``.
    """

    current: Callable[[], ChannelConfig]
    ledger: Ledger
    definitions: EndorsementPolicies
    height: HeightWatch
    notifier: CommitNotifier
    peers: PeerDirectory
    orderers: Sequence[OrdererConnection]
    planner: Planner

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""
        return self.current()


class GatewayService:
    """Serves clients of every channel that this peer has joined.

    Source: wire.md §5; hyperledger/fabric internal/pkg/gateway.
    """

    def __init__(
        self, channels: Mapping[str, GatewayChannel], limits: GatewayLimits | None = None
    ) -> None:
        self._channels = channels
        self._limits = limits or GatewayLimits()
        self._in_progress = 0

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        """Run a chaincode on one peer and return its answer; nothing is ordered."""
        call = proposed_call(request.proposed_transaction)
        with self._admitted():
            channel = self._channels.get(call.channel_id)
            if channel is None:
                raise GatewayError(
                    grpc.StatusCode.UNAVAILABLE,
                    f"failed to get config for channel [{call.channel_id}]: "
                    f"could not get last config for channel {call.channel_id}",
                )
            candidates = _evaluation_candidates(channel, call, request.target_organizations)
            async with _deadline(self._limits.endorsement_timeout_s, "evaluate timeout expired"):
                answer = await _first_useful(candidates, request)
        assert answer.response is not None
        return gateway_pb2.EvaluateResponse(result=answer.response.response)

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        """Collect endorsements and return the transaction for the client to sign."""
        if not request.proposed_transaction.proposal_bytes:
            raise invalid_argument("the proposed transaction must contain a signed proposal")
        call = proposed_call(request.proposed_transaction)
        with self._admitted():
            channel = self._channel(call.channel_id, grpc.StatusCode.FAILED_PRECONDITION)
            collector = Collector(channel.peers, request.proposed_transaction)
            timeout = "endorsement timeout expired while collecting endorsements"
            async with _deadline(self._limits.endorsement_timeout_s, timeout):
                if request.endorsing_organizations:
                    answers = await collector.from_organisations(request.endorsing_organizations)
                else:
                    first_choices = _first_endorsers(channel, call)
                    answers = await collector.by_plan(channel.planner, first_choices)
        responses = [answer.response for answer in answers if answer.response is not None]
        payload = build_transaction_payload(
            request.proposed_transaction.proposal_bytes,
            responses[0].payload,
            [response.endorsement for response in responses],
        )
        return gateway_pb2.EndorseResponse(
            prepared_transaction=common_pb2.Envelope(payload=payload)
        )

    async def submit(self, request: gateway_pb2.SubmitRequest) -> gateway_pb2.SubmitResponse:
        """Hand a signed transaction to the orderers; return when one has taken it."""
        if not request.HasField("prepared_transaction"):
            raise invalid_argument("a prepared transaction is required")
        if not request.prepared_transaction.signature:
            raise invalid_argument("prepared transaction must be signed")
        with self._admitted():
            channel = self._channel(request.channel_id, grpc.StatusCode.FAILED_PRECONDITION)
            timeout = "submit timeout expired while broadcasting to ordering service"
            async with _deadline(self._limits.broadcast_timeout_s, timeout):
                await _broadcast(channel.orderers, request.prepared_transaction.SerializeToString())
        return gateway_pb2.SubmitResponse()

    async def commit_status(
        self, signed: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        """Return the code and block of a transaction, as soon as it is committed."""
        if not signed.request:
            raise invalid_argument("a commit status request is required")
        request = gateway_pb2.CommitStatusRequest.FromString(signed.request)
        _require(request.identity, request.channel_id)
        if not request.transaction_id:
            raise invalid_argument("transaction ID should not be empty")
        channel = self._authorised("gateway/CommitStatus", request, signed)
        try:
            outcome = await channel.notifier.wait(request.transaction_id)
        except NotifierClosedError as error:
            raise GatewayError(grpc.StatusCode.ABORTED, str(error)) from error
        except TooManyWaitersError as error:
            raise GatewayError(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)) from error
        return gateway_pb2.CommitStatusResponse(
            result=outcome.code,  # type: ignore[arg-type]  # any flag of a block is a wire value
            block_number=outcome.block_number,
        )

    async def chaincode_events(
        self, signed: gateway_pb2.SignedChaincodeEventsRequest
    ) -> AsyncIterator[gateway_pb2.ChaincodeEventsResponse]:
        """Yield, block by block and without end, the events of one chaincode.

        Source: wire.md §5.6.
        """
        if not signed.request:
            raise invalid_argument("a chaincode events request is required")
        request = gateway_pb2.ChaincodeEventsRequest.FromString(signed.request)
        _require(request.identity, request.channel_id)
        if not request.chaincode_id:
            raise invalid_argument("no chaincode ID provided")
        channel = self._authorised("gateway/ChaincodeEvents", request, signed)
        number = _first_block(channel, request)
        matching = ChaincodeEventFilter(request.chaincode_id, request.after_transaction_id)
        while True:
            try:
                await channel.height.wait_for(number + 1)
            except WatchClosedError as error:
                raise GatewayError(grpc.StatusCode.UNAVAILABLE, str(error)) from error
            response = matching.response(channel.ledger.block(number))
            if response is not None:
                yield response
            number += 1

    def _channel(self, channel_id: str, absent: grpc.StatusCode) -> GatewayChannel:
        channel = self._channels.get(channel_id)
        if channel is None:
            raise GatewayError(
                absent, f"channel '{channel_id}' not found: this peer has not joined it"
            )
        return channel

    def _authorised(
        self,
        resource: str,
        request: gateway_pb2.CommitStatusRequest | gateway_pb2.ChaincodeEventsRequest,
        signed: gateway_pb2.SignedCommitStatusRequest | gateway_pb2.SignedChaincodeEventsRequest,
    ) -> GatewayChannel:
        channel = self._channels.get(request.channel_id)
        if channel is None:
            raise _denied(
                resource, f"Failed to get policy manager for channel [{request.channel_id}]"
            )
        policy = channel.config.acl(resource)
        data = SignedData(request.identity, signed.request, signed.signature)
        verdict = channel.config.policies.evaluate_signed(policy, [data])
        if not verdict.satisfied:
            raise _denied(resource, verdict.reason)
        return channel

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        limit = self._limits.concurrency
        if self._in_progress >= limit:
            raise GatewayError(
                grpc.StatusCode.UNKNOWN,
                f"too many requests for /gateway.Gateway, exceeding concurrency limit ({limit})",
            )
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1


class _deadline:  # noqa: N801  # reads as a statement where it is used
    """Answers DEADLINE_EXCEEDED when the block takes longer than ``seconds``."""

    def __init__(self, seconds: float, message: str) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._message = message

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *exception: object) -> None:
        try:
            await self._timeout.__aexit__(*exception)  # type: ignore[arg-type]
        except TimeoutError as error:
            raise GatewayError(grpc.StatusCode.DEADLINE_EXCEEDED, self._message) from error


def _require(identity: bytes, channel_id: str) -> None:
    if not identity:
        raise invalid_argument("no identity provided")
    if not channel_id:
        raise invalid_argument("no channel ID provided")


def _denied(resource: str, reason: str) -> GatewayError:
    return GatewayError(grpc.StatusCode.PERMISSION_DENIED, f"access denied to {resource}: {reason}")


def _is_defined(channel: GatewayChannel, chaincode: str) -> bool:
    return (
        chaincode in SYSTEM_CHAINCODES
        or channel.definitions.validation_policy(chaincode) is not None
    )


def _evaluation_candidates(
    channel: GatewayChannel, call: ProposedCall, organisations: Sequence[str]
) -> list[EndorsingPeer]:
    """Return whom to ask, in order: the own peer, the own organisation, then everybody else."""
    if not _is_defined(channel, call.chaincode):
        raise GatewayError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"no peers available to evaluate chaincode {call.chaincode} "
            f"in channel {call.channel_id}",
        )
    allowed = set(organisations)
    if call.transient and not allowed:
        allowed = {channel.peers.local_msp_id}
    candidates = [peer for peer in channel.peers if not allowed or peer.msp_id in allowed]
    if not candidates:
        raise _no_candidates(call, organisations)
    return candidates


def _no_candidates(call: ProposedCall, organisations: Sequence[str]) -> GatewayError:
    if call.transient and not organisations:
        return _no_local_endorser()
    return GatewayError(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"failed to find any endorsing peers for org(s): {', '.join(organisations)}",
    )


def _no_local_endorser() -> GatewayError:
    return GatewayError(
        grpc.StatusCode.FAILED_PRECONDITION,
        "no endorsers found in the gateway's organization; "
        "retry specifying target organization(s) to protect transient data",
    )


def _first_endorsers(channel: GatewayChannel, call: ProposedCall) -> list[EndorsingPeer]:
    if not _is_defined(channel, call.chaincode):
        reason = (
            f"No metadata was found for chaincode {call.chaincode} in channel {call.channel_id}"
        )
        raise GatewayError(
            grpc.StatusCode.FAILED_PRECONDITION, NO_COMBINATION.format(reason=reason)
        )
    own = [peer for peer in channel.peers if peer.msp_id == channel.peers.local_msp_id]
    if not own and call.transient:
        raise _no_local_endorser()
    return own or list(channel.peers)


async def _first_useful(
    candidates: Sequence[EndorsingPeer], request: gateway_pb2.EvaluateRequest
) -> Answer:
    details: list[FailureDetail] = []
    code = grpc.StatusCode.UNAVAILABLE
    for peer in candidates:
        answer = await ask(peer, request.proposed_transaction)
        if answer.step is NextStep.USE:
            return answer
        details.append(answer.detail)
        code = answer.code
        if answer.step is NextStep.STOP:
            raise GatewayError(code, f"evaluate {answer.text}", (answer.detail,))
    raise GatewayError(
        code, "failed to evaluate transaction, see attached details for more info", tuple(details)
    )


async def _broadcast(orderers: Sequence[OrdererConnection], envelope: bytes) -> None:
    """Offer the envelope to one orderer after another until one takes it.

    A 4xx answer is about the envelope, so no other orderer is asked. Source: wire.md §5.4.
    """
    failures: list[FailureDetail] = []
    for orderer in orderers:
        try:
            response = await orderer.broadcast(envelope)
        except OrdererUnreachableError as error:
            failures.append(FailureDetail(orderer.endpoint, "", str(error)))
            continue
        if response.status == common_pb2.Status.SUCCESS:
            return
        text = (
            "received unsuccessful response from orderer: "
            f"status={_status_name(response)}, info={response.info}"
        )
        if response.status in CLIENT_FAULTS:
            raise GatewayError(grpc.StatusCode.ABORTED, text)
        failures.append(FailureDetail(orderer.endpoint, "", text))
    raise GatewayError(
        grpc.StatusCode.UNAVAILABLE,
        "no orderers could successfully process transaction",
        tuple(failures),
    )


def _status_name(response: ab_pb2.BroadcastResponse) -> str:
    known = common_pb2.Status.values()
    return common_pb2.Status.Name(response.status) if response.status in known else "UNKNOWN"


def _first_block(channel: GatewayChannel, request: gateway_pb2.ChaincodeEventsRequest) -> int:
    """Return where a replay starts. Source: wire.md §5.6, the table of start positions."""
    if request.after_transaction_id:
        found = channel.ledger.transaction(request.after_transaction_id)
        if found is not None:
            return found.block_number
    match request.start_position.WhichOneof("Type"):
        case None | "next_commit":
            return channel.ledger.height
        case "specified":
            return request.start_position.specified.number
        case other:
            raise invalid_argument(f"invalid start position type: {other}")
