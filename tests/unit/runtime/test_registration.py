"""Chaincode that dials the peer and registers there."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import grpc
import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.runtime.elsewhere import NOW, Authority, Caller, host

from tallystick.chaincode.package import build_package_of
from tallystick.chaincode.shim import PeerSettings as Peer
from tallystick.chaincode.shim import stay_registered
from tallystick.node.cluster.ports import free_ports
from tallystick.node.runtime.packages import PackageStore, build_external_package
from tallystick.node.runtime.registration import serving_chaincode
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.runtime.service import ServiceAddress, build_service_package
from tallystick.node.runtime.shim_errors import LaunchError, StreamTerminatedError
from tallystick.node.settings import (
    ChaincodeListenerSettings,
    ChaincodeSettings,
    MspSettings,
    PeerSettings,
    TlsSettings,
)
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.chaincode_shim_pb2_grpc import ChaincodeSupportStub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Type = ChaincodeMessage.Type
TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Listening:
    """A peer that listens for chaincode."""

    folder: Path
    port: int
    packages: PackageStore
    caller: Caller

    def environment(self, package_id: str) -> dict[str, str]:
        """Return what the peer wrote for who starts this chaincode."""
        folder = self.folder / "chaincode-keys" / package_id.replace(":", ".")
        lines = (folder / "chaincode.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def peer(self, package_id: str, *, base64: bool = False) -> Peer:
        environment = self.environment(package_id)
        unused = "FILE" if base64 else "PATH"
        for name in ("CERT", "KEY"):
            del environment[f"CORE_TLS_CLIENT_{name}_{unused}"]
        return Peer.read(f"localhost:{self.port}", environment)

    async def say(self, *messages: ChaincodeMessage) -> list[ChaincodeMessage]:
        """Return what the peer answers in the clear until it ends the stream."""
        async with grpc.aio.insecure_channel(f"localhost:{self.port}") as channel:
            call = ChaincodeSupportStub(channel).Register()
            for message in messages:
                await call.write(message)
            return [message async for message in call]


@asynccontextmanager
async def listening(
    folder: Path, *, tls: bool, start_timeout_s: float = 15.0
) -> AsyncIterator[Listening]:
    authority = Authority()
    material = authority.issue()
    for name, content in (
        ("roots.pem", authority.roots),
        ("server.crt", material.certificate),
        ("server.key", material.private_key),
    ):
        (folder / name).write_bytes(content)
    port = next(free_ports(1))
    settings = PeerSettings(
        listen_address="localhost:7051",
        data_directory=folder,
        msp=MspSettings(id="BrokerMSP", directory=folder),
        tls=TlsSettings(
            certificate=folder / "server.crt",
            private_key=folder / "server.key",
            root_certificates=folder / "roots.pem",
        )
        if tls
        else None,
        chaincode=ChaincodeSettings(
            start_timeout_s=start_timeout_s,
            listener=ChaincodeListenerSettings(
                listen_address=f"localhost:{port}", registration_timeout_s=TIMEOUT_S
            ),
        ),
    )
    packages = PackageStore(folder / "chaincode")
    rules = RuntimeRules.from_settings(settings.chaincode)
    now_ns = int(NOW.timestamp()) * 10**9
    async with (
        RuntimeRegistry(packages, rules, Random(1)) as runtime,
        serving_chaincode(runtime.registered, packages, settings, clock=lambda: now_ns),
    ):
        yield Listening(folder, port, packages, Caller(runtime))


@asynccontextmanager
async def registered(package_id: str, peer: Peer) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            stay_registered(host(package_id, handshake_timeout_s=1.0), peer, random=Random(1))
        )
        yield
        task.cancel()


def register(name: str) -> ChaincodeMessage:
    return ChaincodeMessage(type=Type.REGISTER, payload=ChaincodeID(name=name).SerializeToString())


@pytest.mark.parametrize("package_type", ["external", "node", "golang"])
async def test_chaincode_registers_in_the_clear_and_is_called(
    tmp_path: Path, package_type: str
) -> None:
    """§9.1."""
    async with listening(tmp_path, tls=False) as peer:
        name = peer.packages.save(build_package_of(package_type, "notes_1.0", {}))
        async with registered(name, Peer(f"localhost:{peer.port}")):
            assert await peer.caller.answer(name, "notes", "put", "k", "v") == "t1"


@pytest.mark.parametrize("base64", [False, True], ids=["PEM", "base64"])
async def test_chaincode_registers_with_the_key_that_the_peer_issued(
    tmp_path: Path, *, base64: bool
) -> None:
    """§9."""
    async with listening(tmp_path, tls=True) as peer:
        name = peer.packages.save(build_external_package("notes_1.0"))
        assert peer.environment(name)["CORE_CHAINCODE_ID_NAME"] == name
        async with registered(name, peer.peer(name, base64=base64)):
            assert await peer.caller.answer(name, "notes", "name_of") == "BrokerMSP"


async def test_the_key_outlives_the_peer(tmp_path: Path) -> None:
    async with listening(tmp_path, tls=True) as peer:
        name = peer.packages.save(build_external_package("notes_1.0"))
        before = peer.peer(name)
    async with listening(tmp_path, tls=True) as peer:
        again = peer.peer(name)
        assert again.tls is not None
        assert before.tls is not None
        assert again.tls.certificate == before.tls.certificate
        async with registered(name, replace(again, address=f"localhost:{peer.port}")):
            assert await peer.caller.answer(name, "notes", "name_of") == "BrokerMSP"


async def test_the_key_of_one_chaincode_does_not_register_another(
    outcome: Outcome, tmp_path: Path
) -> None:
    async with listening(tmp_path, tls=True, start_timeout_s=2.0) as peer:
        one = peer.packages.save(build_external_package("one_1.0"))
        two = peer.packages.save(build_external_package("two_1.0"))
        async with registered(two, peer.peer(one)):
            with outcome.refuses(
                LaunchError,
                leaves=State("the same chaincode is installed", peer.packages.list),
                match="has not registered",
            ):
                await peer.caller.answer(two, "notes", "name_of")


async def test_a_certificate_of_somebody_else_does_not_connect(
    outcome: Outcome, tmp_path: Path
) -> None:
    async with listening(tmp_path, tls=True, start_timeout_s=2.0) as peer:
        name = peer.packages.save(build_external_package("notes_1.0"))
        stranger = Authority().issue((tmp_path / "roots.pem").read_bytes())
        async with registered(name, Peer(f"localhost:{peer.port}", stranger)):
            with outcome.refuses(
                LaunchError,
                leaves=State("the same chaincode is installed", peer.packages.list),
                match="has not registered",
            ):
                await peer.caller.answer(name, "notes", "name_of")


@pytest.mark.parametrize(
    ("first", "status", "problem"),
    [
        (register("absent_1.0:00"), "PERMISSION_DENIED", "is not installed on this peer"),
        (register(""), "PERMISSION_DENIED", "is not installed on this peer"),
        (ChaincodeMessage(type=Type.COMPLETED), "INVALID_ARGUMENT", "must register first"),
        (ChaincodeMessage(type=Type.REGISTER, payload=b"\xff"), "INVALID_ARGUMENT", "be read"),
        (None, "PERMISSION_DENIED", "did not say its package id within 0.5 s"),
    ],
    ids=["not installed", "no name", "something else", "malformed", "silent"],
)
async def test_a_stream_that_does_not_register_is_ended(
    outcome: Outcome, tmp_path: Path, first: ChaincodeMessage | None, status: str, problem: str
) -> None:
    """§9.1."""
    async with listening(tmp_path, tls=False) as peer:
        with outcome.refuses(
            grpc.aio.AioRpcError,
            leaves=State("the same chaincode is installed", peer.packages.list),
        ) as caught:
            await peer.say(*([] if first is None else [first]))
        assert caught.value.code().name == status
        assert problem in (caught.value.details() or "")


async def test_what_the_peer_dials_itself_does_not_register(
    outcome: Outcome, tmp_path: Path
) -> None:
    async with listening(tmp_path, tls=False) as peer:
        service = build_service_package("notes_1.0", ServiceAddress(address="localhost:1"))
        name = peer.packages.save(service)
        with outcome.refuses(
            grpc.aio.AioRpcError,
            leaves=State("the same chaincode is installed", peer.packages.list),
            match="of type ccaas",
        ):
            await peer.say(register(name))


async def test_a_second_registration_gets_no_answer_and_harms_nothing(
    outcome: Outcome, tmp_path: Path
) -> None:
    """§9.1."""
    async with listening(tmp_path, tls=False) as peer:
        name = peer.packages.save(build_external_package("notes_1.0"))
        async with registered(name, Peer(f"localhost:{peer.port}")):
            assert await peer.caller.answer(name, "notes", "put", "k", "v") == "t1"
            with outcome.refuses(
                grpc.aio.AioRpcError,
                leaves=State("the same chaincode is installed", peer.packages.list),
            ) as caught:
                await peer.say(register(name))
            assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
            assert await peer.caller.answer(name, "notes", "put", "k", "v") == "t2"


async def test_chaincode_that_goes_away_fails_its_call_and_may_come_back(tmp_path: Path) -> None:
    """§9.2."""
    async with listening(tmp_path, tls=False) as peer, AsyncExitStack() as stack:
        name = peer.packages.save(build_external_package("notes_1.0"))
        channel = grpc.aio.insecure_channel(f"localhost:{peer.port}")
        stack.push_async_callback(channel.close)
        call = ChaincodeSupportStub(channel).Register()
        await call.write(register(name))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        waiting = tasks.create_task(_failure(peer.caller, name))
        kinds = []
        while Type.TRANSACTION not in kinds:
            message = await call.read()
            assert isinstance(message, ChaincodeMessage)
            kinds.append(message.type)
        assert kinds == [Type.REGISTERED, Type.READY, Type.TRANSACTION]
        call.cancel()
        assert isinstance(await waiting, StreamTerminatedError)
        async with registered(name, Peer(f"localhost:{peer.port}")):
            assert await peer.caller.answer(name, "notes", "put", "k", "v") == "t2"


async def _failure(caller: Caller, package_id: str) -> BaseException:
    with pytest.raises(StreamTerminatedError) as caught:
        await caller.answer(package_id, "notes", "put", "k", "v")
    return caught.value


async def test_a_peer_without_a_listener_says_what_is_missing(
    outcome: Outcome, tmp_path: Path
) -> None:
    packages = PackageStore(tmp_path)
    name = packages.save(build_external_package("notes_1.0"))
    async with RuntimeRegistry(packages, RuntimeRules(), Random(1)) as runtime:
        with outcome.refuses(
            LaunchError,
            leaves=State("the same chaincode is installed", packages.list),
            match=r"\[chaincode.listener\]",
        ):
            await Caller(runtime).answer(name, "notes", "name_of")
