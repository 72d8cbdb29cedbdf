"""The five methods of ``gateway.Gateway``, without gRPC: requests in, responses or errors out."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final, Self

import grpc

from tallystick.node.channel.config import BFT
from tallystick.node.deliver.height import WatchClosedError
from tallystick.node.gateway.candidates import (
    evaluation_candidates,
    first_endorsers,
    no_candidates,
    no_endorsers,
)
from tallystick.node.gateway.chaincode_events import ChaincodeEventFilter, first_block
from tallystick.node.gateway.channel import GatewayChannel
from tallystick.node.gateway.collector import Collector
from tallystick.node.gateway.commit_notifier import (
    NotifierClosedError,
    TooManyWaitersError,
)
from tallystick.node.gateway.endorsed import EndorsedTransactions
from tallystick.node.gateway.endorsers import Answer
from tallystick.node.gateway.errors import DisagreementError, GatewayError
from tallystick.node.gateway.evaluation import result, tried, useful
from tallystick.node.gateway.requests import (
    ProposedCall,
    invalid_argument,
    proposed_call,
    read,
    require_origin,
)
from tallystick.node.gateway.submission import OrdererChoice, submit_envelope, submit_to_quorum
from tallystick.node.limits.rates import ClientRates
from tallystick.node.limits.streams import ClientStreams
from tallystick.node.limits.waiting_room import Place, RoomLimits, WaitingRoom
from tallystick.node.membership.errors import IdentityError
from tallystick.node.observability.context import log_about
from tallystick.node.policies.evaluate import SignedData
from tallystick.node.settings import GatewaySettings
from tallystick.node.system.access import policy_not_satisfied
from tallystick.node.telemetry import spans
from tallystick.protos.common import common_pb2
from tallystick.protos.gateway import gateway_pb2
from tallystick.wire.envelope import build_transaction_payload

_UNFINISHED_PER_CALL: Final = 2
"""Transactions begun and not finished, for each call at work: some wait for their block to be full,
others are endorsed meanwhile."""


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """How much a gateway takes on, and how long it waits. Source: wire.md §5.3.

    Attributes:
        room: Calls of Evaluate and Endorse that are worked on, those that wait for that, and
            transactions from endorsement to commit. What is endorsed already is not turned away
            any more: the orderers limit Submit, and the transport limits all calls. Waiting for
            commits and events costs next to nothing.
        place_kept_s: How long a transaction counts as unfinished, unless it is committed before.
            If it did not count, thousands would be endorsed before the first of them is
            submitted: gRPC hands over calls one by one, and each Submit would come behind all
            work that endorsements have in hand.
        endorsement_timeout_s: How long one peer may take to answer before another is asked.
        broadcast_timeout_s: Likewise for an orderer.
        orderer_silence_s: How long an orderer that is asked may answer nobody at all, before
            another is asked as well.
        disagreement_delays_s: Endorsers that disagree are asked anew after each of these in turn.
    """

    room: RoomLimits = field(default_factory=RoomLimits)
    place_kept_s: float = 5.0
    endorsement_timeout_s: float = 30.0
    broadcast_timeout_s: float = 30.0
    orderer_silence_s: float = 1.0
    disagreement_delays_s: tuple[float, ...] = (0.05, 0.1, 0.2)

    @classmethod
    def from_settings(cls, settings: GatewaySettings) -> Self:
        """Return the limits that an operator has set."""
        return cls(
            room=RoomLimits(
                working=settings.max_concurrent_calls,
                waiting=settings.max_waiting_calls,
                waiting_bytes=settings.max_waiting_bytes,
                wait_s=settings.max_wait_s,
                unfinished=_UNFINISHED_PER_CALL * settings.max_concurrent_calls,
            ),
            place_kept_s=settings.place_kept_s,
            endorsement_timeout_s=settings.endorsement_timeout_s,
            broadcast_timeout_s=settings.broadcast_timeout_s,
            orderer_silence_s=settings.orderer_silence_s,
        )


class GatewayService:
    """Serves clients of every channel that this peer has joined.

    Source: wire.md §5; hyperledger/fabric internal/pkg/gateway.
    """

    def __init__(
        self,
        channels: Mapping[str, GatewayChannel],
        random: Random,
        rates: ClientRates,
        limits: GatewayLimits | None = None,
        streams: ClientStreams | None = None,
    ) -> None:
        """Serve ``channels``.

        Args:
            channels: By id; they may change at any time.
            random: Spreads envelopes over the orderers of a channel.
            rates: How much each client may still ask of this peer.
            limits: Of all clients together.
            streams: How many streams each client has open; None is without limit, for tests.
        """
        self._channels = channels
        self._limits = limits or GatewayLimits()
        self._choices = defaultdict[str, OrdererChoice](
            partial(OrdererChoice, random, self._limits.orderer_silence_s)
        )
        self._rates = rates
        self._streams = streams or ClientStreams(sys.maxsize)
        self._room = WaitingRoom("/gateway.Gateway", self._limits.room)
        self._endorsed = EndorsedTransactions()
        self._submitting = 0

    @property
    def rates(self) -> ClientRates:
        """How much each client may still ask."""
        return self._rates

    @property
    def channels(self) -> Mapping[str, GatewayChannel]:
        """What it serves, by channel id."""
        return self._channels

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        """Run a chaincode on one peer and return its answer; nothing is ordered.

        Raises:
            GatewayError: It cannot be done.
            TooBusyError: Not now; no chaincode has run.
        """
        call = proposed_call(request.proposed_transaction)
        async with self._admitted(call):
            channel = self._channel(call.channel_id, grpc.StatusCode.UNAVAILABLE)
            candidates = evaluation_candidates(channel, call, request.target_organizations)
            answers = await tried(
                channel.peers,
                candidates,
                request.proposed_transaction,
                timeout_s=self._limits.endorsement_timeout_s,
            )
            if all(each.lacks_chaincode for each in answers):
                raise no_candidates(call, request.target_organizations)
            answer = useful(answers)
        assert answer.response is not None
        return gateway_pb2.EvaluateResponse(result=result(answer.response))

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        """Collect endorsements and return the transaction for the client to sign.

        Raises:
            GatewayError: It cannot be done.
            TooBusyError: Not now; no chaincode has run.
        """
        if not request.proposed_transaction.proposal_bytes:
            raise invalid_argument("the proposed transaction must contain a signed proposal")
        call = proposed_call(request.proposed_transaction)
        async with self._admitted(call, begins=True) as place:
            channel = self._channels.get(call.channel_id)
            if channel is None:
                raise no_endorsers(call, request.endorsing_organizations)
            answers = await self._agreed_answers(channel, call, request)
            committed = self._endorsed.expect(
                call.channel_id, call.transaction_id, channel.notifier
            )
            place.keep(committed, longest_s=self._limits.place_kept_s)
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
        """Hand a signed transaction to the orderers; return when as many as it takes have it."""
        if not request.HasField("prepared_transaction"):
            raise invalid_argument("a prepared transaction is required")
        if not request.prepared_transaction.signature:
            raise invalid_argument("prepared transaction must be signed")
        log_about(channel=request.channel_id, transaction_id=request.transaction_id)
        spans.follow(request.transaction_id)  # what comes of it comes of being submitted
        channel = self._channel(request.channel_id, grpc.StatusCode.FAILED_PRECONDITION)
        self._submitting += 1
        try:
            await self._submit(request, channel)
        except (GatewayError, asyncio.CancelledError):
            # It may be ordered yet, but others need not wait for that.
            self._endorsed.give_up(request.channel_id, request.transaction_id)
            raise
        finally:
            self._submitting -= 1
        return gateway_pb2.SubmitResponse()

    async def _submit(self, request: gateway_pb2.SubmitRequest, channel: GatewayChannel) -> None:
        choice = self._choices[request.channel_id]
        orderers = choice.in_turn(channel.orderers)
        envelope = request.prepared_transaction.SerializeToString()
        msp_id_of, timeout_s = channel.orderer_msp_id, self._limits.broadcast_timeout_s
        if channel.config.consensus_type == BFT:
            await submit_to_quorum(orderers, envelope, msp_id_of=msp_id_of, timeout_s=timeout_s)
        else:
            taken = await submit_envelope(
                orderers, envelope, choice=choice, msp_id_of=msp_id_of, timeout_s=timeout_s
            )
            choice.learn(taken)

    async def commit_status(
        self, signed: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        """Return the code and block of a transaction, as soon as it is committed."""
        if not signed.request:
            raise invalid_argument("a commit status request is required")
        request = read(gateway_pb2.CommitStatusRequest, signed.request, "status request")
        require_origin(request.identity, request.channel_id)
        if not request.transaction_id:
            raise invalid_argument("transaction ID should not be empty")
        log_about(channel=request.channel_id, transaction_id=request.transaction_id)
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
    ) -> AsyncGenerator[gateway_pb2.ChaincodeEventsResponse, None]:
        """Yield, block by block and without end, the events of one chaincode.

        Raises:
            GatewayError: It cannot be done.
            TooManyStreamsError: The client has too many open.

        Source: wire.md §5.6.
        """
        if not signed.request:
            raise invalid_argument("a chaincode events request is required")
        request = read(
            gateway_pb2.ChaincodeEventsRequest, signed.request, "chaincode events request"
        )
        channel = self._authorised("gateway/ChaincodeEvents", request, signed)
        with self._streams.opened(channel.config.msps.identity(request.identity)):
            number = first_block(channel, request)
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
                # A replay can pass thousands of blocks without a word: others get their turns.
                await asyncio.sleep(0)

    async def _agreed_answers(
        self, channel: GatewayChannel, call: ProposedCall, request: gateway_pb2.EndorseRequest
    ) -> list[Answer]:
        """Return endorsements that agree, asking anew while peers may still reach one height.

        A client that saw its transaction committed may at once propose another one that reads
        what the first wrote; a peer that has yet to commit that block answers from the old state.
        """
        for delay_s in self._limits.disagreement_delays_s:
            try:
                return await self._answers(channel, call, request)
            except DisagreementError:
                await asyncio.sleep(delay_s)
        return await self._answers(channel, call, request)

    async def _answers(
        self, channel: GatewayChannel, call: ProposedCall, request: gateway_pb2.EndorseRequest
    ) -> list[Answer]:
        collector = Collector(
            channel.peers,
            request.proposed_transaction,
            call,
            timeout_s=self._limits.endorsement_timeout_s,
        )
        if request.endorsing_organizations:
            return await collector.from_organisations(request.endorsing_organizations)
        return await collector.by_plan(channel.planner, first_endorsers(channel, call))

    def _channel(self, channel_id: str, absent: grpc.StatusCode) -> GatewayChannel:
        channel = self._channels.get(channel_id)
        if channel is None:
            raise GatewayError(
                absent,
                f"failed to get config for channel [{channel_id}]: "
                f"could not get last config for channel {channel_id}",
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
            raise _denied(f"Failed to get policy manager for channel [{request.channel_id}]")
        config = channel.config
        data = SignedData(request.identity, signed.request, signed.signature)
        verdict = config.policies.evaluate_signed(config.acl(resource), [data])
        if not verdict.satisfied:
            raise _denied(str(policy_not_satisfied(resource, config, verdict.reason)))
        return channel

    @property
    def in_progress(self) -> int:
        """How many calls of Evaluate, Endorse and Submit are being worked on."""
        return self._room.working + self._submitting

    @property
    def unfinished(self) -> int:
        """How many transactions are endorsed and neither committed nor given up."""
        return self._room.kept

    @property
    def waiting(self) -> int:
        """How many calls wait to be worked on."""
        return self._room.waiting

    def _admitted(self, call: ProposedCall, *, begins: bool = False) -> Place:
        """Return the place in which a call is worked on, if its client has calls left.

        Args:
            call: The call.
            begins: Whether a transaction begins with it, which others finish.
        """
        log_about(channel=call.channel_id, transaction_id=call.transaction_id)
        spans.describe(chaincode=call.chaincode)
        channel = self._channels.get(call.channel_id)
        if channel is not None:
            self._check_rate(channel, call.creator)
        # Anybody can name a channel that is not here: all of those are one.
        name = "" if channel is None else call.channel_id
        return self._room.place(call.size_bytes, channel=name, begins=begins)

    def _check_rate(self, channel: GatewayChannel, creator: bytes) -> None:
        try:
            client = channel.config.msps.identity(creator)
        except IdentityError:
            return  # an endorser refuses it, and says why
        self._rates.check(client)


def _denied(reason: str) -> GatewayError:
    return GatewayError(grpc.StatusCode.PERMISSION_DENIED, reason)
