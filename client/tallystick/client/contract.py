"""One chaincode of one channel."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from pydantic import BaseModel, JsonValue
from pydantic_core import PydanticSerializationError, to_json

from tallystick.client.errors import CommitError
from tallystick.client.proposal import Proposal
from tallystick.client.retry import RetryPolicy
from tallystick.client.session import Session
from tallystick.wire.envelope import ProposalArguments

Argument: TypeAlias = JsonValue | bytes | bytearray | BaseModel | Sequence[BaseModel]
"""Text and bytes travel as they are, None as nothing, everything else as JSON."""


class Contract:
    """A chaincode as an application sees it.

    The keyword arguments of its methods:

    - ``transient``: data for the chaincode that must not reach the ledger.
    - ``endorsing_organizations``: MSP ids of those, and only those, that are to run the chaincode.
      By default the peer chooses, so that the endorsement policies are satisfied.

    Attributes:
        chaincode: The chaincode's name.
    """

    def __init__(self, session: Session, channel_id: str, chaincode: str) -> None:
        self._session = session
        self._channel_id = channel_id
        self.chaincode = chaincode

    def new_proposal(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
    ) -> Proposal:
        """Return a proposal to call ``function``, the first of the single steps.

        Raises:
            TypeError: An argument cannot travel, or a value of ``transient`` is not bytes.
        """
        encoded = [function.encode(), *_encoded(function, arguments)]
        return Proposal.build(
            self._session,
            ProposalArguments(self._channel_id, self.chaincode, encoded, _checked(transient or {})),
            endorsing_organizations,
        )

    async def evaluate(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
    ) -> bytes:
        """Return what one peer's chaincode answers; the ledger does not change.

        Raises:
            EvaluateError: No peer answered, or the chaincode refused.
        """
        return await self.new_proposal(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
        ).evaluate()

    async def submit(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
        retry: RetryPolicy | None = None,
    ) -> bytes:
        """Return what the chaincode answered, once the ledger holds the transaction as valid.

        When another transaction changed what this one had read, it is proposed anew, each time
        under a new transaction id, as often as ``retry`` or else the gateway's policy allows.

        Raises:
            EndorseError: Too few organisations endorsed it; nothing happened.
            SubmitError: No orderer is known to have taken it.
            CommitStatusError: It was submitted, but its outcome is unknown.
            CommitError: It is invalid; nothing happened.
        """
        environment = self._session.environment
        delays_s = (retry or self._session.retry).delays_s(environment.random)
        while True:
            proposal = self.new_proposal(
                function,
                *arguments,
                transient=transient,
                endorsing_organizations=endorsing_organizations,
            )
            try:
                return await _committed(proposal)
            except CommitError as error:
                delay_s = next(delays_s, None) if error.read_is_stale else None
                if delay_s is None:
                    raise
            await environment.sleep(delay_s)


def encode_argument(argument: Argument) -> bytes:
    """Return an argument as a chaincode receives it."""
    if isinstance(argument, str):
        return argument.encode()
    if isinstance(argument, bytes | bytearray):
        return bytes(argument)
    return b"" if argument is None else to_json(argument)


def _encoded(function: str, arguments: Sequence[Argument]) -> Iterator[bytes]:
    for number, argument in enumerate(arguments, start=1):
        try:
            yield encode_argument(argument)
        except PydanticSerializationError as error:
            raise TypeError(f"argument {number} of {function} cannot be JSON: {error}") from error


def _checked(transient: Mapping[str, bytes]) -> Mapping[str, bytes]:
    for key, value in transient.items():
        if not isinstance(value, bytes):
            raise TypeError(
                f"transient {key!r} is to be bytes, and is {type(value).__name__}: encode it"
            )
    return transient


async def _committed(proposal: Proposal) -> bytes:
    transaction = await proposal.endorse()
    commit = await transaction.submit()
    status = await commit.status()
    status.raise_if_invalid()
    return transaction.result
