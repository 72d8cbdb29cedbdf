"""Which channels an orderer serves, as its administrators see and change it: the rules.

What arrives over HTTP is judged here and answered as Fabric's ``osnadmin`` expects it; sockets are
in `participation_http`. Source: wire.md §7.4.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol

from tallystick.node.errors import LedgerError
from tallystick.node.joining import AlreadyJoinedError
from tallystick.node.ordering.admission import Refused, read_submission
from tallystick.node.ordering.block_writer import last_config_index
from tallystick.node.ordering.config_admission import NoUpdateError, updated_channel
from tallystick.node.ordering.multipart import FormError, file_part
from tallystick.node.ordering.served_channels import (
    ConfiguredChannelError,
    RemovalPendingError,
    UnknownChannelError,
)
from tallystick.node.ordering.service import OrderedChannel
from tallystick.protos.common.common_pb2 import Block, Envelope, Status
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

CHANNELS: Final = "/participation/v1/channels"
CONFIG_BLOCK: Final = "config-block"
CONFIG_UPDATE_ENVELOPE: Final = "config-update-envelope"

_log = logging.getLogger(__name__)

_LONGEST_NUMBER: Final = len(str(2**64 - 1))


class Blocks(Protocol):
    """The blocks of a channel."""

    def read(self, number: int) -> bytes:
        """Return the encoded block; ``number`` is below the height."""


class ServedChannel(OrderedChannel, Protocol):
    """A channel that an orderer serves."""

    @property
    def source(self) -> Blocks:
        """Its blocks."""


class Participant(Protocol):
    """An orderer whose channels can change."""

    @property
    def channels(self) -> Mapping[str, ServedChannel]:
        """The channels that it serves, by id."""

    def served(self, channel_id: str) -> ServedChannel:
        """Return a channel that it serves.

        Raises:
            UnknownChannelError: It is not served.
            RemovalPendingError: It is being removed.
        """

    async def join(self, genesis: Block) -> str:
        """Serve the channel that begins with ``genesis``; return its id.

        Raises:
            AlreadyJoinedError: It is served.
            RemovalPendingError: It is being removed.
            LedgerError: This orderer cannot serve it.
        """

    async def remove(self, channel_id: str) -> None:
        """Serve a channel no more and delete its blocks.

        Raises:
            UnknownChannelError: It is not served.
            RemovalPendingError: It is being removed.
            ConfiguredChannelError: The settings name it.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Attributes:
        method: Such as ``GET``.
        path: Without a query.
        content_type: Of the body; empty if the request does not say.
        body: The body.
    """

    method: str
    path: str
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an HTTP request."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class ChannelParticipation:
    """Answers the requests of one orderer's administrators."""

    def __init__(self, orderer: Participant) -> None:
        self._orderer = orderer

    async def answer(self, request: Request) -> Answer:
        """Return what a request gets; refusals are answers too."""
        try:
            return await self._granted(request)
        except OSError as error:
            _log.exception("%s %s failed", request.method, request.path)
            return failure(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    async def _granted(self, request: Request) -> Answer:
        match request.path.removeprefix(CHANNELS).split("/"):
            case _ if not request.path.startswith(CHANNELS):
                return failure(HTTPStatus.NOT_FOUND, f"only {CHANNELS} is here")
            case [""]:
                return await self._of_all(request)
            case ["", channel_id]:
                return await self._of_one(request.method, channel_id)
            case ["", channel_id, "blocks", which]:
                if request.method != "GET":
                    return _other_method(request.method, "GET")
                return self._block(channel_id, which)
            case _:
                return failure(HTTPStatus.NOT_FOUND, "invalid path")

    async def _of_all(self, request: Request) -> Answer:
        match request.method:
            case "GET":
                return self._list()
            case "POST":
                return await self._join(request)
            case "PUT":
                return await self._update(request)
            case _:
                return _other_method(request.method, "GET, POST, PUT")

    async def _of_one(self, method: str, channel_id: str) -> Answer:
        match method:
            case "GET":
                channel = self._orderer.channels.get(channel_id)
                if channel is None:
                    return failure(HTTPStatus.NOT_FOUND, str(UnknownChannelError(channel_id)))
                return _json(HTTPStatus.OK, _info(channel_id, channel))
            case "DELETE":
                return await self._remove(channel_id)
            case _:
                return _other_method(method, "GET, DELETE")

    def _list(self) -> Answer:
        # Fabric shows an empty list as null.
        channels = [_place(channel_id) for channel_id in sorted(self._orderer.channels)] or None
        answer = _json(HTTPStatus.OK, {"systemChannel": None, "channels": channels})
        return Answer(answer.status, answer.body, {**answer.headers, "Cache-Control": "no-store"})

    async def _join(self, request: Request) -> Answer:
        try:
            channel_id = await self._orderer.join(_join_block(request))
        except AlreadyJoinedError:
            return _not_allowed("cannot join: channel already exists", "GET, DELETE")
        except RemovalPendingError as error:
            return failure(HTTPStatus.CONFLICT, f"cannot join: {error}")
        except FormError as error:
            return failure(HTTPStatus.BAD_REQUEST, str(error))
        except LedgerError as error:
            return failure(HTTPStatus.BAD_REQUEST, f"cannot join: {error}")
        return _created(channel_id, self._orderer.channels[channel_id])

    async def _update(self, request: Request) -> Answer:
        try:
            content = file_part(request.content_type, request.body, CONFIG_UPDATE_ENVELOPE)
            channel_id = _channel_to_update(content)
            channel = self._orderer.served(channel_id)
        except FormError as error:
            return failure(HTTPStatus.BAD_REQUEST, str(error))
        except UnknownChannelError as error:
            # Without the header Allow, unlike other answers of this status: so does Fabric.
            return failure(HTTPStatus.METHOD_NOT_ALLOWED, f"cannot update: {error}")
        except RemovalPendingError as error:
            return failure(HTTPStatus.CONFLICT, f"cannot update: {error}")
        submission = read_submission(content)
        refused = (
            submission if isinstance(submission, Refused) else await channel.chain.order(submission)
        )
        if refused is None:
            return _created(channel_id, channel)
        kept_out = refused.status == Status.SERVICE_UNAVAILABLE
        status = " with SERVICE_UNAVAILABLE" if kept_out else ""
        return failure(
            HTTPStatus.BAD_REQUEST,
            f"cannot update: failed update config of channel {channel_id}{status}: {refused.info}",
        )

    async def _remove(self, channel_id: str) -> Answer:
        try:
            await self._orderer.remove(channel_id)
        except UnknownChannelError as error:
            return failure(HTTPStatus.NOT_FOUND, f"cannot remove: {error}")
        except (RemovalPendingError, ConfiguredChannelError) as error:
            return failure(HTTPStatus.CONFLICT, f"cannot remove: {error}")
        return Answer(HTTPStatus.NO_CONTENT)

    def _block(self, channel_id: str, which: str) -> Answer:
        channel = self._orderer.channels.get(channel_id)
        if channel is None:
            return failure(HTTPStatus.NOT_FOUND, str(UnknownChannelError(channel_id)))
        number = _block_number(which, channel)
        if number is None:
            return failure(
                HTTPStatus.BAD_REQUEST,
                f"invalid block {which!r}: a number, newest, oldest or config is wanted",
            )
        if number >= channel.chain.height:
            return failure(HTTPStatus.NOT_FOUND, f"block {number} does not exist")
        headers = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store"}
        return Answer(HTTPStatus.OK, channel.source.read(number), headers)


def failure(status: HTTPStatus, error: str) -> Answer:
    """Return the answer to a request that is not granted."""
    return _json(status, {"error": error})


def _created(channel_id: str, channel: ServedChannel) -> Answer:
    answer = _json(HTTPStatus.CREATED, _info(channel_id, channel))
    location = _place(channel_id)["url"]
    return Answer(answer.status, answer.body, {**answer.headers, "Location": location})


def _channel_to_update(content: bytes) -> str:
    try:
        return updated_channel(decode(Envelope, content))
    except MalformedMessageError as error:
        raise FormError(
            f"cannot unmarshal file part {CONFIG_UPDATE_ENVELOPE} into an envelope: {error}"
        ) from error
    except NoUpdateError as error:
        raise FormError(f"invalid config update envelope: {error}") from error


def _join_block(request: Request) -> Block:
    content = file_part(request.content_type, request.body, CONFIG_BLOCK)
    try:
        return decode(Block, content)
    except MalformedMessageError as error:
        raise FormError(
            f"cannot unmarshal file part {CONFIG_BLOCK} into a block: {error}"
        ) from error


def _not_allowed(error: str, allowed: str) -> Answer:
    answer = failure(HTTPStatus.METHOD_NOT_ALLOWED, error)
    return Answer(answer.status, answer.body, {**answer.headers, "Allow": allowed})


def _other_method(method: str, allowed: str) -> Answer:
    return _not_allowed(f"invalid request method: {method}", allowed)


def _json(status: HTTPStatus, content: Mapping[str, object]) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def _place(channel_id: str) -> dict[str, str]:
    return {"name": channel_id, "url": f"{CHANNELS}/{channel_id}"}


def _info(channel_id: str, channel: ServedChannel) -> Mapping[str, object]:
    return {
        **_place(channel_id),
        "consensusRelation": "consenter",
        "status": "active",
        "height": channel.chain.height,
    }


def _block_number(which: str, channel: ServedChannel) -> int | None:
    newest = channel.chain.height - 1
    match which:
        case "newest":
            return newest
        case "oldest":
            return 0
        case "config":
            return last_config_index(Block.FromString(channel.source.read(newest)))
        case _:
            is_number = which.isascii() and which.isdecimal() and len(which) <= _LONGEST_NUMBER
            return int(which) if is_number else None
