"""Chaincode that somebody else starts and that registers at the peer. Source: wire.md §9, §9.1."""

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress

import grpc

from tallystick.chaincode.package import PackageError, parse_head
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.connection import CallRules
from tallystick.node.runtime.packages import SELF_RUN, PackageStore
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import LaunchError, ShimProtocolError
from tallystick.node.runtime.shim_link import QueuedLink, Take
from tallystick.node.runtime.shim_stream import ShimStream
from tallystick.node.transport.credentials import certificate_hash
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[ChaincodeMessage, ChaincodeMessage]
MayRegister = Callable[[str, bytes], bool]
"""Whether the owner of the certificate with this hash may register as this package."""


class RegistrationRefusedError(LedgerError):
    """A chaincode may not register as what it said.

    Attributes:
        package_id: What it said.
    """

    def __init__(self, package_id: str, reason: str) -> None:
        super().__init__(f"chaincode {package_id!r} may not register: {reason}")
        self.package_id = package_id


class DuplicateRegistrationError(RegistrationRefusedError):
    """A chaincode of this package has registered already, and is still here."""

    def __init__(self, package_id: str) -> None:
        super().__init__(package_id, "it has registered already")


class RegisteredLink(QueuedLink):
    """A stream that the chaincode has opened. Source: wire.md §9, client mode."""

    def __init__(self, messages: AsyncIterable[ChaincodeMessage], context: Context) -> None:
        super().__init__()
        self._incoming = messages
        self._context = context

    async def receive_all(self, take: Take) -> None:
        """See ``Link``."""
        async with supervised_tasks() as tasks:
            writing = tasks.create_task(self._write_all())
            await self.take_all(self._incoming, take)
            writing.cancel()

    async def _write_all(self) -> None:
        async for message in self.outgoing():
            await self._context.write(message)


class RegisteredRuntime(ChaincodeRuntime):
    """Runs packages whose chaincode has registered; a call waits for it for a while.

    Args:
        packages: Only what is installed may register.
        rules: For all calls.
        callees: Runs the chaincodes that these ones call.
    """

    def __init__(self, packages: PackageStore, rules: CallRules, callees: ChaincodeRuntime) -> None:
        self._packages = packages
        self._rules = rules
        self._callees = callees
        self._streams: dict[str, ShimStream] = {}
        self._changed = asyncio.Condition()

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one call, after waiting for the chaincode to be there.

        Raises:
            ShimError: It has not registered, or does not answer.
        """
        try:
            async with asyncio.timeout(self._rules.start_timeout_s), self._changed:
                stream = await self._open_stream(package_id)
        except TimeoutError:
            reason = (
                f"it has not registered within {self._rules.start_timeout_s:g} s: start it, with "
                "the key that this peer issued for it"
            )
            raise LaunchError(package_id, reason) from None
        return await stream.execute(invocation)

    async def serve(
        self, context: Context, may_register: MayRegister, *, registration_timeout_s: float
    ) -> None:
        """Serve one stream that a chaincode has opened, until it ends.

        A second registration of a package gets no answer, and its stream ends after a while.

        Raises:
            RegistrationRefusedError: It may not register, or does not do so in time.
            ShimProtocolError: It breaks the rules.
        """
        messages = _messages_of(context)
        try:
            async with asyncio.timeout(registration_timeout_s):
                first = await anext(messages, None)
        except TimeoutError:
            reason = f"it did not say its package id within {registration_timeout_s:g} s"
            raise RegistrationRefusedError("", reason) from None
        if first is None:
            return
        package_id = _registered_id(first)
        self._check(package_id, _certificate_hash(context), may_register)
        if package_id in self._streams:
            with suppress(TimeoutError):
                async with asyncio.timeout(registration_timeout_s):
                    await anext(messages, None)
            raise DuplicateRegistrationError(package_id)
        await self._converse(package_id, _joined(first, messages), context)

    async def _converse(
        self, package_id: str, messages: AsyncIterable[ChaincodeMessage], context: Context
    ) -> None:
        stream = ShimStream(
            package_id,
            RegisteredLink(messages, context),
            self._rules.timeout_s,
            self._callees,
            ends_on_overrun=False,
        )
        self._streams[package_id] = stream
        try:
            async with supervised_tasks() as tasks:
                await stream.converse(lambda: tasks.create_task(self._announce()))
        finally:
            stream.end()
            del self._streams[package_id]
            _log.info("chaincode %s has gone", package_id)

    async def _announce(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _open_stream(self, package_id: str) -> ShimStream:
        while True:
            stream = self._streams.get(package_id)
            if stream is not None and stream.is_open:
                return stream
            await self._changed.wait()

    def _check(self, package_id: str, certificate: bytes, may_register: MayRegister) -> None:
        content = self._packages.get(package_id) if package_id else None
        if content is None:
            raise RegistrationRefusedError(package_id, "the package is not installed on this peer")
        try:
            package_type = parse_head(content).type
        except PackageError as error:
            raise RegistrationRefusedError(package_id, str(error)) from error
        if package_type in SELF_RUN:
            raise RegistrationRefusedError(
                package_id,
                f"its package is of type {package_type}, which this peer starts or dials itself",
            )
        if not may_register(package_id, certificate):
            raise RegistrationRefusedError(
                package_id, "its TLS certificate is not the one that this peer issued for it"
            )


async def _messages_of(context: Context) -> AsyncIterator[ChaincodeMessage]:
    while isinstance(message := await context.read(), ChaincodeMessage):
        yield message


async def _joined(
    first: ChaincodeMessage, rest: AsyncIterator[ChaincodeMessage]
) -> AsyncIterator[ChaincodeMessage]:
    yield first
    async for message in rest:
        yield message


def _certificate_hash(context: Context) -> bytes:
    certificate = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
    return b"" if certificate is None else certificate_hash(certificate)


def _registered_id(message: ChaincodeMessage) -> str:
    if message.type != ChaincodeMessage.REGISTER:
        raise ShimProtocolError(
            f"the chaincode must register first, but sent a message of type {message.type}"
        )
    try:
        return decode(ChaincodeID, message.payload).name
    except MalformedMessageError as error:
        raise ShimProtocolError(f"a registration cannot be read: {error}") from error
