"""How long chaincode takes is told, also of a call that fails."""

from dataclasses import dataclass
from typing import cast

import pytest

from tallystick.node.errors import LedgerError
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.runtime.runtime import Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import ExecutionTimeoutError, StreamTerminatedError
from tallystick.node.runtime.timed import TimedRuntime
from tallystick.protos.peer.proposal_response_pb2 import Response

RESULT = InvocationResult(Response(status=200), None)


@dataclass
class Call:
    channel_id: str = "market"
    chaincode: str = "token"


@dataclass
class Runtime:
    failure: LedgerError | None = None

    async def execute(self, package_id: str, _: Invocation) -> InvocationResult:
        assert package_id == "token_1:abc"
        if self.failure is not None:
            raise self.failure
        return RESULT


def counted(metrics: PeerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_the_answer_passes_and_its_time_is_told() -> None:
    metrics = PeerMetrics()
    timed = TimedRuntime(Runtime(), metrics)
    assert await timed.execute("token_1:abc", cast("Invocation", Call())) is RESULT
    name = "tallystick_chaincode_duration_count"
    assert counted(metrics, name, channel="market", chaincode="token") == 1


@pytest.mark.parametrize(
    ("failure", "timeouts"), [(ExecutionTimeoutError(), 1), (StreamTerminatedError(), None)]
)
async def test_a_failure_passes_and_timeouts_are_counted(
    failure: LedgerError, timeouts: int | None
) -> None:
    metrics = PeerMetrics()
    timed = TimedRuntime(Runtime(failure), metrics)
    with pytest.raises(type(failure)):
        await timed.execute("token_1:abc", cast("Invocation", Call()))
    assert counted(metrics, "chaincode_execute_timeouts_total", chaincode="token") == timeouts
    name = "tallystick_chaincode_duration_count"
    assert counted(metrics, name, channel="market", chaincode="token") == 1
