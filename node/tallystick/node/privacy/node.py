"""What the parts of this package share: a peer, its channels, and the peers that it knows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.runtime.collections import collection_config, members_of
from tallystick.node.runtime.lifecycle import DefinitionCache
from tallystick.protos.tallystick.private_data_pb2 import (
    Acknowledgement,
    PrivateSets,
    SignedRequest,
)
from tallystick.wire.signing import Signer


class PrivateChannel(Protocol):
    """A channel that this peer has joined."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""

    @property
    def ledger(self) -> Ledger:
        """Its blocks, state and private sets."""

    @property
    def definitions(self) -> DefinitionCache:
        """Its committed chaincode definitions."""


class PrivateDataConnection(Protocol):
    """A way to reach what one peer serves as ``tallystick.PrivateData``."""

    async def push(self, request: SignedRequest) -> Acknowledgement:
        """Hand over private results.

        Raises:
            PrivateDataRefusedError: The peer refused, or there is no answer; so for ``fetch``.
        """

    async def fetch(self, request: SignedRequest) -> PrivateSets:
        """Ask for private sets."""


class PrivateDataRefusedError(LedgerError):
    """A peer does not take or give private values; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class MemberPeer:
    """Another peer of a channel, which may belong to some of its collections.

    Attributes:
        msp_id: The organisation that runs it.
        address: Where it listens, for messages to people.
        connection: How to reach it.
    """

    msp_id: str
    address: str
    connection: PrivateDataConnection


@dataclass(frozen=True, slots=True)
class PrivacyNode:
    """This peer.

    Attributes:
        msp_id: Its organisation.
        signer: Its identity and key.
        checker: Its memory of good signatures.
        clock: Returns now, nanoseconds since the epoch, UTC.
    """

    msp_id: str
    signer: Signer
    checker: SignatureChecker
    clock: Callable[[], int]

    def belongs_to(self, channel: PrivateChannel, chaincode: str, collection: str) -> bool:
        """Return whether this peer is a member of a collection."""
        config = collection_config(channel.definitions.collections, chaincode, collection)
        if config is None:
            return False
        msps = channel.config.msps
        try:
            own = msps.identity(self.signer.identity)
        except IdentityError:
            return False  # it replays blocks from before its organisation joined, or was revoked
        return members_of(config).include(own, msps)
