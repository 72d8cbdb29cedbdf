"""What administrators do about the configuration of a channel. Source: wire.md §8.1, §15.4."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tallystick.client.errors import EventStreamError
from tallystick.client.gateway import Gateway
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.cluster.peer_client import Source
from tallystick.node.deliver.responses import is_config_block
from tallystick.node.errors import LedgerError
from tallystick.node.membership.certificates import load_certificate
from tallystick.node.membership.renewal import OrganizationDirectory
from tallystick.node.transport.ports import OrdererConnection
from tallystick.protos.common.common_pb2 import Block, Envelope, Payload, Status
from tallystick.protos.common.configtx_pb2 import Config, ConfigEnvelope
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.wire.signing import Signer

_NANOSECONDS = 1_000_000_000


class UpdateRefusedError(LedgerError):
    """A channel keeps its configuration.

    Attributes:
        channel_id: The channel.
        reason: The orderer's words.
    """

    def __init__(self, channel_id: str, reason: str) -> None:
        super().__init__(f"the configuration of channel {channel_id!r} was not changed: {reason}")
        self.channel_id = channel_id
        self.reason = reason


class UpdateUnconfirmedError(LedgerError):
    """An update was ordered, and nobody has seen that it is in force.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str, reason: str) -> None:
        super().__init__(
            f"the update of channel {channel_id!r} was ordered, but the peer did not show it in"
            f" force: {reason}. Compare what `tally channel fetch-config` writes; if another update"
            " came first, compute and sign it again"
        )
        self.channel_id = channel_id


@dataclass(frozen=True, slots=True)
class Governance:
    """Reads and changes the configuration of one channel.

    Attributes:
        channel_id: The channel.
        gateway: Reads it, as somebody who may read.
        orderer: Takes updates.
        source: Time and chance.
        timeout_s: How long an update may take to be in force at the gateway's peer.
    """

    channel_id: str
    gateway: Gateway
    orderer: OrdererConnection
    source: Source
    timeout_s: float = 30.0

    async def config(self) -> Config:
        """Return the configuration in force.

        Raises:
            EvaluateError: The peer refused.
        """
        contract = self.gateway.network(self.channel_id).contract("cscc")
        return Config.FromString(await contract.evaluate("GetChannelConfig", self.channel_id))

    async def change(
        self, edit: Callable[[Config], Config], administrators: Sequence[Signer]
    ) -> int:
        """Put ``edit`` of the configuration into force; return the number of its block.

        Args:
            edit: Returns the configuration that is wanted.
            administrators: Who signs, as many as the policies of what changes ask for. The last of
                them sends it.

        Raises:
            ChannelConfigError: The edit changes nothing.
            UpdateRefusedError: The orderer does not accept it, for want of signatures for instance.
            OrdererUnreachableError: The orderer does not answer.
        """
        current = await self.config()
        update = unsigned_update(compute_update(self.channel_id, current, edit(current)))
        for administrator in administrators:
            update = self.sign(update, administrator)
        return await self.submit(update)

    def sign(self, update: Envelope, administrator: Signer) -> Envelope:
        """Return ``update`` with one administrator's agreement more."""
        return with_signature(
            update, administrator, new_nonce=self.source.nonce, now_ns=self.source.now_ns()
        )

    async def submit(self, update: Envelope) -> int:
        """Send a signed update; return the number of the block that put it into force.

        Raises:
            UpdateRefusedError: The orderer refuses it.
            UpdateUnconfirmedError: It was ordered; another update came first, or the gateway's peer
                is behind or shows no blocks.
            OrdererUnreachableError: The orderer does not answer.
        """
        network = self.gateway.network(self.channel_id)
        chain = await network.contract("qscc").evaluate("GetChainInfo", self.channel_id)
        response = await self.orderer.broadcast(update.SerializeToString())
        if response.status != Status.SUCCESS:
            raise UpdateRefusedError(self.channel_id, response.info)
        start = BlockchainInfo.FromString(chain).height
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                network.block_events(start_block=start) as blocks,
            ):
                return await anext(
                    block.header.number async for block in blocks if _made_by(update, block)
                )
        except TimeoutError as error:
            reason = f"it took more than {self.timeout_s:g} s"
            raise UpdateUnconfirmedError(self.channel_id, reason) from error
        except EventStreamError as error:
            raise UpdateUnconfirmedError(self.channel_id, str(error)) from error


def revocation_list(directory: Path, certificate_pem: bytes, *, now_ns: int) -> bytes:
    """Return the PEM revocation list that names one certificate, signed by its CA.

    Args:
        directory: Of the organisation, with its CA in ``ca``.
        certificate_pem: What shall no longer be valid.
        now_ns: Now, in nanoseconds since the epoch.

    Raises:
        CertificateError: A certificate or the CA's key cannot be read.
        MaterialError: The CA is not there, or has not issued the certificate.
    """
    now = datetime.fromtimestamp(now_ns // _NANOSECONDS, UTC)
    revoked = load_certificate(certificate_pem)
    return OrganizationDirectory(directory).revocation_list(revoked, now=now)


def _made_by(update: Envelope, block: Block) -> bool:
    if not is_config_block(block):
        return False
    envelope = Envelope.FromString(block.data.data[0])
    payload = Payload.FromString(envelope.payload)
    return ConfigEnvelope.FromString(payload.data).last_update == update
