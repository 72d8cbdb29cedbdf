"""Serves an endorser as ``protos.Endorser`` over gRPC."""

from collections.abc import Awaitable, Callable

import grpc

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.transport.pushback import pushback
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse


class EndorserServicer(peer_pb2_grpc.EndorserServicer):
    """Passes proposals on; a refusal fails the call. Source: wire.md §4."""

    def __init__(self, process: Callable[[SignedProposal], Awaitable[ProposalResponse]]) -> None:
        """Answer with ``process``, usually `Endorser.process`."""
        self._process = process

    async def ProcessProposal(  # noqa: N802  # the name is the wire's
        self,
        request: SignedProposal,
        context: grpc.aio.ServicerContext[SignedProposal, Awaitable[ProposalResponse]],
    ) -> ProposalResponse:
        """Answer ``ProcessProposal``."""
        try:
            return await self._process(request)
        except ProposalRefusedError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except TooBusyError as error:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), pushback(error.retry_after_s)
            )
