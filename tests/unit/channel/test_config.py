"""What a node reads from a configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.channel.acl import (
    DEFAULT_ACLS,
    LOCAL_ADMIN_RESOURCES,
    LOCAL_MEMBER_RESOURCES,
    READERS,
    WRITERS,
)
from tallystick.node.channel.config import BatchParameters, ChannelConfig, Organization
from tallystick.node.channel.duration import format_duration, parse_duration
from tallystick.node.channel.errors import ChannelConfigError, UnknownResourceError
from tallystick.node.channel.genesis import build_channel_group, build_genesis_block
from tallystick.protos.common import configuration_pb2
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader
from tallystick.protos.common.configtx_pb2 import Config, ConfigGroup, ConfigValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from tests.unit.channel.conftest import Consortium


@pytest.fixture
def root(consortium: Consortium) -> ConfigGroup:
    """Return a configuration tree to be changed by a test."""
    return build_channel_group(consortium.profile)


def read(root: ConfigGroup, sequence: int = 0) -> ChannelConfig:
    config = Config(sequence=sequence, channel_group=root)
    return ChannelConfig.from_config("securities", config)


def set_value(group: ConfigGroup, name: str, value: Message) -> None:
    group.values[name].CopyFrom(ConfigValue(value=value.SerializeToString()))


def test_a_configuration_comes_back_as_its_profile_says(consortium: Consortium) -> None:
    """§15.1."""
    profile = replace(
        consortium.profile,
        batch=BatchParameters(10, 2_000_000, 500_000, 0.25),
        acls={"peer/Propose": "Admins"},
    )
    config = ChannelConfig.from_block(build_genesis_block(profile, nonce=b"n", timestamp_ns=0))
    assert (config.channel_id, config.sequence) == ("securities", 0)
    assert config.application_msp_ids == ("AtsMSP", "BrokerMSP", "ClearingMSP", "TransferMSP")
    assert config.orderer_msp_ids == ("OrdererMSP",)
    assert config.application[0] == Organization("AtsMSP", "AtsMSP", ("peer0.AtsMSP:7051",))
    assert config.orderer_endpoints == ("orderer0:7050",)
    assert config.batch == profile.batch
    assert config.consensus_type == "etcdraft"
    assert config.msps.msp_ids == ("OrdererMSP", *config.application_msp_ids)
    assert config.capabilities.channel == "V2_0"
    assert config.capabilities.new_lifecycle
    assert config.capabilities.purge_private_data
    assert not config.capabilities.ed25519


def test_tls_roots_are_those_of_the_organisation(consortium: Consortium, root: ConfigGroup) -> None:
    path = consortium.directory / "AtsMSP" / "tlsca" / "tlsca.atsmsp.example-cert.pem"
    config = read(root)
    assert config.tls_root_certificates("AtsMSP") == path.read_bytes()
    with pytest.raises(ChannelConfigError, match="it has no MSP 'NobodyMSP'"):
        config.tls_root_certificates("NobodyMSP")


def test_the_group_name_of_an_organisation_is_free_text(root: ConfigGroup) -> None:
    """§15.1: the MSP name inside the value is what identities use."""
    groups = root.groups["Application"].groups
    groups["The Exchange"].CopyFrom(groups.pop("AtsMSP"))
    config = read(root)
    assert Organization("The Exchange", "AtsMSP", ("peer0.AtsMSP:7051",)) in config.application
    path = config.organization_policy("AtsMSP", "Endorsement")
    assert path == "/Channel/Application/The Exchange/Endorsement"
    assert path in config.policies.paths
    with pytest.raises(ChannelConfigError, match="'OrdererMSP' is not that of an application"):
        config.organization_policy("OrdererMSP", "Endorsement")


def test_global_orderer_addresses_serve_where_organisations_have_none(root: ConfigGroup) -> None:
    """§15.1: OrdererAddresses."""
    addresses = configuration_pb2.OrdererAddresses(addresses=["old:1"])
    set_value(root, "OrdererAddresses", addresses)
    assert read(root).orderer_endpoints == ("orderer0:7050",)
    del root.groups["Orderer"].groups["OrdererMSP"].values["Endpoints"]
    assert read(root).orderer_endpoints == ("old:1",)
    set_value(root, "Capabilities", capabilities("V3_0"))
    with pytest.raises(ChannelConfigError, match="global OrdererAddresses are not allowed"):
        read(root)


def test_an_organisation_may_stand_in_both_groups(root: ConfigGroup) -> None:
    root.groups["Orderer"].groups["AtsMSP"].CopyFrom(root.groups["Application"].groups["AtsMSP"])
    config = read(root)
    assert config.orderer_msp_ids == ("AtsMSP", "OrdererMSP")
    assert config.msps.msp_ids.count("AtsMSP") == 1


def test_two_groups_must_not_define_an_msp_differently(
    consortium: Consortium, root: ConfigGroup
) -> None:
    other = root.groups["Orderer"].groups["AtsMSP"]
    other.CopyFrom(root.groups["Application"].groups["AtsMSP"])
    definition = consortium.msp("AtsMSP")
    definition.config += bytes.fromhex("7a00")  # a field that nobody knows
    set_value(other, "MSP", definition)
    with pytest.raises(ChannelConfigError, match="two groups define it differently"):
        read(root)


def capabilities(*names: str) -> configuration_pb2.Capabilities:
    return configuration_pb2.Capabilities(
        capabilities={name: configuration_pb2.Capability() for name in names}
    )


def test_the_highest_capability_counts(root: ConfigGroup) -> None:
    """§15.1."""
    set_value(root, "Capabilities", capabilities("V1_4_3", "V3_0", "V2_0"))
    set_value(root.groups["Application"], "Capabilities", capabilities("V2_0", "V1_4_2"))
    config = read(root)
    assert (config.capabilities.channel, config.capabilities.application) == ("V3_0", "V2_0")
    assert config.capabilities.ed25519
    assert not config.capabilities.purge_private_data


@pytest.mark.parametrize(
    ("area", "names", "problem"),
    [
        pytest.param("", ("V2_0", "V4_0"), "channel capability V4_0 is unknown", id="channel"),
        pytest.param("Orderer", ("V2_5",), "orderer capability V2_5 is unknown", id="orderer"),
        pytest.param("Application", ("V3_0",), "application capability V3_0", id="application"),
        pytest.param("", ("V1_4_2",), "V1_4_2 is too old", id="too old"),
        pytest.param("", (), "none is too old", id="none"),
    ],
)
def test_capabilities_that_a_node_lacks_keep_it_off_the_channel(
    root: ConfigGroup, area: str, names: tuple[str, ...], problem: str
) -> None:
    """§15.1: unknown names make nodes refuse to run the channel."""
    set_value(root.groups[area] if area else root, "Capabilities", capabilities(*names))
    with pytest.raises(ChannelConfigError, match=problem):
        read(root)


def other_hash(root: ConfigGroup) -> None:
    set_value(root, "HashingAlgorithm", configuration_pb2.HashingAlgorithm(name="SHA3_256"))


def other_width(root: ConfigGroup) -> None:
    structure = configuration_pb2.BlockDataHashingStructure(width=2)
    set_value(root, "BlockDataHashingStructure", structure)


def bad_timeout(root: ConfigGroup) -> None:
    root.groups["Orderer"].values["BatchTimeout"].value = b"\x0a\x04soon"


def unreadable_value(root: ConfigGroup) -> None:
    root.groups["Orderer"].values["BatchSize"].value = b"\xff"


def bad_msp(root: ConfigGroup) -> None:
    root.groups["Application"].groups["AtsMSP"].values["MSP"].value = b""


def bad_policy(root: ConfigGroup) -> None:
    root.policies["Readers"].policy.type = 0


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        pytest.param(other_hash, "HashingAlgorithm is 'SHA3_256'", id="hashing algorithm"),
        pytest.param(other_width, "has width 2", id="hashing structure"),
        pytest.param(bad_timeout, "'soon' is not a duration", id="batch timeout"),
        pytest.param(unreadable_value, r"malformed orderer\.BatchSize", id="unreadable value"),
        pytest.param(bad_msp, "badly defined: it has no name", id="MSP"),
        pytest.param(bad_policy, "/Channel/Readers: malformed policy: type 0", id="policy"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(
    root: ConfigGroup, spoil: Callable[[ConfigGroup], None], problem: str
) -> None:
    spoil(root)
    with pytest.raises(ChannelConfigError, match=problem):
        read(root)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        pytest.param([], "block 7 is not a configuration block", id="empty"),
        pytest.param([b"", b""], "block 7 is not a configuration block", id="two entries"),
        pytest.param([b"\xff"], r"block 7: malformed common\.Envelope", id="unreadable"),
        pytest.param([b""], "block 7 holds an envelope of type 0", id="no configuration"),
    ],
)
def test_a_block_without_a_configuration_is_refused(entries: list[bytes], problem: str) -> None:
    block = Block(header=BlockHeader(number=7), data=BlockData(data=entries))
    with pytest.raises(ChannelConfigError, match=problem):
        ChannelConfig.from_block(block)


def test_the_sequence_is_that_of_the_configuration(root: ConfigGroup) -> None:
    assert read(root, sequence=4).sequence == 4


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("_lifecycle/CommitChaincodeDefinition", WRITERS),
        ("qscc/GetChainInfo", READERS),
        ("event/Block", READERS),
        ("gateway/CommitStatus", READERS),
        ("peer/Propose", WRITERS),
        ("peer/ChaincodeToChaincode", WRITERS),
    ],
)
def test_resources_have_default_policies(root: ConfigGroup, resource: str, path: str) -> None:
    """§8.3."""
    assert read(root).acl(resource) == path


def test_the_channel_may_guard_its_resources_otherwise(consortium: Consortium) -> None:
    """§8.3: the ACLs map overrides channel-scoped defaults."""
    acls = {
        "peer/Propose": "/Channel/Application/Admins",
        "event/Block": "Auditors",
        "my/Resource": "/Channel/Readers",
    }
    config = read(build_channel_group(replace(consortium.profile, acls=acls)))
    assert config.acl("peer/Propose") == "/Channel/Application/Admins"
    assert config.acl("event/Block") == "/Channel/Application/Auditors"
    assert config.acl("my/Resource") == "/Channel/Readers"
    assert config.acl("event/FilteredBlock") == READERS


@pytest.mark.parametrize("resource", ["cscc/JoinChain", "cscc/GetChannels", "qscc/Nothing"])
def test_what_is_not_the_channels_has_no_policy_there(
    consortium: Consortium, resource: str
) -> None:
    """§8.3: local MSP."""
    with pytest.raises(UnknownResourceError):
        read(build_channel_group(consortium.profile)).acl(resource)


def test_no_resource_belongs_to_the_channel_and_to_the_peer() -> None:
    assert LOCAL_ADMIN_RESOURCES.isdisjoint(DEFAULT_ACLS)
    assert LOCAL_MEMBER_RESOURCES.isdisjoint(DEFAULT_ACLS)


@pytest.mark.parametrize(
    ("text", "duration_s"),
    [
        ("2s", 2.0),
        ("500ms", 0.5),
        ("1m30s", 90.0),
        ("1.5h", 5400.0),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        (".5s", 0.5),
    ],
)
def test_durations_are_written_as_in_go(text: str, duration_s: float) -> None:
    """§15.1: BatchTimeout."""
    assert parse_duration(text) == pytest.approx(duration_s)


@pytest.mark.parametrize("text", ["", "2", "s", "-2s", "2 s", "2s!", "two seconds"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(1, 10**12))
def test_a_duration_survives_being_written(microseconds: int) -> None:
    duration_s = microseconds / 1e6
    assert parse_duration(format_duration(duration_s)) == pytest.approx(duration_s)
