"""Collects the endorsements of one transaction from as few peers as its policies allow."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import grpc

from tallystick.node.gateway.endorsers import Answer, EndorsingPeer, NextStep, PeerDirectory, ask
from tallystick.node.gateway.errors import FailureDetail, GatewayError
from tallystick.node.gateway.layouts import Layout
from tallystick.node.gateway.planner import Planner
from tallystick.protos.peer import proposal_pb2, proposal_response_pb2

FAILED_TO_ENDORSE = "failed to endorse transaction, see attached details for more info"
NOT_ENOUGH = "failed to collect enough transaction endorsements, see attached details for more info"
NO_COMBINATION = (
    "no combination of peers can be derived which satisfy the endorsement policy: {reason}"
)
MISMATCH = "ProposalResponsePayloads do not match"


@dataclass(slots=True)
class Collector:
    """The state of one collection: which peers agreed, which failed, and why.

    Invariant: all ``agreed`` answers carry the same payload bytes.
    """

    peers: PeerDirectory
    proposal: proposal_pb2.SignedProposal
    agreed: dict[EndorsingPeer, Answer] = field(default_factory=dict)
    failed: dict[EndorsingPeer, FailureDetail] = field(default_factory=dict)
    payload: bytes | None = None

    async def from_organisations(self, msp_ids: Sequence[str]) -> list[Answer]:
        """Return one endorsement from each of the organisations that the client names.

        Raises:
            GatewayError: An organisation has no peer, or its peers failed.
        """
        unknown = [msp_id for msp_id in msp_ids if not self.peers.of(msp_id)]
        if unknown:
            raise GatewayError(
                grpc.StatusCode.UNAVAILABLE,
                f"failed to find any endorsing peers for org(s): {', '.join(unknown)}",
            )
        layouts = [Layout(dict.fromkeys(msp_ids, 1))]
        return await self._satisfy(layouts)

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
        available = self._members(planner, interest)
        layouts = planner.layouts(interest, available)
        if not layouts:
            chaincodes = ", ".join(call.name for call in interest.chaincodes)
            reason = f"no peers of the channel satisfy the policies of {chaincodes}"
            raise GatewayError(
                grpc.StatusCode.FAILED_PRECONDITION, NO_COMBINATION.format(reason=reason)
            )
        return await self._satisfy(layouts)

    async def _first(self, choices: Iterable[EndorsingPeer]) -> Answer:
        for peer in choices:
            await self._ask_all([peer])
            if peer in self.agreed:
                return self.agreed[peer]
        raise self._aborted(FAILED_TO_ENDORSE)

    def _members(
        self, planner: Planner, interest: proposal_response_pb2.ChaincodeInterest
    ) -> Collection[str]:
        """Return who may see the proposal: with transient data, members of the collections only."""
        available = set(self.peers.counts())
        if carries_transient_data(self.proposal):
            available &= planner.collection_members(interest, available)
        return available

    async def _satisfy(self, layouts: Sequence[Layout]) -> list[Answer]:
        """Try the layouts, cheapest first, until one is complete; ask no failed peer twice."""
        while True:
            chosen = self._cheapest(layouts)
            if chosen is None:
                raise self._aborted(NOT_ENOUGH if self._only_mismatches() else FAILED_TO_ENDORSE)
            missing = [peer for peer in chosen if peer not in self.agreed]
            if not missing:
                return [self.agreed[peer] for peer in chosen]
            await self._ask_all(missing)

    def _cheapest(self, layouts: Sequence[Layout]) -> list[EndorsingPeer] | None:
        """Return the peers of the layout with the fewest still to ask; None when none is left."""
        candidates = [peers for layout in layouts if (peers := self._peers_of(layout)) is not None]
        return min(
            candidates,
            key=lambda peers: sum(peer not in self.agreed for peer in peers),
            default=None,
        )

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
            self._take(await ask(peers[0], self.proposal))
            return
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(ask(peer, self.proposal)) for peer in peers]
        for task in asking:
            self._take(task.result())

    def _take(self, answer: Answer) -> None:
        match answer.step:
            case NextStep.USE:
                self._take_endorsement(answer)
            case NextStep.TRY_NEXT:
                self.failed[answer.peer] = answer.detail
            case NextStep.STOP:
                self.failed[answer.peer] = answer.detail
                raise self._aborted(FAILED_TO_ENDORSE)

    def _take_endorsement(self, answer: Answer) -> None:
        assert answer.response is not None
        if self.payload is None:
            self.payload = answer.response.payload
        if answer.response.payload == self.payload:
            self.agreed[answer.peer] = answer
        else:
            self.failed[answer.peer] = FailureDetail(
                answer.peer.address, answer.peer.msp_id, MISMATCH
            )

    def _only_mismatches(self) -> bool:
        return all(detail.message == MISMATCH for detail in self.failed.values())

    def _aborted(self, message: str) -> GatewayError:
        return GatewayError(grpc.StatusCode.ABORTED, message, tuple(self.failed.values()))


def carries_transient_data(signed: proposal_pb2.SignedProposal) -> bool:
    """Return whether the proposal holds data that must stay off the ledger."""
    proposal = proposal_pb2.Proposal.FromString(signed.proposal_bytes)
    payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
    return bool(payload.TransientMap)
