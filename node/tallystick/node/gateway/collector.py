"""Collects the endorsements of one transaction from as few peers as its policies allow."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import grpc

from tallystick.node.gateway.endorsers import Answer, EndorsingPeer, NextStep, PeerDirectory, ask
from tallystick.node.gateway.errors import DisagreementError, GatewayError
from tallystick.node.gateway.layouts import Layout
from tallystick.node.gateway.planner import Planner
from tallystick.node.gateway.requests import ProposedCall
from tallystick.protos.peer import proposal_pb2, proposal_response_pb2

FAILED_TO_ENDORSE = "failed to endorse transaction, see attached details for more info"
NOT_ENOUGH = "failed to collect enough transaction endorsements, see attached details for more info"
NO_COMBINATION = (
    "no combination of peers can be derived which satisfy the endorsement policy: {reason}"
)
NO_LOCAL_ENDORSER = (
    "no endorsers found in the gateway's organization; "
    "retry specifying {kind} organization(s) to protect transient data"
)
PROTECTED = (
    "requires endorsement from organisation(s) that are not in the distribution policy of the "
    "private data collection(s): {collections}; retry specifying trusted endorsing organizations "
    "to protect transient data"
)
MISMATCH = (
    "ProposalResponsePayloads do not match: propose anew once this peer has the blocks of the"
    " others; if that does not help, find out what its chaincode computes otherwise"
)


@dataclass(slots=True)
class Collector:
    """The state of one collection: which peers agreed, which failed, and why.

    Invariant: all ``agreed`` answers carry the same payload bytes.
    """

    peers: PeerDirectory
    proposal: proposal_pb2.SignedProposal
    call: ProposedCall
    timeout_s: float
    agreed: dict[EndorsingPeer, Answer] = field(default_factory=dict)
    failed: dict[EndorsingPeer, Answer] = field(default_factory=dict)
    payload: bytes | None = None

    async def from_organisations(self, msp_ids: Sequence[str]) -> list[Answer]:
        """Return one endorsement from each of the organisations that the client names.

        Raises:
            GatewayError: An organisation has no peer, or its peers failed.
        """
        unknown = [msp_id for msp_id in msp_ids if not self.peers.of(msp_id)]
        if unknown:
            raise no_peers_of(unknown)
        layouts = [Layout(dict.fromkeys(msp_ids, 1))]
        try:
            return await self._satisfy(layouts)
        except GatewayError:
            without = [msp_id for msp_id in msp_ids if self._all_lack_chaincode(msp_id)]
            if without:
                raise no_peers_of(without) from None
            raise

    async def by_plan(
        self, planner: Planner, first_choices: Iterable[EndorsingPeer]
    ) -> list[Answer]:
        """Return endorsements that satisfy every policy the transaction touches.

        The first answer says what the transaction touches; the planner then says who else to ask.

        Raises:
            GatewayError: Nobody endorses, or no reachable set of peers satisfies the policies.
        """
        first = await self._first(first_choices)
        assert first.response is not None
        interest = first.response.interest
        if not interest.chaincodes:  # older peers do not tell
            interest = proposal_response_pb2.ChaincodeInterest(
                chaincodes=[proposal_response_pb2.ChaincodeCall(name=self.call.chaincode)]
            )
        layouts = self._layouts(planner, interest, transient=self.call.transient)
        if not layouts:
            raise self._no_combination(planner, interest)
        return await self._satisfy(layouts, lambda: self._layouts_of_others(planner, interest))

    async def _first(self, choices: Iterable[EndorsingPeer]) -> Answer:
        """Return the first endorsement.

        The word of a chaincode is heard from every peer of the gateway's organisation, one of which
        may be ahead of the others; the word of one organisation is enough.
        """
        refused = False
        for peer in choices:
            if refused and peer.msp_id != self.peers.local_msp_id:
                break
            await self._ask_all([peer])
            if peer in self.agreed:
                return self.agreed[peer]
            refused = refused or self.failed[peer].step is NextStep.STOP
        if all(answer.lacks_chaincode for answer in self.failed.values()):
            raise _nobody_has(self.call)
        raise self._failure(FAILED_TO_ENDORSE)

    def _all_lack_chaincode(self, msp_id: str) -> bool:
        return all(
            peer in self.failed and self.failed[peer].lacks_chaincode
            for peer in self.peers.of(msp_id)
        )

    def _layouts(
        self,
        planner: Planner,
        interest: proposal_response_pb2.ChaincodeInterest,
        *,
        transient: bool,
    ) -> list[Layout]:
        """Return the layouts for which there are peers enough that may see the proposal."""
        return _layouts_over(self.peers.counts(), planner, interest, transient=transient)

    def _layouts_of_others(
        self, planner: Planner, interest: proposal_response_pb2.ChaincodeInterest
    ) -> list[Layout]:
        """Return layouts without the peers that failed.

        A plan has not every layout where there are thousands: these may not have been in it.
        """
        left = self.peers.counts() - Counter(peer.msp_id for peer in self.failed)
        return _layouts_over(left, planner, interest, transient=self.call.transient)

    def _no_combination(
        self, planner: Planner, interest: proposal_response_pb2.ChaincodeInterest
    ) -> GatewayError:
        chaincodes = ", ".join(call.name for call in interest.chaincodes)
        message = NO_COMBINATION.format(
            reason=f"no peer combination can satisfy the endorsement policy of {chaincodes}"
        )
        if self.call.transient and self._layouts(planner, interest, transient=False):
            touched = [name for call in interest.chaincodes for name in call.collection_names]
            message = PROTECTED.format(collections=", ".join(touched))
        return GatewayError(grpc.StatusCode.FAILED_PRECONDITION, message)

    async def _satisfy(
        self, layouts: Sequence[Layout], others: Callable[[], Sequence[Layout]] = tuple
    ) -> list[Answer]:
        """Try the layouts, cheapest first, until one is complete; ask no failed peer twice.

        When none of them is left, ``others`` are tried.
        """
        while True:
            chosen = self._cheapest(layouts)
            if chosen is None:
                layouts = others()
                chosen = self._cheapest(layouts)
            if chosen is None:
                raise self._failure(NOT_ENOUGH)
            missing = [peer for peer in chosen if peer not in self.agreed]
            if not missing:
                return [self.agreed[peer] for peer in chosen]
            await self._ask_all(missing)

    def _cheapest(self, layouts: Sequence[Layout]) -> list[EndorsingPeer] | None:
        """Return the peers of the best layout; None when none is left.

        It has the fewest peers that were silent lately, then the fewest still to ask.
        """
        candidates = [peers for layout in layouts if (peers := self._peers_of(layout)) is not None]
        return min(candidates, key=self._cost, default=None)

    def _cost(self, peers: Sequence[EndorsingPeer]) -> tuple[int, int]:
        missing = [peer for peer in peers if peer not in self.agreed]
        return sum(self.peers.standing(peer).is_down for peer in missing), len(missing)

    def _peers_of(self, layout: Layout) -> list[EndorsingPeer] | None:
        chosen: list[EndorsingPeer] = []
        for msp_id, count in layout.items():
            usable = [peer for peer in self.peers.of(msp_id) if peer not in self.failed]
            usable.sort(key=lambda peer: peer not in self.agreed)
            if len(usable) < count:
                return None
            chosen.extend(usable[:count])
        return chosen

    async def _ask_all(self, peers: Sequence[EndorsingPeer]) -> None:
        if len(peers) == 1:  # the common case needs no gathering
            self._take(await ask(peers[0], self.proposal, timeout_s=self.timeout_s))
            return
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(ask(peer, self.proposal, timeout_s=self.timeout_s))
                for peer in peers
            ]
        for task in asking:
            self._take(task.result())

    def _take(self, answer: Answer) -> None:
        self.peers.note(answer)
        if answer.step is not NextStep.USE:
            self.failed[answer.peer] = answer
            return
        assert answer.response is not None
        if self.payload is None:
            self.payload = answer.response.payload
        if answer.response.payload == self.payload:
            self.agreed[answer.peer] = answer
        else:
            self.failed[answer.peer] = Answer(
                answer.peer,
                NextStep.TRY_NEXT,
                grpc.StatusCode.ABORTED,
                MISMATCH,
                answer.response,
            )

    def _failure(self, message: str) -> GatewayError:
        """Return why the collection failed."""
        answers = self.failed.values()
        details = tuple(answer.detail for answer in answers)
        if self.agreed and any(answer.response is not None for answer in answers):
            return DisagreementError(grpc.StatusCode.ABORTED, message, details)
        busy = grpc.StatusCode.RESOURCE_EXHAUSTED
        is_busy = any(answer.code is busy for answer in answers)
        return GatewayError(busy if is_busy else grpc.StatusCode.ABORTED, message, details)


def _layouts_over(
    counts: Counter[str],
    planner: Planner,
    interest: proposal_response_pb2.ChaincodeInterest,
    *,
    transient: bool,
) -> list[Layout]:
    """Return the layouts for which there are peers enough, by MSP id in ``counts``."""
    available = planner.readers(interest, counts, transient=transient)
    return [layout for layout in planner.layouts(interest, available) if layout <= counts]


def no_peers_of(msp_ids: Sequence[str]) -> GatewayError:
    """Return the refusal when organisations that a client names have no peer for its call."""
    return GatewayError(
        grpc.StatusCode.UNAVAILABLE,
        f"failed to find any endorsing peers for org(s): {', '.join(msp_ids)}",
    )


def _nobody_has(call: ProposedCall) -> GatewayError:
    """Return the refusal when no peer that may be asked has the chaincode."""
    message = NO_LOCAL_ENDORSER.format(kind="endorsing")
    if not call.transient:
        message = NO_COMBINATION.format(
            reason="required chaincodes are not installed on sufficient peers: no peer of channel "
            f"{call.channel_id} has {call.chaincode}"
        )
    return GatewayError(grpc.StatusCode.FAILED_PRECONDITION, message)
