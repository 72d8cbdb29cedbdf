"""Chaincode as a service: somebody runs it, and the peer dials it. Source: wire.md §9, §9.5."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pydantic import BaseModel, ValidationError

from tallystick.chaincode.package import ChaincodePackage, PackageError
from tallystick.node.runtime.connection import Endpoint, Reached
from tallystick.node.runtime.shim_link import GrpcLink
from tallystick.node.transport.channels import open_channel
from tallystick.node.transport.credentials import ClientTls, KeyPair

CCAAS = "ccaas"
"""The type of packages that say where a chaincode serves."""

_CONNECTION_FILE = "connection.json"


class ServiceAddress(BaseModel):
    """``connection.json`` of a package. Certificates and keys are PEM text."""

    address: str
    dial_timeout: str = ""
    tls_required: bool = False
    client_auth_required: bool = False
    client_key: str = ""
    client_cert: str = ""
    root_cert: str = ""

    def tls(self) -> ClientTls | None:
        """Return how to dial; None in the clear."""
        if not self.tls_required:
            return None
        key_pair = None
        if self.client_auth_required:
            key_pair = KeyPair(self.client_cert.encode(), self.client_key.encode())
        return ClientTls(self.root_cert.encode(), key_pair)


class ServiceEndpoint(Endpoint):
    """A chaincode server at an address."""

    def __init__(self, service: ServiceAddress) -> None:
        self._service = service

    def open(self) -> AbstractAsyncContextManager[Reached]:
        """Dial it; a call that takes too long cannot be stopped from here."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Reached]:
        async with open_channel(self._service.address, self._service.tls()) as channel:
            yield Reached(GrpcLink(channel), asyncio.Future, ends_on_overrun=False)


def service_endpoint(package: ChaincodePackage) -> ServiceEndpoint:
    """Return the endpoint that a package of type ``ccaas`` names.

    Raises:
        PackageError: It names none, or TLS without the certificates that it needs.
    """
    content = package.sources.get(_CONNECTION_FILE)
    if content is None:
        raise PackageError(f"the package of type {CCAAS} has no {_CONNECTION_FILE}")
    try:
        service = ServiceAddress.model_validate_json(content)
    except ValidationError as error:
        raise PackageError(f"{_CONNECTION_FILE} is malformed: {error}") from error
    if service.tls_required and not service.root_cert:
        raise PackageError(f"{_CONNECTION_FILE} requires TLS, but has no root_cert to trust")
    if service.tls_required and service.client_auth_required and not service.client_key:
        raise PackageError(f"{_CONNECTION_FILE} requires a client certificate, but has no key")
    return ServiceEndpoint(service)
