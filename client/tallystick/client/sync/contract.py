"""One chaincode of one channel."""

from collections.abc import Mapping, Sequence

from tallystick.client import contract as _contract
from tallystick.client.contract import Argument
from tallystick.client.retry import RetryPolicy
from tallystick.client.sync.loop_thread import LoopThread
from tallystick.client.sync.steps import Proposal


class Contract:
    """A chaincode; the arguments are those of `tallystick.client.contract.Contract`."""

    def __init__(self, thread: LoopThread, contract: _contract.Contract) -> None:
        self._thread = thread
        self._contract = contract
        self.chaincode = contract.chaincode

    def new_proposal(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
    ) -> Proposal:
        """Return a proposal to call ``function``, the first of the single steps."""
        proposal = self._contract.new_proposal(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
        )
        return Proposal(self._thread, proposal)

    def evaluate(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
    ) -> bytes:
        """Return what one peer's chaincode answers; the ledger does not change."""
        call = self._contract.evaluate(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
        )
        return self._thread.run(call)

    def submit(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
        retry: RetryPolicy | None = None,
    ) -> bytes:
        """Return what the chaincode answered, once the ledger holds the transaction as valid."""
        call = self._contract.submit(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
            retry=retry,
        )
        return self._thread.run(call)
