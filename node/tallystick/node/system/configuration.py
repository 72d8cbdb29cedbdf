"""``cscc``: which channels a peer is on, and their configurations. Source: wire.md §8.2."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.block_store import BlockNotFoundError
from tallystick.node.system.access import AccessControl, AccessDeniedError
from tallystick.node.system.port import SystemChannel, SystemInvocation, failure, success
from tallystick.node.system.snapshot_joining import SnapshotJoining
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.protos.peer.query_pb2 import (
    ChannelInfo,
    ChannelQueryResponse,
    JoinBySnapshotStatus,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

NAME: Final = "cscc"


@dataclass(frozen=True, slots=True)
class Membership:
    """How a peer takes part in further channels.

    Attributes:
        join: Joins the channel of a configuration block. Raises LedgerError.
        from_snapshots: Joins channels from snapshots.
    """

    join: Callable[[Block], Awaitable[None]]
    from_snapshots: SnapshotJoining


_log = logging.getLogger(__name__)


class ConfigurationChaincode:
    """Joins channels and shows their configurations; it is a `SystemChaincode`."""

    def __init__(
        self,
        channels: Mapping[str, SystemChannel],
        access: AccessControl,
        membership: Membership,
    ) -> None:
        """Show ``channels``, by channel id, which may change at any time.

        Args:
            channels: The channels of this peer.
            access: Guards every function.
            membership: Told which channels to join.
        """
        self._channels = channels
        self._access = access
        self._membership = membership

    async def invoke(self, invocation: SystemInvocation) -> Response:
        """Return the answer to one call: the function and, for most, what it is about."""
        args = invocation.args
        if not args:
            return failure("Incorrect number of arguments, 0")
        name = args[0].decode(errors="replace")
        if name == "GetChannels":
            return self._list_channels(invocation)
        if name == "JoinBySnapshotStatus":
            return self._show_snapshot_status(invocation)
        return await self._answer_about(name, invocation)

    def answer_chaincode(self, invocation: SystemInvocation, entry_chaincode: str) -> Response:
        """Refuse: other chaincode may not call this one."""
        del invocation
        return failure(
            "Rejecting invoke of CSCC from another chaincode, original invocation for "
            f"'{entry_chaincode}'"
        )

    async def _answer_about(self, name: str, invocation: SystemInvocation) -> Response:
        args = invocation.args
        if len(args) < 2:  # noqa: PLR2004 - the function and its argument
            return failure(f"Incorrect number of arguments, {len(args)}")
        match name:
            case "JoinChain":
                return await self._join_channel(args[1], invocation)
            case "JoinChainBySnapshot":
                return self._join_by_snapshot(args[1], invocation)
            case "GetConfigBlock" | "GetChannelConfig":
                return self._show_channel(name, args[1].decode(errors="replace"), invocation)
            case _:
                return failure(f"Requested function {name} not found.")

    def _list_channels(self, invocation: SystemInvocation) -> Response:
        try:
            self._access.check(f"{NAME}/GetChannels", invocation.creator, None)
        except AccessDeniedError as error:
            return failure(f"access denied for [GetChannels]: {error}")
        channels = [ChannelInfo(channel_id=channel_id) for channel_id in sorted(self._channels)]
        return success(ChannelQueryResponse(channels=channels).SerializeToString())

    def _join_by_snapshot(self, directory: bytes, invocation: SystemInvocation) -> Response:
        name = "JoinChainBySnapshot"
        try:
            self._access.check(f"{NAME}/{name}", invocation.creator, None)
        except AccessDeniedError as error:
            return failure(f"access denied for [{name}]: {error}")
        try:
            self._membership.from_snapshots.begin(Path(directory.decode(errors="replace")))
        except LedgerError as error:
            _log.warning("cannot join from a snapshot: %s", error)
            return failure(str(error))
        return success(b"")

    def _show_snapshot_status(self, invocation: SystemInvocation) -> Response:
        name = "JoinBySnapshotStatus"
        try:
            self._access.check(f"{NAME}/{name}", invocation.creator, None)
        except AccessDeniedError as error:
            return failure(f"access denied for [{name}]: {error}")
        directory = self._membership.from_snapshots.under_way
        status = JoinBySnapshotStatus()
        if directory is not None:
            status.in_progress = True
            status.bootstrapping_snapshot_dir = str(directory)
        return success(status.SerializeToString())

    def _show_channel(self, name: str, channel_id: str, invocation: SystemInvocation) -> Response:
        if name == "GetChannelConfig" and not channel_id:
            return failure("empty channel name provided")
        channel = self._channels.get(channel_id)
        if channel is None:  # as the access check says it, which Fabric makes first
            return failure(
                f"access denied for [{name}][{channel_id}]: Failed to get policy manager for "
                f"channel [{channel_id}]"
            )
        try:
            self._access.check(f"{NAME}/{name}", invocation.creator, channel.config)
        except AccessDeniedError as error:
            return failure(f"access denied for [{name}][{channel_id}]: {error}")
        if name == "GetChannelConfig":
            return success(channel.config.config.SerializeToString(deterministic=True))
        ledger = channel.ledger
        try:
            return success(ledger.read_bytes(ledger.last_config_block_number()))
        except BlockNotFoundError as error:
            return failure(f"{error}; GetChannelConfig has the configuration itself")

    async def _join_channel(self, block_bytes: bytes, invocation: SystemInvocation) -> Response:
        try:
            block = decode(Block, block_bytes)
            config = ChannelConfig.from_block(block)
        except MalformedMessageError as error:
            return failure(f"Failed to reconstruct the genesis block, {error}")
        except ChannelConfigError as error:
            return failure(
                f'"JoinChain" for channelID = {error.channel_id} failed because of validation of '
                f"configuration block, because of {error}"
            )
        channel_id = config.channel_id
        try:
            self._access.check(f"{NAME}/JoinChain", invocation.creator, None)
        except AccessDeniedError as error:
            return failure(f"access denied for [JoinChain][{channel_id}]: [{error}]")
        if channel_id in self._channels:
            return failure(
                f"cannot create ledger from genesis block: ledger [{channel_id}] already exists "
                "with state [ACTIVE]"
            )
        try:
            await self._membership.join(block)
        except LedgerError as error:
            _log.warning("cannot join channel %s: %s", channel_id, error)
            return failure(f"cannot create ledger from genesis block: {error}")
        return success(b"")
