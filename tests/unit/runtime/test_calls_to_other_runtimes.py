"""An embedded contract that calls chaincode which runs elsewhere (§9.3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from tests.unit.runtime.elsewhere import Caller, host

from tallystick.chaincode.package import build_package
from tallystick.chaincode.shim import ServerSettings, serving
from tallystick.node.cluster.ports import free_ports
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.runtime.service import ServiceAddress, build_service_package

SOURCE = """
from tallystick.chaincode import CalleeRefusal, Context, Contract, Refusal, transaction

class Caller(Contract):
    name = "caller"

    @transaction
    def call(self, ctx: Context, chaincode: str) -> str:
        ctx.state.put("mine", b"1")
        return ctx.invoke(chaincode, "put", "k", "v").decode()

    @transaction
    def try_call(self, ctx: Context, chaincode: str) -> str:
        try:
            return ctx.invoke(chaincode, "put", "k", "v").decode()
        except (CalleeRefusal, Refusal) as refusal:
            return str(refusal)

    @transaction
    def fail(self, ctx: Context) -> str:
        raise RuntimeError("a defect")
"""


@asynccontextmanager
async def calling(folder: Path) -> AsyncIterator[tuple[Caller, str, str, int]]:
    """Yield a caller, the package ids of `caller` and `notes`, and the port of `notes`."""
    (folder / "acme.py").write_text(SOURCE)
    port = next(free_ports(1))
    packages = PackageStore(folder / "installed")
    address = ServiceAddress(address=f"localhost:{port}", dial_timeout="1s")
    caller = packages.save(build_package("caller_1.0", "acme:Caller", folder))
    notes = packages.save(build_service_package("notes_1.0", address))
    async with RuntimeRegistry(packages, RuntimeRules(), Random(1)) as runtime:
        yield Caller(runtime, {"caller": caller, "notes": notes}), caller, notes, port


async def test_it_gets_the_answer(tmp_path: Path) -> None:
    """§9.3."""
    async with (
        calling(tmp_path) as (caller, package_id, notes, port),
        serving(host(notes), ServerSettings(f"localhost:{port}")),
    ):
        assert await caller.answer(package_id, "caller", "call", "notes") == "t1"
        assert await caller.answer(package_id, "caller", "call", "notes/bonds") == "t2"


async def test_the_event_loop_goes_on_while_it_waits(tmp_path: Path) -> None:
    async with calling(tmp_path) as (caller, package_id, notes, port):
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(caller.answer(package_id, "caller", "try_call", "notes"))
            others = [
                await caller.answer(package_id, "caller", "try_call", "absent") for _ in range(3)
            ]
            assert not waiting.done()
        assert all("UNKNOWN_CHAINCODE" in text for text in others)
        assert "accepts no connection within 1 s" in waiting.result()
        async with serving(host(notes), ServerSettings(f"localhost:{port}")):
            assert await caller.answer(package_id, "caller", "call", "notes") == "t5"


async def test_a_call_that_is_given_up_ends_and_the_next_one_runs(tmp_path: Path) -> None:
    async with calling(tmp_path) as (caller, package_id, notes, port):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await caller.answer(package_id, "caller", "call", "notes")
        async with serving(host(notes), ServerSettings(f"localhost:{port}")):
            assert await caller.answer(package_id, "caller", "try_call", "notes") == "t2"


async def test_a_chaincode_cannot_call_itself(tmp_path: Path) -> None:
    """§9.3."""
    async with calling(tmp_path) as (caller, package_id, _, _):
        assert "RECURSIVE" in await caller.answer(package_id, "caller", "try_call", "caller")


async def test_a_defect_is_that_of_the_contract_alone(tmp_path: Path) -> None:
    async with calling(tmp_path) as (caller, package_id, _, _):
        with pytest.raises(AssertionError, match="RuntimeError"):
            await caller.answer(package_id, "caller", "fail")
