"""Runtimes whose chaincode is elsewhere: each package is reached once, over one stream."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from tallystick.chaincode.package import ChaincodePackage, PackageError, parse_package
from tallystick.node.runtime.connection import CallRules, ChaincodeConnection, Endpoint
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import LaunchError
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.tasks import supervised_tasks

EndpointOf = Callable[[ChaincodePackage], Endpoint]
"""Returns how to reach the chaincode of a package."""


class IsolatedRuntime(ChaincodeRuntime):
    """Runs chaincode at the endpoints of its packages, to be entered as a context.

    A chaincode is started or dialled at its first call, and kept until the context ends.

    Args:
        packages: Where installed packages are found.
        endpoint_of: How to reach each.
        rules: For all calls.
        callees: Runs the chaincodes that these ones call.
        random: Spreads the attempts to reach a chaincode again.
    """

    def __init__(
        self,
        packages: PackageStore,
        endpoint_of: EndpointOf,
        rules: CallRules,
        callees: ChaincodeRuntime,
        random: random.Random,
    ) -> None:
        self._packages = packages
        self._endpoint_of = endpoint_of
        self._rules = rules
        self._callees = callees
        self._random = random
        self._connections: dict[str, ChaincodeConnection] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._lifetime = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._tasks = await self._lifetime.enter_async_context(supervised_tasks())
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._keeping:
            task.cancel()
        await self._lifetime.__aexit__(exception_type, exception, traceback)

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one call.

        Raises:
            ShimError: The chaincode cannot be reached, or does not answer.
        """
        return await self._connection(package_id).execute(invocation)

    def _connection(self, package_id: str) -> ChaincodeConnection:
        connection = self._connections.get(package_id)
        if connection is None:
            connection = self._connections[package_id] = ChaincodeConnection(
                package_id,
                self._endpoint(package_id),
                self._rules,
                callees=self._callees,
                backoff=Backoff(self._random),
            )
            keeping = self._tasks.create_task(connection.keep(), name=f"keep {package_id}")
            self._keeping.append(keeping)
        return connection

    def _endpoint(self, package_id: str) -> Endpoint:
        package = self._packages.get(package_id)
        if package is None:
            raise LaunchError(package_id, "the package is not installed on this peer")
        try:
            return self._endpoint_of(parse_package(package))
        except PackageError as error:
            raise LaunchError(package_id, str(error)) from error
