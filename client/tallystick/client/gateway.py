"""Where a client begins: a connection to one peer, under one identity."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from tallystick.client.block_events import BLOCKS, BLOCKS_AND_PRIVATE_DATA, FILTERED_BLOCKS
from tallystick.client.chaincode_events import CHAINCODE_EVENTS, ChaincodeEvent
from tallystick.client.commit import Commit
from tallystick.client.errors import ClientError
from tallystick.client.events_request import EventsRequest
from tallystick.client.grpc_transport import certificate_hash, open_transport
from tallystick.client.hsm import HsmSigner
from tallystick.client.identity import (
    DigestSigner,
    Identity,
    PrivateKeySigner,
    SigningIdentity,
    read_pem,
)
from tallystick.client.network import Network
from tallystick.client.options import (
    DEFAULTS,
    ClientCertificate,
    ClientOptions,
    system_environment,
)
from tallystick.client.profile import Profile
from tallystick.client.proposal import Proposal
from tallystick.client.session import Session
from tallystick.client.transaction import Transaction
from tallystick.client.transport import GatewayTransport
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData, FilteredBlock


class Gateway:
    """A client of the ledger. It speaks to one peer, which speaks to the others.

    One gateway serves any number of concurrent calls; ``async with`` closes it.
    """

    def __init__(
        self,
        session: Session,
        *,
        default_channel: str = "",
        lifetime: AsyncExitStack[None] | None = None,
    ) -> None:
        """Take over ``lifetime``, which ends with the gateway: a signer opened for it, say."""
        self._session = session
        self._default_channel = default_channel
        self._lifetime = lifetime or AsyncExitStack[None]()

    @classmethod
    def over(
        cls,
        transport: GatewayTransport,
        *,
        identity: Identity,
        signer: DigestSigner | None = None,
        options: ClientOptions = DEFAULTS,
    ) -> Self:
        """Return a gateway that reaches its peer through ``transport``, and closes it.

        Raises:
            CredentialError: The signer's key is not the identity's.
        """
        return cls(_session(transport, SigningIdentity(identity, signer), options))

    @classmethod
    async def from_profile(
        cls, path: str | Path, options: ClientOptions = DEFAULTS, *, address: str = ""
    ) -> "Gateway":
        """Return a gateway connected as a profile says, whose channel is then the default.

        ``address`` is that of another peer of the same organisation, to connect to instead.

        Raises:
            ProfileError: The profile cannot be read.
            CredentialError: A file, token or key that it names cannot be used.
            ConnectError: No connection could be made.
        """
        profile = Profile.load(Path(path))
        options = replace(options, server_name=options.server_name or profile.server_name)
        if profile.tls_certificate is not None and profile.tls_key is not None:
            pair = ClientCertificate(read_pem(profile.tls_certificate), read_pem(profile.tls_key))
            options = replace(options, client_certificate=pair)
        identity = Identity.from_file(profile.msp_id, profile.certificate)
        async with AsyncExitStack[None]() as lifetime:
            signer = await _open_signer(profile, identity, lifetime)
            signing = SigningIdentity(identity, signer)
            peer = address or profile.gateway
            transport = await open_transport(peer, read_pem(profile.tls_ca), options)
            return cls(
                _session(transport, signing, options),
                default_channel=profile.channel,
                lifetime=lifetime.pop_all(),
            )

    def network(self, channel_id: str = "") -> Network:
        """Return a channel; without a name, the one of the profile.

        Raises:
            ClientError: There is neither a name nor a profile.
        """
        name = channel_id or self._default_channel
        if not name:
            raise ClientError("name a channel: this gateway was not connected from a profile")
        return Network(self._session, name)

    def proposal(self, data: bytes) -> Proposal:
        """Return the proposal in serialised ``gateway.ProposedTransaction``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        return Proposal.from_bytes(self._session, data)

    def transaction(self, data: bytes) -> Transaction:
        """Return the transaction in serialised ``gateway.PreparedTransaction``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        return Transaction.from_bytes(self._session, data)

    def commit(self, data: bytes) -> Commit:
        """Return the commit in serialised ``gateway.SignedCommitStatusRequest``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        return Commit.from_bytes(self._session, data)

    def chaincode_events_request(self, data: bytes) -> EventsRequest[ChaincodeEvent]:
        """Return the request in serialised ``gateway.SignedChaincodeEventsRequest``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        return EventsRequest.from_bytes(self._session, CHAINCODE_EVENTS, data)

    def block_events_request(self, data: bytes) -> EventsRequest[Block]:
        """Return the request for whole blocks in serialised ``common.Envelope``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        return EventsRequest.from_bytes(self._session, BLOCKS, data)

    def filtered_block_events_request(self, data: bytes) -> EventsRequest[FilteredBlock]:
        """Return the request for filtered blocks; otherwise as ``block_events_request``."""
        return EventsRequest.from_bytes(self._session, FILTERED_BLOCKS, data)

    def block_and_private_data_events_request(
        self, data: bytes
    ) -> EventsRequest[BlockAndPrivateData]:
        """Return the request for private data too; otherwise as ``block_events_request``."""
        return EventsRequest.from_bytes(self._session, BLOCKS_AND_PRIVATE_DATA, data)

    async def close(self) -> None:
        """End every call and stream, and the connection; log out of a profile's token."""
        try:
            await self._session.close()
        finally:
            await self._lifetime.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


async def connect(
    address: str,
    *,
    tls_root_certificates: bytes,
    identity: Identity,
    signer: DigestSigner | None = None,
    options: ClientOptions = DEFAULTS,
) -> Gateway:
    """Return a gateway whose connection to the peer at ``address`` stands.

    Args:
        address: ``host:port``.
        tls_root_certificates: PEM certificates that the peer's TLS certificate may come from.
        identity: Who calls.
        signer: The identity's key; None when all signatures are made elsewhere and added.
        options: Deadlines, retries, mutual TLS, sources of time and chance.

    Raises:
        ConnectError: No connection could be made.
        CredentialError: The signer's key is not the identity's.
    """
    signing = SigningIdentity(identity, signer)
    transport = await open_transport(address, tls_root_certificates, options)
    return Gateway(_session(transport, signing, options))


async def _open_signer(
    profile: Profile, identity: Identity, lifetime: AsyncExitStack[None]
) -> DigestSigner:
    if isinstance(profile.key, Path):
        return PrivateKeySigner.from_file(profile.key)
    return await lifetime.enter_async_context(await HsmSigner.open(profile.key, identity))


def _session(
    transport: GatewayTransport, signer: SigningIdentity, options: ClientOptions
) -> Session:
    pair = options.client_certificate
    return Session(
        transport=transport,
        signer=signer,
        deadlines=options.deadlines,
        retry=options.retry,
        busy_retry=options.busy_retry,
        environment=options.environment or system_environment(asyncio.sleep),
        tls_certificate_hash=certificate_hash(pair.certificate) if pair else b"",
    )
