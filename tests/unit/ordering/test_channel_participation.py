"""Channel participation: which channels an orderer serves, changed over HTTPS (wire.md §7.4)."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from itertools import count
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.conftest import NOW_NS
from tests.unit.ordering.form import FORM, form

from tallystick.node.channel.config import BatchParameters
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.ordering.multipart import file_part
from tallystick.node.ordering.participation import (
    CHANNELS,
    ChannelParticipation,
    Request,
)
from tallystick.node.ordering.participation_http import (
    MAX_BODY_BYTES,
    AdminTlsError,
    serving_participation,
)
from tallystick.node.settings import (
    AdminSettings,
    MspSettings,
    OrdererSettings,
    QueueSettings,
)
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    CONFIG_UPDATE,
    Block,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    Status,
)
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope, ConfigUpdate, ConfigUpdateEnvelope
from tallystick.protos.orderer.configuration_pb2 import ConsensusType

if TYPE_CHECKING:
    from http import HTTPStatus
    from pathlib import Path

    from tests.unit.conftest import ChannelMaterial

    from tallystick.node.ordering.participation import Answer

CHANNEL = f"{CHANNELS}/securities"
PROMPT = BatchParameters(timeout_s=0.01)
INFO = {
    "name": "securities",
    "url": CHANNEL,
    "consensusRelation": "consenter",
    "status": "active",
    "height": 1,
}


@dataclass
class Site:
    """Where an orderer is installed, with its administrators' certificates."""

    material: ChannelMaterial
    directory: Path
    msp_id: str = "OrdererMSP"
    queue: QueueSettings = field(default_factory=QueueSettings)

    def node(self, *genesis: Block) -> OrdererNode:
        nonces = count()
        settings = OrdererSettings(
            listen_address="127.0.0.1:0",
            data_directory=self.directory,
            store="sqlite",
            msp=MspSettings(id=self.msp_id, directory=self._orderer / "msp"),
            tls=None,
            queue=self.queue,
        )
        return OrdererNode(
            settings,
            self.material.orderer,
            genesis,
            OrdererEnvironment(
                clock=lambda: NOW_NS, new_nonce=lambda: next(nonces).to_bytes(24, "big")
            ),
        )

    @property
    def admin(self) -> AdminSettings:
        return AdminSettings(
            listen_address="127.0.0.1:0",
            certificate=self._orderer / "tls" / "server.crt",
            private_key=self._orderer / "tls" / "server.key",
            client_root_certificates=(self._orderer / "tls" / "ca.crt",),
        )

    def client(self, organization: str = "orderer") -> ssl.SSLContext:
        """Return the TLS of an administrator of some organisation."""
        context = ssl.create_default_context(cafile=str(self._orderer / "tls" / "ca.crt"))
        tls = self.material.directory / organization / "users" / "User1" / "tls"
        context.load_cert_chain(tls / "client.crt", tls / "client.key")
        return context

    @property
    def join(self) -> Request:
        genesis = self.material.genesis(PROMPT).SerializeToString()
        return Request("POST", CHANNELS, FORM, form(genesis))

    @property
    def _orderer(self) -> Path:
        return self.material.directory / "orderer" / "orderers" / "orderer0"


@pytest.fixture
def site(tmp_path: Path, channel_material: ChannelMaterial) -> Site:
    return Site(channel_material, tmp_path)


async def ask(node: OrdererNode, method: str, path: str) -> Answer:
    return await ChannelParticipation(node).answer(Request(method, path))


def shown(answer: Answer) -> tuple[HTTPStatus | int, object]:
    return answer.status, json.loads(answer.body)


def told(answer: Answer) -> str:
    """Return status and words of a refusal."""
    return f"{int(answer.status)}: {json.loads(answer.body)['error']}"


def channels(node: OrdererNode) -> State:
    """Return the channels of an orderer, which a refusal leaves alone."""
    return State(
        "the orderer has the channels, blocks and configurations that it had",
        lambda: {
            name: (each.chain.height, each.config.config.SerializeToString(deterministic=True))
            for name, each in node.channels.items()
        },
    )


async def refusal(outcome: Outcome, node: OrdererNode, request: Request) -> Answer:
    """Return the answer to a request that changes nothing, and note it."""
    with outcome.leaves(channels(node)):
        answer = await ChannelParticipation(node).answer(request)
    outcome.saw(told(answer))
    return answer


async def test_an_orderer_without_channels_shows_none(site: Site) -> None:
    async with site.node() as node:
        listed = await ask(node, "GET", CHANNELS)
        assert shown(listed) == (200, {"systemChannel": None, "channels": None})
        assert listed.headers["Cache-Control"] == "no-store"
        found = await ask(node, "GET", CHANNEL)
        assert shown(found) == (404, {"error": "channel does not exist"})


async def test_a_channel_is_joined_and_ordered_at_once(site: Site) -> None:
    async with site.node() as node:
        joined = await ChannelParticipation(node).answer(site.join)
        assert shown(joined) == (201, INFO)
        assert joined.headers["Location"] == CHANNEL
        listed = await ask(node, "GET", CHANNELS)
        assert json.loads(listed.body)["channels"] == [{"name": "securities", "url": CHANNEL}]
        response = await node.connection().broadcast(site.material.envelope(b"1"))
        assert response.status == Status.SUCCESS


async def test_a_joined_channel_is_there_after_a_restart(site: Site) -> None:
    async with site.node() as node:
        await ChannelParticipation(node).answer(site.join)
        await node.connection().broadcast(site.material.envelope(b"1"))
    async with site.node() as node:
        assert shown(await ask(node, "GET", CHANNEL)) == (200, INFO | {"height": 2})


async def test_a_channel_that_is_there_is_not_joined_again(outcome: Outcome, site: Site) -> None:
    async with site.node() as node:
        await ChannelParticipation(node).answer(site.join)
        again = await refusal(outcome, node, site.join)
        assert shown(again) == (405, {"error": "cannot join: channel already exists"})
        assert again.headers["Allow"] == "GET, DELETE"


def update_request(envelope: bytes) -> Request:
    body = form(envelope, name="config-update-envelope", filename="; filename=update.pb")
    return Request("PUT", CHANNELS, FORM, body)


def smaller_batches(material: ChannelMaterial, *, signed: bool = True) -> Request:
    """Return the request to have at most seven transactions in a block."""
    channel = material.config()
    wanted = with_batch(channel.config, BatchParameters(max_message_count=7))
    envelope = unsigned_update(compute_update("securities", channel.config, wanted))
    if signed:
        envelope = with_signature(
            envelope, material.administrator, new_nonce=lambda: bytes(24), now_ns=NOW_NS
        )
    return update_request(envelope.SerializeToString())


def envelope_about(
    header_type: int = CONFIG_UPDATE,
    *,
    channel_id: str = "securities",
    updated: str = "securities",
    data: bytes | None = None,
) -> bytes:
    """Return an unsigned envelope with an update that changes nothing."""
    header = ChannelHeader(type=header_type, channel_id=channel_id).SerializeToString()
    update = ConfigUpdateEnvelope(
        config_update=ConfigUpdate(channel_id=updated).SerializeToString()
    ).SerializeToString()
    payload = Payload(
        header=Header(channel_header=header), data=update if data is None else data
    ).SerializeToString()
    return Envelope(payload=payload).SerializeToString()


async def test_an_update_that_administrators_signed_is_ordered(site: Site) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        updated = await ChannelParticipation(node).answer(smaller_batches(site.material))
        assert shown(updated) == (201, INFO | {"height": 2})
        assert updated.headers["Location"] == CHANNEL
        assert node.channels["securities"].config.batch.max_message_count == 7


async def test_a_configuration_update_that_nobody_signed_changes_nothing(
    outcome: Outcome, site: Site
) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        unsigned = smaller_batches(site.material, signed=False)
        refused = await refusal(outcome, node, unsigned)
        assert refused.status == 400
        assert json.loads(refused.body)["error"].startswith(
            "cannot update: failed update config of channel securities: "
        )
        assert node.channels["securities"].config.batch.max_message_count == 500


async def test_a_configuration_update_for_a_channel_that_is_not_there_is_refused(
    outcome: Outcome,
    site: Site,
) -> None:
    async with site.node() as node:
        refused = await refusal(outcome, node, smaller_batches(site.material))
        assert shown(refused) == (405, {"error": "cannot update: channel does not exist"})
        assert "Allow" not in refused.headers


async def test_while_a_channel_is_removed_it_is_not_updated(site: Site) -> None:
    async with site.node() as node:
        await ChannelParticipation(node).answer(site.join)
        await node.connection().broadcast(site.material.envelope(b"1"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask(node, "DELETE", CHANNEL))
            update = smaller_batches(site.material)
            updating = tasks.create_task(ChannelParticipation(node).answer(update))
        assert shown(updating.result()) == (
            409,
            {"error": "cannot update: channel pending removal"},
        )


async def test_a_configuration_update_is_refused_while_nothing_more_can_be_queued(
    outcome: Outcome, site: Site
) -> None:
    site.queue = QueueSettings(max_bytes=1)
    async with site.node(site.material.genesis(PROMPT)) as node:
        refused = await refusal(outcome, node, smaller_batches(site.material))
        assert refused.status == 400
        assert "securities with SERVICE_UNAVAILABLE: " in json.loads(refused.body)["error"]


@pytest.mark.parametrize(
    ("envelope", "error"),
    [
        pytest.param(
            b"\xff",
            "cannot unmarshal file part config-update-envelope into an envelope: ",
            id="no envelope",
        ),
        *(
            pytest.param(envelope, f"invalid config update envelope: {problem}", id=problem)
            for envelope, problem in (
                (Envelope(payload=b"\xff").SerializeToString(), "bad payload"),
                (b"", "bad header"),
                (
                    Envelope(
                        payload=Payload(header=Header(channel_header=b"\xff")).SerializeToString()
                    ).SerializeToString(),
                    "could not unmarshall channel header",
                ),
                (envelope_about(CONFIG), "bad type"),
                (envelope_about(channel_id=""), "empty channel id"),
                (envelope_about(data=b"\xff"), "bad config update envelope"),
                (
                    envelope_about(
                        data=ConfigUpdateEnvelope(config_update=b"\xff").SerializeToString()
                    ),
                    "bad config update",
                ),
                (
                    envelope_about(updated="other"),
                    "the header names channel 'securities', the update channel 'other'",
                ),
            )
        ),
    ],
)
async def test_what_is_no_configuration_update_is_not_ordered(
    outcome: Outcome, site: Site, envelope: bytes, error: str
) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        refused = await refusal(outcome, node, update_request(envelope))
        assert refused.status == 400
        assert json.loads(refused.body)["error"].startswith(error)


async def test_a_removed_channel_is_gone_and_can_be_joined_again(
    outcome: Outcome, site: Site
) -> None:
    async with site.node() as node:
        await ChannelParticipation(node).answer(site.join)
        await node.connection().broadcast(site.material.envelope(b"1"))

        removed = await ask(node, "DELETE", CHANNEL)
        assert (removed.status, removed.body) == (204, b"")
        assert (await ask(node, "GET", CHANNEL)).status == 404
        refused = await node.connection().broadcast(site.material.envelope(b"2"))
        assert refused.status == Status.BAD_REQUEST
        assert not (site.directory / "channels" / "securities").exists()

        assert shown(await ChannelParticipation(node).answer(site.join)) == (201, INFO)
        await ask(node, "DELETE", CHANNEL)
    async with site.node() as node:
        gone = await refusal(outcome, node, Request("DELETE", CHANNEL))
        assert shown(gone) == (404, {"error": "cannot remove: channel does not exist"})
    outcome.keep("a channel that is not there is removed")


async def test_while_a_channel_is_removed_it_is_neither_joined_nor_removed(site: Site) -> None:
    async with site.node() as node:
        await ChannelParticipation(node).answer(site.join)
        await node.connection().broadcast(site.material.envelope(b"1"))
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(ask(node, "DELETE", CHANNEL))
            second = tasks.create_task(ask(node, "DELETE", CHANNEL))
            joining = tasks.create_task(ChannelParticipation(node).answer(site.join))
        assert first.result().status == 204
        assert shown(second.result()) == (409, {"error": "cannot remove: channel pending removal"})
        assert shown(joining.result()) == (409, {"error": "cannot join: channel pending removal"})


async def test_a_channel_of_the_settings_is_not_removed(outcome: Outcome, site: Site) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        refused = await refusal(outcome, node, Request("DELETE", CHANNEL))
        assert refused.status == 409
        assert "genesis_blocks" in json.loads(refused.body)["error"]
        assert (await ask(node, "GET", CHANNEL)).status == 200


@pytest.mark.parametrize(
    ("which", "status"),
    [
        ("0", 200),
        ("oldest", 200),
        ("newest", 200),
        ("config", 200),
        ("1", 404),
        ("-1", 400),
        ("9" * 30, 400),
        ("last", 400),
    ],
)
async def test_blocks_are_fetched(site: Site, which: str, status: int) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        found = await ask(node, "GET", f"{CHANNEL}/blocks/{which}")
        assert found.status == status
        if status == 200:
            assert found.headers["Content-Type"] == "application/octet-stream"
            assert Block.FromString(found.body) == site.material.genesis(PROMPT)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{CHANNELS}/none/blocks/0", 404),
        ("GET", f"{CHANNEL}/else", 404),
        ("GET", "/metrics", 404),
    ],
)
async def test_nothing_else_is_there(site: Site, method: str, path: str, status: int) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        assert (await ask(node, method, path)).status == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", CHANNELS, "GET, POST, PUT"),
        ("POST", CHANNEL, "GET, DELETE"),
        ("DELETE", f"{CHANNEL}/blocks/0", "GET"),
    ],
)
async def test_a_method_that_is_not_allowed_is_refused(
    outcome: Outcome, site: Site, method: str, path: str, allowed: str
) -> None:
    async with site.node(site.material.genesis(PROMPT)) as node:
        refused = await refusal(outcome, node, Request(method, path))
        assert shown(refused) == (405, {"error": f"invalid request method: {method}"})
        assert refused.headers["Allow"] == allowed


async def test_the_block_of_a_channel_for_other_orderers_is_not_joined(
    outcome: Outcome, site: Site
) -> None:
    site.msp_id = "OtherMSP"
    async with site.node() as node:
        refused = await refusal(outcome, node, site.join)
        assert refused.status == 400
        assert "OtherMSP is not among" in json.loads(refused.body)["error"]


async def test_a_later_block_of_a_channel_is_joined_in_place_of_the_first(
    outcome: Outcome, site: Site
) -> None:
    later = site.material.genesis(PROMPT)
    later.header.number = 7
    async with site.node() as node:
        request = Request("POST", CHANNELS, FORM, form(later.SerializeToString()))
        refused = await refusal(outcome, node, request)
        assert refused.status == 400
        assert "is not the first" in told(refused)


async def test_a_channel_whose_blocks_take_a_vote_is_not_joined(
    outcome: Outcome, site: Site
) -> None:
    genesis = site.material.genesis(PROMPT)
    envelope = Envelope.FromString(genesis.data.data[0])
    payload = Payload.FromString(envelope.payload)
    content = ConfigEnvelope.FromString(payload.data)
    orderer = content.config.channel_group.groups["Orderer"]
    orderer.values["ConsensusType"].value = ConsensusType(type="BFT").SerializeToString()
    payload.data = content.SerializeToString()
    genesis.data.data[0] = Envelope(payload=payload.SerializeToString()).SerializeToString()
    async with site.node() as node:
        request = Request("POST", CHANNELS, FORM, form(genesis.SerializeToString()))
        refused = await refusal(outcome, node, request)
        assert refused.status == 400
        assert "has consensus type BFT" in json.loads(refused.body)["error"]


@pytest.mark.parametrize(
    ("content_type", "body", "problem"),
    [
        pytest.param("application/json", b"{}", "unsupported Content-Type", id="no form"),
        pytest.param("multipart/form-data", b"", "unsupported Content-Type", id="no boundary"),
        pytest.param(
            "multipart/form-data; b*=1; b*1=2", b"", "unsupported Content-Type", id="continued"
        ),
        pytest.param(FORM, b"", "does not end", id="empty"),
        pytest.param(FORM, form(b"x").removesuffix(b"--\r\n"), "does not end", id="cut off"),
        pytest.param(FORM, b"--limit--\r\n", "contains 0 parts", id="no part"),
        pytest.param(
            FORM, form(b"1").replace(b"--limit--", form(b"2")), "contains 2 parts", id="two parts"
        ),
        pytest.param(FORM, form(b"x", name="block"), "part key: config-block", id="other name"),
        pytest.param(FORM, form(b"x", filename=""), "is no file", id="no file"),
    ],
)
async def test_a_form_without_its_one_file_is_refused(
    outcome: Outcome, site: Site, content_type: str, body: bytes, problem: str
) -> None:
    async with site.node() as node:
        request = Request("POST", CHANNELS, content_type, body)
        refused = await refusal(outcome, node, request)
        assert refused.status == 400
        assert problem in told(refused)


@pytest.mark.parametrize("content", [b"", b"\r", b"\n\r\n", bytes(range(256)), b"--limi"])
def test_a_file_arrives_as_it_was_sent(content: bytes) -> None:
    assert file_part(FORM, form(content), "config-block") == content


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(b"\xff", "cannot unmarshal", id="no block"),
        pytest.param(b"", "cannot join: ", id="no configuration"),
    ],
)
async def test_what_is_no_configuration_block_is_not_joined(
    outcome: Outcome, site: Site, content: bytes, error: str
) -> None:
    async with site.node() as node:
        request = Request("POST", CHANNELS, FORM, form(content))
        refused = await refusal(outcome, node, request)
        assert refused.status == 400
        assert json.loads(refused.body)["error"].startswith(error)


def over_https(
    port: int, tls: ssl.SSLContext, request: Request, headers: dict[str, str] | None = None
) -> tuple[int, bytes, str]:
    """Return status, body and content type, as a client in another process gets them."""
    connection = HTTPSConnection("localhost", port, context=tls, timeout=10)
    try:
        given = {"Content-Type": request.content_type} | (headers or {})
        connection.request(request.method, request.path, request.body or None, given)
        response = connection.getresponse()
        return response.status, response.read(), response.getheader("Content-Type", "")
    finally:
        connection.close()


async def test_administrators_are_served_over_mutual_tls(site: Site) -> None:
    async with (
        site.node() as node,
        serving_participation(site.admin, ChannelParticipation(node)) as port,
    ):

        async def send(request: Request, **headers: str) -> tuple[int, bytes, str]:
            return await asyncio.to_thread(over_https, port, site.client(), request, headers)

        status, body, kind = await send(site.join, Expect="100-continue")
        assert (status, json.loads(body), kind) == (201, INFO, "application/json")
        status, body, kind = await send(Request("GET", f"{CHANNEL}/blocks/0?x=1"))
        assert (status, kind) == (200, "application/octet-stream")
        assert body == site.material.genesis(PROMPT).SerializeToString()
        assert await send(Request("DELETE", CHANNEL)) == (204, b"", "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Content-Length": str(MAX_BODY_BYTES + 1)}, 413, id="too long a body"),
        pytest.param({"Content-Length": "x"}, 400, id="no length"),
        pytest.param({"Transfer-Encoding": "chunked"}, 411, id="chunked"),
        pytest.param({"X": "x" * 20_000}, 431, id="too long a head"),
    ],
)
async def test_a_request_of_an_administrator_that_cannot_be_read_is_refused(
    outcome: Outcome, site: Site, headers: dict[str, str], status: int
) -> None:
    async with (
        site.node() as node,
        serving_participation(site.admin, ChannelParticipation(node)) as port,
    ):
        request = Request("POST", CHANNELS)
        with outcome.leaves(channels(node)):
            answer = await asyncio.to_thread(over_https, port, site.client(), request, headers)
        outcome.saw(f"{answer[0]} {answer[1].decode()}")
        assert answer[0] == status


async def test_who_has_no_certificate_of_the_administrators_gets_nothing(
    outcome: Outcome, site: Site
) -> None:
    strangers = site.client("stranger")
    nobody = ssl.create_default_context(cafile=str(site.admin.client_root_certificates[0]))
    async with (
        site.node() as node,
        serving_participation(site.admin, ChannelParticipation(node)) as port,
    ):
        for tls in (strangers, nobody):
            refusal = r"(?i)alert|reset|closed|broken|eof"
            with outcome.refuses(OSError, leaves=channels(node), match=refusal):
                await asyncio.to_thread(over_https, port, tls, Request("GET", CHANNELS))


async def test_tls_files_that_cannot_be_used_keep_the_orderer_from_starting(
    outcome: Outcome, site: Site
) -> None:
    settings = site.admin.model_copy(update={"certificate": site.directory / "none.crt"})
    async with site.node() as node:
        with outcome.refuses(
            AdminTlsError, leaves=channels(node), match=r"none\.crt.*mend the one"
        ):
            await serving_participation(settings, ChannelParticipation(node)).__aenter__()
