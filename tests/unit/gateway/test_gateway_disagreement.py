"""Peers reach a height at slightly different moments; a gateway gives them time to agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.gateway.conftest import Said, Setting, endorsement, messages_of, refusal

from tallystick.node.gateway.collector import MISMATCH
from tallystick.node.gateway.errors import DisagreementError, GatewayError
from tallystick.node.gateway.service import GatewayLimits
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

UNKNOWN_TRADE = refusal(404, "TRADE_UNKNOWN: there is no trade T-1")


@dataclass
class LaggingEndorser:
    """Says one thing after another, and the last one from then on."""

    answers: Sequence[ProposalResponse]
    calls: int = 0

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:  # noqa: ARG002
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        return answer


@pytest.fixture
def impatient(setting: Setting) -> Setting:
    """A gateway that asks two more times, at once; B must endorse too."""
    setting.limits = GatewayLimits(disagreement_delays_s=(0.0, 0.0))
    setting.definitions.define("AND('A.peer','B.peer')")
    return setting


def add_lagging(setting: Setting, *answers: ProposalResponse) -> LaggingEndorser:
    setting.add_peer("B", None)
    lagging = LaggingEndorser(answers)
    setting.peers[-1] = replace(setting.peers[-1], connection=lagging)
    return lagging


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(endorsement(b"old", by="B"), id="it read older versions"),
        pytest.param(UNKNOWN_TRADE, id="it does not know yet what the transaction is about"),
    ],
)
async def test_a_peer_that_is_behind_is_asked_anew(
    impatient: Setting, behind: ProposalResponse
) -> None:
    own = impatient.add_peer("A", endorsement(b"new"), local=True)
    lagging = add_lagging(impatient, behind, endorsement(b"new", by="B"))
    assert (await impatient.endorse()).payload
    assert (own.calls, lagging.calls) == (2, 2)


async def test_peers_that_keep_disagreeing_are_given_up_with_what_they_said(
    outcome: Outcome,
    impatient: Setting,
) -> None:
    outcome.fault = "peers endorse different results of a proposal, however often they are asked"
    orderer = impatient.add_orderer(None)
    impatient.add_peer("A", endorsement(b"one"), local=True)
    lagging = add_lagging(impatient, endorsement(b"other", by="B"))
    with outcome.refuses(
        DisagreementError,
        leaves=State("nothing was sent to an orderer", lambda: list(orderer.envelopes)),
    ) as raised:
        await impatient.endorse()
    outcome.saw(*messages_of(raised.value))
    assert messages_of(raised.value) == [MISMATCH]
    assert lagging.calls == 3


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(UNKNOWN_TRADE, id="a refusal by all"),
        pytest.param(refusal(500, "the disk is full"), id="a failure of the peer"),
    ],
)
async def test_what_is_no_disagreement_is_not_asked_twice(impatient: Setting, said: Said) -> None:
    own = impatient.add_peer("A", said, local=True)
    impatient.add_peer("B", said)
    with pytest.raises(GatewayError):
        await impatient.endorse()
    assert own.calls == 1
