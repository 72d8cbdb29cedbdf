"""The choice of a runtime for each package."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Literal, Self

from tallystick.chaincode.package import PYTHON, PackageError, parse_head
from tallystick.node.runtime.confinement import Limits
from tallystick.node.runtime.connection import CallRules
from tallystick.node.runtime.embedded import EmbeddedRuntime
from tallystick.node.runtime.isolated import IsolatedRuntime
from tallystick.node.runtime.packages import CCAAS, PackageStore
from tallystick.node.runtime.process import ProcessEndpoint, ProcessRules
from tallystick.node.runtime.registered import RegisteredRuntime
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.service import service_endpoint
from tallystick.node.runtime.shim_errors import LaunchError
from tallystick.node.settings import ChaincodeSettings
from tallystick.node.telemetry import spans


@dataclass(frozen=True, slots=True)
class RuntimeRules:
    """How a peer runs chaincode.

    Attributes:
        python: Where Python packages run.
        calls: For chaincode in other processes.
        processes: For those that this peer starts.
        registers: Whether chaincode may register by itself.
    """

    python: Literal["embedded", "process"] = "embedded"
    calls: CallRules = field(default_factory=CallRules)
    processes: ProcessRules = field(default_factory=ProcessRules)
    registers: bool = False

    @classmethod
    def from_settings(cls, settings: ChaincodeSettings) -> Self:
        """Return what an operator configured."""
        limits = Limits(
            memory_bytes=settings.max_memory_bytes,
            cpu_s=settings.max_cpu_s,
            open_files=settings.max_open_files,
            file_bytes=settings.max_log_bytes,
        )
        return cls(
            python=settings.runtime,
            calls=CallRules(settings.execute_timeout_s, settings.start_timeout_s),
            processes=ProcessRules(
                limits, confined=settings.confined, max_message_bytes=settings.max_message_bytes
            ),
            registers=settings.listener is not None,
        )


class RuntimeRegistry(ChaincodeRuntime):
    """Runs each package where its type belongs; to be entered as a context.

    Python runs embedded or in a process of its own, as the peer's settings say; what a ``ccaas``
    package names is dialled. Chaincode of any other type registers by itself, where it may.

    Attributes:
        registered: Runs what has registered.
    """

    def __init__(self, packages: PackageStore, rules: RuntimeRules, random: Random) -> None:
        self._packages = packages
        self._processes = IsolatedRuntime(
            packages,
            lambda package: ProcessEndpoint(package, rules.processes),
            rules.calls,
            self,
            random,
        )
        self._services = IsolatedRuntime(packages, service_endpoint, rules.calls, self, random)
        self._python: ChaincodeRuntime = (
            EmbeddedRuntime(packages, self) if rules.python == "embedded" else self._processes
        )
        self.registered = RegisteredRuntime(packages, rules.calls, self)
        self._registers = rules.registers
        self._chosen: dict[str, ChaincodeRuntime] = {}
        self._lifetime = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._lifetime.enter_async_context(self._processes)
        await self._lifetime.enter_async_context(self._services)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lifetime.__aexit__(exception_type, exception, traceback)

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one call where the package belongs.

        Raises:
            ShimError: Chaincode in another process cannot be reached, or does not answer.
        """
        runtime = self._chosen.get(package_id)
        if runtime is None:
            runtime = self._chosen[package_id] = self._choose(package_id)
        with spans.span("chaincode execution", chaincode=invocation.chaincode):
            return await runtime.execute(package_id, invocation)

    def _choose(self, package_id: str) -> ChaincodeRuntime:
        content = self._packages.get(package_id)
        if content is None:
            raise LaunchError(package_id, "the package is not installed on this peer")
        try:
            package_type = parse_head(content).type
        except PackageError as error:
            raise LaunchError(package_id, str(error)) from error
        if package_type == PYTHON:
            return self._python
        if package_type == CCAAS:
            return self._services
        if self._registers:
            return self.registered
        raise LaunchError(
            package_id,
            f"this peer runs packages of type {PYTHON} and {CCAAS}, not {package_type}; for "
            "others, its settings must name a [chaincode.listener] where they register",
        )
