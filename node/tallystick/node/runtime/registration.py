"""The port where chaincode registers: ``protos.ChaincodeSupport/Register``.

Source: wire.md §9, client mode.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import grpc

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.chaincode_keys import ChaincodeKeys, write_environment
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.registered import (
    Context,
    DuplicateRegistrationError,
    MayRegister,
    RegisteredRuntime,
    RegistrationRefusedError,
)
from tallystick.node.settings import ChaincodeListenerSettings, PeerSettings
from tallystick.node.transport.credentials import KeyPair, ServerTls
from tallystick.node.transport.options import server_options
from tallystick.node.transport.server import serving
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

_log = logging.getLogger(__name__)

_SERVICE: Final = "protos.ChaincodeSupport"
_STREAMS_OF_ONE_CONNECTION: Final = 4
_PING_INTERVAL_MS: Final = 30_000
_PING_TIMEOUT_MS: Final = 10_000


@asynccontextmanager
async def serving_chaincode(
    runtime: RegisteredRuntime,
    packages: PackageStore,
    settings: PeerSettings,
    *,
    clock: Callable[[], int],
) -> AsyncIterator[int | None]:
    """Let chaincode register for the length of the block; yield the bound port.

    None if the settings name no port. With TLS, a chaincode needs the certificate that the peer
    issued for its package; without, which only tests should do, anybody may register as any.

    Raises:
        ListenError: The address cannot be bound.
    """
    listener = settings.chaincode.listener
    if listener is None:
        yield None
        return
    tls: ServerTls | None = None
    may_register: MayRegister = _anybody
    if settings.tls is not None:
        keys = ChaincodeKeys(settings.data_directory / "chaincode-keys", clock)
        tls = ServerTls(KeyPair.load(settings.tls), keys.roots, requires_client_certificate=True)
        may_register = keys.is_for
        _issue_keys(keys, packages, settings)
    server = _server(runtime, may_register, listener)
    grace_s = settings.connections.shutdown_grace_s
    async with serving(server, listener.listen_address, tls=tls, grace_s=grace_s) as port:
        _log.info("chaincode registers on port %d", port)
        yield port


def _server(
    runtime: RegisteredRuntime, may_register: MayRegister, listener: ChaincodeListenerSettings
) -> grpc.aio.Server:
    async def register(_requests: AsyncIterator[ChaincodeMessage], context: Context) -> None:
        try:
            await runtime.serve(
                context, may_register, registration_timeout_s=listener.registration_timeout_s
            )
        except LedgerError as error:
            _log.warning("the stream of a chaincode at %s ends: %s", context.peer(), error)
            await context.abort(_status(error), str(error))

    handler = grpc.stream_stream_rpc_method_handler(
        register,
        request_deserializer=ChaincodeMessage.FromString,
        response_serializer=ChaincodeMessage.SerializeToString,
    )
    options = [
        *server_options(max_concurrent_streams=_STREAMS_OF_ONE_CONNECTION),
        # A chaincode whose machine is gone must not keep its place.
        ("grpc.keepalive_time_ms", _PING_INTERVAL_MS),
        ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=listener.max_streams)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"Register": handler}),)
    )
    return server


def _status(error: LedgerError) -> grpc.StatusCode:
    if isinstance(error, DuplicateRegistrationError):
        return grpc.StatusCode.ALREADY_EXISTS
    if isinstance(error, RegistrationRefusedError):
        return grpc.StatusCode.PERMISSION_DENIED
    return grpc.StatusCode.INVALID_ARGUMENT


def _anybody(_package_id: str, _certificate_hash: bytes) -> bool:
    return True


def _issue_keys(keys: ChaincodeKeys, packages: PackageStore, settings: PeerSettings) -> None:
    listener, tls = settings.chaincode.listener, settings.tls
    assert listener is not None
    assert tls is not None
    host = (settings.advertised_address or settings.listen_address).rpartition(":")[0]
    port = listener.listen_address.rpartition(":")[2]
    roots = str(tls.root_certificates.resolve())

    def issue(package_id: str) -> None:
        folder = keys.issue(package_id).resolve()
        about = {
            "CORE_CHAINCODE_ID_NAME": package_id,
            "CORE_PEER_ADDRESS": f"{host}:{port}",
            "CORE_PEER_LOCALMSPID": settings.msp.id,
            "CORE_PEER_TLS_ENABLED": "true",
            "CORE_PEER_TLS_ROOTCERT_FILE": roots,
        }
        write_environment(folder, about)

    for package_id in packages.registering():
        issue(package_id)
    packages.on_registering.append(issue)
