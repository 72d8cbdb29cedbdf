"""Chaincode whose time is counted."""

import asyncio

from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import ExecutionTimeoutError


class TimedRuntime(ChaincodeRuntime):
    """Runs chaincode in another runtime, and tells how long each call of a client took there.

    What a chaincode has others do is in its time.
    """

    def __init__(self, runtime: ChaincodeRuntime, metrics: PeerMetrics) -> None:
        self._runtime = runtime
        self._metrics = metrics

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one call."""
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        try:
            return await self._runtime.execute(package_id, invocation)
        except ExecutionTimeoutError:
            self._metrics.chaincode_timed_out(invocation.chaincode)
            raise
        finally:
            self._metrics.chaincode_executed(
                invocation.channel_id, invocation.chaincode, now_s() - began_s
            )
