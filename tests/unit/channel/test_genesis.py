"""The block in which a channel begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    Consenter,
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
)
from tallystick.protos.common.common_pb2 import (
    Block,
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
)
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope, ConfigGroup
from tallystick.protos.orderer.configuration_pb2 import ConsensusType
from tallystick.protos.orderer.etcdraft import configuration_pb2 as etcdraft
from tallystick.wire.hashing import block_data_hash
from tallystick.wire.txid import transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.channel.conftest import Consortium

    from tallystick.node.channel.genesis import ChannelProfile

NONCE = bytes(range(24))
TIMESTAMP_NS = 1_767_225_600_000_000_007


def genesis(profile: ChannelProfile) -> Block:
    return build_genesis_block(profile, nonce=NONCE, timestamp_ns=TIMESTAMP_NS)


def payload_of(block: Block) -> Payload:
    (entry,) = block.data.data
    envelope = Envelope.FromString(entry)
    assert envelope.signature == b""
    return Payload.FromString(envelope.payload)


def test_the_block_is_number_zero_and_follows_nothing(consortium: Consortium) -> None:
    """§15.3."""
    block = genesis(consortium.profile)
    assert (block.header.number, block.header.previous_hash) == (0, b"")
    assert block.header.data_hash == block_data_hash(block.data.data)
    assert list(block.metadata.metadata) == [bytes.fromhex("0a020a00"), b"", b"", b"", b""]


def test_the_envelope_has_no_creator(consortium: Consortium) -> None:
    """§15.3."""
    header = payload_of(genesis(consortium.profile)).header
    assert SignatureHeader.FromString(header.signature_header) == SignatureHeader(nonce=NONCE)
    channel_header = ChannelHeader.FromString(header.channel_header)
    assert (channel_header.type, channel_header.version, channel_header.epoch) == (1, 1, 0)
    assert channel_header.channel_id == "securities"
    assert channel_header.tx_id == transaction_id(NONCE, b"")
    assert channel_header.timestamp.ToNanoseconds() == TIMESTAMP_NS


def test_equal_profiles_give_equal_bytes(consortium: Consortium) -> None:
    """§1: deterministic serialisation of maps."""
    profile = consortium.profile
    reordered = replace(profile, application=profile.application[::-1])
    assert genesis(profile).SerializeToString() == genesis(reordered).SerializeToString()


def tree_of(block: Block) -> ConfigGroup:
    envelope = ConfigEnvelope.FromString(payload_of(block).data)
    assert envelope.config.sequence == 0
    assert not envelope.HasField("last_update")
    return envelope.config.channel_group


def outline(group: ConfigGroup, path: str = "") -> dict[str, tuple[list[str], list[str]]]:
    """Return the values and policies of each group, by path."""
    found = {path: (sorted(group.values), sorted(group.policies))}
    for name in group.groups:
        found |= outline(group.groups[name], f"{path}/{name}")
    return found


def test_the_tree_is_the_one_that_fabric_knows(consortium: Consortium) -> None:
    """§15.1."""
    general = ["Admins", "Readers", "Writers"]
    organization = ["Admins", "Endorsement", "Readers", "Writers"]
    with_anchors = (["AnchorPeers", "MSP"], organization)
    orderer_values = [
        "BatchSize", "BatchTimeout", "Capabilities", "ChannelRestrictions", "ConsensusType",
    ]  # fmt: skip
    assert outline(tree_of(genesis(consortium.profile))) == {
        "": (["BlockDataHashingStructure", "Capabilities", "HashingAlgorithm"], general),
        "/Orderer": (orderer_values, ["Admins", "BlockValidation", "Readers", "Writers"]),
        "/Orderer/OrdererMSP": (["Endpoints", "MSP"], general),
        "/Application": (
            ["Capabilities"],
            ["Admins", "Endorsement", "LifecycleEndorsement", "Readers", "Writers"],
        ),
        "/Application/AtsMSP": with_anchors,
        "/Application/ClearingMSP": with_anchors,
        "/Application/TransferMSP": with_anchors,
        "/Application/BrokerMSP": (["MSP"], organization),
    }


def test_every_element_says_who_may_change_it(consortium: Consortium) -> None:
    """§15.1: every element needs a non-empty mod_policy."""

    def check(group: ConfigGroup) -> None:
        assert group.mod_policy == "Admins"
        for value in group.values.values():
            assert value.mod_policy == "Admins"
        for policy in group.policies.values():
            assert policy.mod_policy == "Admins"
        for child in group.groups.values():
            check(child)

    check(tree_of(genesis(consortium.profile)))


def test_the_consensus_metadata_can_be_read_by_fabrics_tools(consortium: Consortium) -> None:
    """§18.1."""
    consenter = Consenter(Endpoint("orderer0", 7050), b"client", b"server")
    block = genesis(replace(consortium.profile, consenters=(consenter,)))
    value = tree_of(block).groups["Orderer"].values["ConsensusType"].value
    consensus = ConsensusType.FromString(value)
    assert consensus.type == "etcdraft"
    metadata = etcdraft.ConfigMetadata.FromString(consensus.metadata)
    assert list(metadata.consenters) == [
        etcdraft.Consenter(
            host="orderer0", port=7050, client_tls_cert=b"client", server_tls_cert=b"server"
        )
    ]
    assert metadata.options.election_tick > metadata.options.heartbeat_tick


ALICE = "BrokerMSP/users/User"
ADMINS = [f"{msp_id}/users/Admin" for msp_id in ("AtsMSP", "ClearingMSP", "BrokerMSP")]
PEERS = [f"{msp_id}/peers/peer0" for msp_id in ("AtsMSP", "ClearingMSP", "TransferMSP")]


@pytest.mark.parametrize(
    ("path", "members", "satisfied"),
    [
        pytest.param("/Channel/Application/Writers", [ALICE], True, id="client writes"),
        pytest.param("/Channel/Application/Readers", [ALICE], True, id="client reads"),
        pytest.param("/Channel/Application/Admins", [ALICE], False, id="client is no admin"),
        pytest.param("/Channel/Application/Writers", PEERS, False, id="peers do not write"),
        pytest.param("/Channel/Application/Readers", PEERS[:1], True, id="peer reads"),
        pytest.param("/Channel/Application/Writers", ADMINS[:1], True, id="admin writes"),
        pytest.param("/Channel/Application/Admins", ADMINS, True, id="3 of 4 admins"),
        pytest.param("/Channel/Application/Admins", ADMINS[:2], False, id="2 of 4 admins"),
        pytest.param("/Channel/Application/Endorsement", PEERS, True, id="3 of 4 peers"),
        pytest.param("/Channel/Application/Endorsement", PEERS[:2], False, id="2 of 4 peers"),
        pytest.param(
            "/Channel/Application/LifecycleEndorsement", PEERS, True, id="lifecycle: 3 of 4 peers"
        ),
        pytest.param(
            "/Channel/Orderer/BlockValidation",
            ["OrdererMSP/orderers/orderer0"],
            True,
            id="orderer signs blocks",
        ),
        pytest.param("/Channel/Orderer/BlockValidation", PEERS, False, id="peers sign no blocks"),
        pytest.param("/Channel/Writers", [ALICE], True, id="channel writers"),
        pytest.param("/Channel/Admins", [*ADMINS, "OrdererMSP/users/Admin"], True, id="all admins"),
        pytest.param("/Channel/Admins", ADMINS, False, id="not without the orderer's"),
    ],
)
def test_the_default_policies(
    consortium: Consortium, *, path: str, members: list[str], satisfied: bool
) -> None:
    """§15.1: policies."""
    policies = ChannelConfig.from_block(genesis(consortium.profile)).policies
    assert policies.evaluate_signed(path, consortium.signed(*members)).satisfied is satisfied


def test_a_profile_replaces_policies_where_not_everybody_has_peers(consortium: Consortium) -> None:
    rule = "OutOf(2, 'AtsMSP.peer', 'ClearingMSP.peer', 'TransferMSP.peer')"
    profile = replace(
        consortium.profile,
        policies={
            "/Channel/Application/LifecycleEndorsement": rule,
            "/Channel/Application/BrokerMSP/Auditors": "OR('BrokerMSP.member')",
        },
    )
    policies = ChannelConfig.from_block(genesis(profile)).policies
    signed = consortium.signed(*PEERS[:2])
    assert policies.evaluate_signed("/Channel/Application/LifecycleEndorsement", signed).satisfied
    assert not policies.evaluate_signed("/Channel/Application/Endorsement", signed).satisfied
    auditors = "/Channel/Application/BrokerMSP/Auditors"
    assert policies.evaluate_signed(auditors, consortium.signed(ALICE)).satisfied


def no_channel_id(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, channel_id="Securities")


def long_channel_id(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, channel_id="x" * 250)


def nobody(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, application=())


def twice(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, application=profile.application * 2)


def no_endpoints(profile: ChannelProfile) -> ChannelProfile:
    (orderer,) = profile.orderers
    return replace(profile, orderers=(OrdererOrganization(orderer.msp_id, orderer.msp, ()),))


def wrong_msp(profile: ChannelProfile) -> ChannelProfile:
    one, other, *_ = profile.application
    return replace(profile, application=(ApplicationOrganization(one.msp_id, other.msp),))


def unknown_capability(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, application_capability="V9_9")


def old_capability(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, channel_capability="V1_3")


def empty_batch(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, batch=BatchParameters(max_message_count=0))


def contradictory_batch(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, batch=BatchParameters(preferred_max_bytes=11 * 1024 * 1024))


def no_timeout(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, batch=BatchParameters(timeout_s=0))


def bad_rule(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, policies={"/Channel/Readers": "MOST Readers"})


def no_such_group(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, policies={"/Channel/Nowhere/Readers": "ANY Readers"})


def no_path(profile: ChannelProfile) -> ChannelProfile:
    return replace(profile, policies={"Readers": "ANY Readers"})


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        pytest.param(no_channel_id, "not a channel id", id="channel id in capitals"),
        pytest.param(long_channel_id, "not a channel id", id="channel id too long"),
        pytest.param(nobody, "needs an orderer and an application", id="no organisation"),
        pytest.param(twice, "listed twice", id="an organisation twice"),
        pytest.param(no_endpoints, "OrdererMSP lacks endpoints", id="orderer without endpoints"),
        pytest.param(wrong_msp, "AtsMSP has the MSP of ClearingMSP", id="MSP of another"),
        pytest.param(unknown_capability, "capability V9_9 is unknown", id="unknown capability"),
        pytest.param(old_capability, "V1_3 is too old", id="old capability"),
        pytest.param(empty_batch, "each of the three limits", id="batch of nothing"),
        pytest.param(contradictory_batch, "prefers 11534336 bytes", id="batch limits"),
        pytest.param(no_timeout, "longer than 0", id="no timeout"),
        pytest.param(bad_rule, "/Channel/Readers: policy 'MOST Readers'", id="policy text"),
        pytest.param(no_such_group, "there is no group 'Nowhere'", id="policy of no group"),
        pytest.param(no_path, "'Readers' is no policy path", id="policy without path"),
    ],
)
def test_a_channel_that_no_node_could_run_is_not_made(
    consortium: Consortium, spoil: Callable[[ChannelProfile], ChannelProfile], problem: str
) -> None:
    with pytest.raises(ChannelConfigError, match=problem):
        genesis(spoil(consortium.profile))
