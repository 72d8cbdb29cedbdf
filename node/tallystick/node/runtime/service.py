"""Chaincode as a service: somebody runs it, and the peer dials it. Source: wire.md §9, §9.5."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from pydantic import BaseModel, ValidationError, field_validator

from tallystick.chaincode.package import ChaincodePackage, PackageError, build_package_of
from tallystick.node.errors import LedgerError
from tallystick.node.model_errors import problems_in
from tallystick.node.runtime.connection import Endpoint, Reached
from tallystick.node.runtime.packages import CCAAS
from tallystick.node.runtime.shim_link import GrpcLink
from tallystick.node.transport.channels import open_channel
from tallystick.node.transport.credentials import ClientTls, KeyPair

_CONNECTION_FILE = "connection.json"

DEFAULT_DIAL_TIMEOUT_S: Final = 3.0
"""How long a server may take to accept a connection if its package does not say. It is Fabric's."""

_DURATION: Final = re.compile(r"(?:(\d+(?:\.\d+)?)(ms|s|m|h))+", re.ASCII)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class NotDialledError(LedgerError):
    """A chaincode server did not accept a connection in time.

    Attributes:
        address: Where it should be.
    """

    def __init__(self, address: str, timeout_s: float) -> None:
        super().__init__(
            f"its server at {address} accepts no connection within {timeout_s:g} s: start it, or "
            "see whether address, certificates and TLS on both sides fit"
        )
        self.address = address


class ServiceAddress(BaseModel):
    """``connection.json`` of a package. Certificates and keys are PEM text."""

    address: str
    dial_timeout: str = ""
    tls_required: bool = False
    client_auth_required: bool = False
    client_key: str = ""
    client_cert: str = ""
    root_cert: str = ""

    @field_validator("address")
    @classmethod
    def _check_address(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError("an address is host:port, such as chaincode.example:9999")
        return address

    @field_validator("dial_timeout")
    @classmethod
    def _check_dial_timeout(cls, text: str) -> str:
        if text and not _DURATION.fullmatch(text):
            raise ValueError("a duration is a number and a unit, such as 10s or 1m30s")
        return text

    @property
    def dial_timeout_s(self) -> float:
        """How long the server may take to accept a connection."""
        parts = _PART.findall(self.dial_timeout)
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts) or (
            DEFAULT_DIAL_TIMEOUT_S
        )

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
        service = self._service
        async with open_channel(service.address, service.tls()) as channel:
            try:
                async with asyncio.timeout(service.dial_timeout_s):
                    await channel.channel_ready()
            except TimeoutError:
                raise NotDialledError(service.address, service.dial_timeout_s) from None
            yield Reached(GrpcLink(channel), asyncio.Future)


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
        problems = "; ".join(problems_in(error))
        raise PackageError(f"{_CONNECTION_FILE} is malformed: {problems}") from error
    if service.tls_required and not service.root_cert:
        raise PackageError(f"{_CONNECTION_FILE} requires TLS, but has no root_cert to trust")
    if service.tls_required and service.client_auth_required and not service.client_key:
        raise PackageError(f"{_CONNECTION_FILE} requires a client certificate, but has no key")
    if service.tls_required and service.client_auth_required and not service.client_cert:
        raise PackageError(f"{_CONNECTION_FILE} requires a client certificate, but has none")
    return ServiceEndpoint(service)


def build_service_package(label: str, service: ServiceAddress) -> bytes:
    """Return the package of type ``ccaas`` that says where a chaincode serves.

    Raises:
        PackageError: The label is malformed.
    """
    content = service.model_dump_json(indent=2).encode() + b"\n"
    return build_package_of(CCAAS, label, {_CONNECTION_FILE: content})
