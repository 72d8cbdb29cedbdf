"""What every node's program shows of itself while it runs."""

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import cast

from tallystick.node.observability.certificates import (
    ends_of_files,
    expiry_check,
    own_certificates,
    warn_of_expiry,
)
from tallystick.node.observability.disk import disk_check
from tallystick.node.observability.metrics import NodeMetrics
from tallystick.node.observability.operations import (
    HealthChecks,
    Operations,
    serving_operations,
)
from tallystick.node.settings import NodeSettings
from tallystick.node.transport.tasks import supervised_tasks


@asynccontextmanager
async def observed(
    settings: NodeSettings,
    checks: HealthChecks,
    metrics: NodeMetrics,
    clock: Callable[[], int],
    calls: Callable[[], str] = lambda: "",
) -> AsyncIterator[int | None]:
    """Serve the operations of a node for the length of the block, and warn of what will expire.

    Args:
        settings: The node's; they may name no address, then nothing is served.
        checks: What ``/healthz`` asks, beside the disk and the node's own certificates.
        metrics: What the node counts.
        clock: Returns now, nanoseconds since the epoch.
        calls: Returns why calls are refused, or an empty string.

    Yields:
        The bound port, or None.

    Raises:
        ListenError: The address cannot be bound.
    """
    # Read once: a node goes on with what it started with, whatever is in the files since.
    certificates = tuple(own_certificates(settings))
    metrics.show_certificates(ends_of_files(certificates))
    disk = disk_check(settings.data_directory, settings.operations.min_free_disk_bytes)
    expiry = expiry_check(certificates, clock)
    own_checks = {"disk": disk, "certificates": expiry, "calls": calls}
    all_checks = ChainMap(own_checks, cast("MutableMapping[str, Callable[[], str]]", checks))
    operations = Operations(all_checks, metrics.registry, version("tallystick"))
    address = settings.operations.listen_address
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(supervised_tasks())
        warning = tasks.create_task(warn_of_expiry(certificates, clock, asyncio.sleep))
        stack.callback(warning.cancel)
        port = None
        if address is not None:
            port = await stack.enter_async_context(serving_operations(address, operations))
        yield port
