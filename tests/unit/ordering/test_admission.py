"""What may be ordered: the rows of wire.md §7.1."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.conftest import NOW_NS, ChannelMaterial

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.ordering.admission import (
    Admitted,
    Refused,
    Submission,
    admit,
    in_maintenance,
    read_submission,
)
from tallystick.node.ordering.block_cutter import MAX_BATCH_BYTES
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    MESSAGE,
    ORDERER_TRANSACTION,
    Envelope,
    Payload,
    Status,
)
from tallystick.protos.orderer.configuration_pb2 import ConsensusType

BATCH = BatchParameters(absolute_max_bytes=2_000, preferred_max_bytes=1_000)
TEN_YEARS_NS = 3_651 * 24 * 3600 * 1_000_000_000


def judge(received: bytes, channel: ChannelConfig, now_ns: int = NOW_NS) -> Admitted | Refused:
    submission = read_submission(received)
    if isinstance(submission, Refused):
        return submission
    return admit(submission, channel, now_ns=now_ns)


@pytest.fixture
def channel(channel_material: ChannelMaterial) -> ChannelConfig:
    return channel_material.config(BATCH)


def without_headers(material: ChannelMaterial) -> bytes:
    envelope = Envelope.FromString(material.envelope())
    data = Payload.FromString(envelope.payload).data
    return Envelope(payload=Payload(data=data).SerializeToString()).SerializeToString()


def with_another_signature(material: ChannelMaterial) -> bytes:
    envelope = Envelope.FromString(material.envelope())
    envelope.signature = material.client.sign(b"something else")
    return envelope.SerializeToString()


@pytest.mark.parametrize(
    ("make", "status", "info"),
    [
        pytest.param(
            lambda _: b"\xff\xff",
            Status.BAD_REQUEST,
            "could not determine channel ID",
            id="§7.1 unparsable",
        ),
        pytest.param(
            lambda _: Envelope(payload=b"\xff\xff").SerializeToString(),
            Status.BAD_REQUEST,
            "could not determine channel ID",
            id="§7.1 a payload that cannot be read",
        ),
        pytest.param(
            without_headers,
            Status.BAD_REQUEST,
            "could not determine channel ID",
            id="§7.1 no channel header",
        ),
        pytest.param(
            lambda _: Envelope(signature=b"s").SerializeToString(),
            Status.BAD_REQUEST,
            "Message was empty",
            id="§7.1 empty payload",
        ),
        pytest.param(
            lambda material: material.envelope(header_type=CONFIG),
            Status.BAD_REQUEST,
            "message is of type that cannot be processed directly",
            id="§7.1 CONFIG sent directly",
        ),
        pytest.param(
            lambda material: material.envelope(header_type=ORDERER_TRANSACTION),
            Status.BAD_REQUEST,
            "message is of type that is no longer supported",
            id="§7.1 ORDERER_TRANSACTION",
        ),
        pytest.param(
            lambda material: material.envelope(b"x" * 2_000),
            Status.BAD_REQUEST,
            "exceeds maximum allowed 2000 bytes",
            id="§7.1 larger than AbsoluteMaxBytes",
        ),
        pytest.param(
            lambda material: material.envelope(signer=material.stranger),
            Status.FORBIDDEN,
            "permission denied",
            id="§7.1 creator is not on the channel",
        ),
        pytest.param(
            with_another_signature,
            Status.FORBIDDEN,
            "1 of the 'Writers' sub-policies",
            id="§7.1 bad signature, with the implicit-meta text",
        ),
    ],
)
def test_an_envelope_is_refused_with_status_and_info(
    channel_material: ChannelMaterial,
    channel: ChannelConfig,
    make: Callable[[ChannelMaterial], bytes],
    status: int,
    info: str,
) -> None:
    refused = judge(make(channel_material), channel)
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert info in refused.info


@pytest.mark.parametrize("header_type", [ENDORSER_TRANSACTION, MESSAGE, 77])
def test_any_other_header_type_is_a_normal_message_whose_data_is_never_opened(  # §7.1
    channel_material: ChannelMaterial, channel: ChannelConfig, header_type: int
) -> None:
    envelope = channel_material.envelope(b"\xffnot a transaction", header_type=header_type)
    admitted = judge(envelope, channel)
    assert isinstance(admitted, Admitted)
    assert admitted.envelope == envelope


def test_the_size_that_counts_is_payload_and_signature(  # §7.2
    channel_material: ChannelMaterial, channel: ChannelConfig
) -> None:
    received = channel_material.envelope()
    envelope = Envelope.FromString(received)
    admitted = judge(received, channel)
    assert isinstance(admitted, Admitted)
    assert admitted.size_bytes == len(envelope.payload) + len(envelope.signature) < len(received)


def test_an_expired_creator_is_refused_before_its_signature_is_checked(  # §7.1
    channel_material: ChannelMaterial, channel: ChannelConfig
) -> None:
    now_ns = NOW_NS + TEN_YEARS_NS
    refused = judge(with_another_signature(channel_material), channel, now_ns)
    assert isinstance(refused, Refused)
    assert refused.status == Status.BAD_REQUEST
    assert refused.info.startswith("broadcast client identity expired")


def test_maintenance_mode_refuses_normal_transactions(channel_material: ChannelMaterial) -> None:
    genesis = channel_material.config().config
    value = genesis.channel_group.groups["Orderer"].values["ConsensusType"]
    value.value = ConsensusType(
        type="etcdraft", state=ConsensusType.STATE_MAINTENANCE
    ).SerializeToString()
    channel = ChannelConfig.from_config("securities", genesis)
    assert in_maintenance(channel)
    assert judge(channel_material.envelope(), channel) == Refused(
        Status.SERVICE_UNAVAILABLE, "normal transactions are rejected: maintenance mode"
    )


def test_an_odd_encoding_is_ordered_in_the_one_that_peers_accept(  # §11
    channel_material: ChannelMaterial, channel: ChannelConfig
) -> None:
    usual = channel_material.envelope()
    envelope = Envelope.FromString(usual)
    odd = (
        Envelope(signature=envelope.signature).SerializeToString()
        + Envelope(payload=envelope.payload).SerializeToString()
    )
    assert odd != usual
    admitted = judge(odd, channel)
    assert isinstance(admitted, Admitted)
    assert admitted.envelope == usual


def test_what_fits_into_no_message_is_refused_whatever_the_channel_allows(
    channel_material: ChannelMaterial, channel: ChannelConfig
) -> None:
    generous = replace(channel, batch=BatchParameters(absolute_max_bytes=2**30))
    submission = read_submission(channel_material.envelope())
    assert isinstance(submission, Submission)
    too_large = replace(submission, size_bytes=MAX_BATCH_BYTES + 1)
    refused = admit(too_large, generous, now_ns=NOW_NS)
    assert isinstance(refused, Refused)
    assert f"exceeds maximum allowed {MAX_BATCH_BYTES} bytes" in refused.info
