"""Updates of the configuration at the orderer's door: wire.md §7.1, §15.4."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.reluctant_signer import ReluctantSigner

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.ordering.admission import Admitted, Refused, Submission, read_submission
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
    Status,
)
from tallystick.protos.common.configtx_pb2 import Config, ConfigEnvelope
from tallystick.protos.common.configuration_pb2 import Capabilities, Capability
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from tallystick.protos.orderer.configuration_pb2 import ConsensusType
from tallystick.wire.signing import Signer

SMALLER = BatchParameters(max_message_count=7)


@pytest.fixture
def admission(channel_material: ChannelMaterial) -> ChannelAdmission:
    return ChannelAdmission(channel_material.config(), author(channel_material))


def author(material: ChannelMaterial) -> EnvelopeAuthor:
    return EnvelopeAuthor(material.orderer, lambda: b"nonce", lambda: NOW_NS)


def update_of(channel: ChannelConfig, wanted: Config, *signers: Signer) -> bytes:
    envelope = unsigned_update(compute_update(CHANNEL_ID, channel.config, wanted))
    for signer in signers:
        envelope = with_signature(envelope, signer, new_nonce=lambda: bytes(24), now_ns=NOW_NS)
    return envelope.SerializeToString()


def submitted(envelope: bytes) -> Submission:
    submission = read_submission(envelope)
    assert isinstance(submission, Submission)
    return submission


def edited(channel: ChannelConfig, edit: Callable[[Config], object]) -> Config:
    copy = Config()
    copy.CopyFrom(channel.config)
    edit(copy)
    return copy


def in_force(admission: ChannelAdmission) -> State:
    return State(
        "the configuration in force is as it was",
        lambda: admission.config.config.SerializeToString(deterministic=True),
    )


def noted(outcome: Outcome, refused: Refused) -> None:
    """Note a refusal as the client of the orderer gets it."""
    outcome.saw(f"{Status.Name(refused.status)}: {refused.info}")


def test_an_authorised_update_is_ordered_as_the_configuration_that_it_leads_to(
    channel_material: ChannelMaterial, admission: ChannelAdmission
) -> None:
    before = admission.config
    sent = update_of(before, with_batch(before.config, SMALLER), channel_material.administrator)
    admitted = admission.admit(submitted(sent))
    assert isinstance(admitted, Admitted)
    assert admitted.reconfiguration is not None
    assert admitted.reconfiguration.config.batch == replace(SMALLER, timeout_s=2.0)

    envelope = Envelope.FromString(admitted.envelope)
    payload = Payload.FromString(envelope.payload)
    header = ChannelHeader.FromString(payload.header.channel_header)
    assert (header.type, header.version, header.channel_id) == (CONFIG, 0, CHANNEL_ID)
    assert not header.tx_id
    creator = SignatureHeader.FromString(payload.header.signature_header).creator
    assert creator == channel_material.orderer.identity
    signed = SignedData(creator, envelope.payload, envelope.signature)
    assert before.policies.evaluate_signed("/Channel/Orderer/Writers", [signed]).satisfied
    content = ConfigEnvelope.FromString(payload.data)
    assert content.config.sequence == 1
    assert content.last_update.SerializeToString() == sent


def test_a_configuration_update_that_the_orderer_cannot_sign_is_to_be_sent_again(
    outcome: Outcome,
    channel_material: ChannelMaterial,
) -> None:
    signer = ReluctantSigner(channel_material.orderer, refusals=1)
    author = EnvelopeAuthor(signer, lambda: b"nonce", lambda: NOW_NS)
    admission = ChannelAdmission(channel_material.config(), author)
    wanted = with_batch(admission.config.config, SMALLER)
    sent = submitted(update_of(admission.config, wanted, channel_material.administrator))
    with outcome.leaves(in_force(admission)):
        refused = admission.admit(sent)
    assert isinstance(refused, Refused)
    noted(outcome, refused)
    assert refused == Refused(Status.SERVICE_UNAVAILABLE, "the token was taken out")
    again = outcome.does("send it again", lambda: admission.admit(sent))
    assert isinstance(again, Admitted)


def _too_little(material: ChannelMaterial, channel: ChannelConfig) -> bytes:
    return update_of(channel, with_batch(channel.config, SMALLER), material.client)


def _from_a_stranger(material: ChannelMaterial, channel: ChannelConfig) -> bytes:
    wanted = with_batch(channel.config, SMALLER)
    return update_of(channel, wanted, material.administrator, material.stranger)


def _with_an_unknown_capability(material: ChannelMaterial, channel: ChannelConfig) -> bytes:
    def edit(config: Config) -> None:
        unknown = Capabilities(capabilities={"V9_9": Capability()})
        orderer = config.channel_group.groups["Orderer"]
        orderer.values["Capabilities"].value = unknown.SerializeToString()

    return update_of(channel, edited(channel, edit), material.administrator)


def _with_another_consensus(material: ChannelMaterial, channel: ChannelConfig) -> bytes:
    def edit(config: Config) -> None:
        orderer = config.channel_group.groups["Orderer"]
        orderer.values["ConsensusType"].value = ConsensusType(type="BFT").SerializeToString()

    return update_of(channel, edited(channel, edit), material.administrator)


def _with_an_unreadable_value(material: ChannelMaterial, channel: ChannelConfig) -> bytes:
    def edit(config: Config) -> None:
        config.channel_group.groups["Orderer"].values["BatchSize"].value = b"\xff"

    return update_of(channel, edited(channel, edit), material.administrator)


def _without_administrators(material: ChannelMaterial, channel: ChannelConfig) -> bytes:
    def edit(config: Config) -> None:
        group = config.channel_group.groups["Orderer"].groups["OrdererMSP"]
        definition = MSPConfig.FromString(group.values["MSP"].value)
        content = FabricMSPConfig.FromString(definition.config)
        content.fabric_node_ous.ClearField("admin_ou_identifier")
        definition.config = content.SerializeToString()
        group.values["MSP"].value = definition.SerializeToString()

    return update_of(channel, edited(channel, edit), material.administrator)


APPLYING = f"error applying config update to existing channel '{CHANNEL_ID}': "


@pytest.mark.parametrize(
    ("make", "told"),
    [
        pytest.param(
            _too_little,
            (
                Status.BAD_REQUEST,
                f"{APPLYING}error authorizing update: error validating DeltaSet: policy for "
                "[Value]  /Channel/Orderer/BatchSize not satisfied: implicit policy evaluation "
                "failed - 0 sub-policies were satisfied, but this policy requires 1 of the "
                "'Admins' sub-policies to be satisfied",
            ),
            id="§15.4 not enough signatures",
        ),
        pytest.param(
            _from_a_stranger,
            (
                Status.FORBIDDEN,
                "config update for existing channel did not pass initial checks: implicit "
                "policy evaluation failed - 0 sub-policies were satisfied, but this policy "
                "requires 1 of the 'Writers' sub-policies to be satisfied: permission denied",
            ),
            id="§7.1 sent by nobody who may write",
        ),
        pytest.param(
            _with_an_unknown_capability,
            (Status.BAD_REQUEST, "orderer capability V9_9 is unknown to this node"),
            id="§15.1 a capability that this node does not have",
        ),
        pytest.param(
            _with_another_consensus,
            (Status.BAD_REQUEST, "attempted to change consensus type from etcdraft to BFT"),
            id="another consensus",
        ),
        pytest.param(
            _with_an_unreadable_value,
            (Status.BAD_REQUEST, "malformed orderer.BatchSize"),
            id="a value that cannot be read",
        ),
        pytest.param(
            _without_administrators,
            (Status.BAD_REQUEST, "nobody could administer it"),
            id="an organisation that nobody could administer",
        ),
    ],
)
def test_a_configuration_update_that_is_not_agreed_to_or_not_usable_is_refused(
    outcome: Outcome,
    channel_material: ChannelMaterial,
    admission: ChannelAdmission,
    make: Callable[[ChannelMaterial, ChannelConfig], bytes],
    told: tuple[int, str],
) -> None:
    status, info = told
    with outcome.leaves(in_force(admission)):
        refused = admission.admit(submitted(make(channel_material, admission.config)))
    assert isinstance(refused, Refused)
    noted(outcome, refused)
    assert refused.status == status
    assert info in refused.info


def test_a_configuration_too_large_for_a_block_is_refused(
    outcome: Outcome,
    channel_material: ChannelMaterial,
) -> None:
    """§7.1: the update fits, what comes of it does not."""
    tight = channel_material.config(
        BatchParameters(absolute_max_bytes=4_000, preferred_max_bytes=2_000)
    )
    admission = ChannelAdmission(tight, author(channel_material))
    sent = update_of(tight, with_batch(tight.config, SMALLER), channel_material.administrator)
    with outcome.leaves(in_force(admission)):
        refused = admission.admit(submitted(sent))
    assert isinstance(refused, Refused)
    noted(outcome, refused)
    assert refused.status == Status.BAD_REQUEST
    assert refused.info.startswith(
        "config update for existing channel did not pass final checks: message payload is "
    )


def test_a_configuration_update_that_another_one_overtook_is_refused(
    outcome: Outcome, channel_material: ChannelMaterial, admission: ChannelAdmission
) -> None:
    wanted = with_batch(admission.config.config, SMALLER)
    sent = update_of(admission.config, wanted, channel_material.administrator)
    first, second = (admission.admit(submitted(sent)) for _ in range(2))
    assert isinstance(first, Admitted)
    assert isinstance(second, Admitted)
    assert first.reconfiguration is not None
    admission.adopt(first.reconfiguration.config)
    with outcome.leaves(in_force(admission)):
        refused = admission.admit_again(second)
    assert isinstance(refused, Refused)
    noted(outcome, refused)
    assert refused.info == (
        f"{APPLYING}error authorizing update: error validating DeltaSet: attempt to set key "
        "[Value]  /Channel/Orderer/BatchSize to version 1, but key is at version 1"
    )


def test_a_transaction_of_a_member_removed_meanwhile_is_refused(
    outcome: Outcome, channel_material: ChannelMaterial, admission: ChannelAdmission
) -> None:
    outcome.fault = "a transaction waits to be ordered while its member is removed from the channel"
    waiting = admission.admit(submitted(channel_material.envelope()))
    assert isinstance(waiting, Admitted)

    def remove(config: Config) -> None:
        del config.channel_group.groups["Application"]
        config.sequence += 1

    without = edited(admission.config, remove)
    admission.adopt(ChannelConfig.from_config(CHANNEL_ID, without))
    with outcome.leaves(in_force(admission)):
        refused = admission.admit_again(waiting)
    assert isinstance(refused, Refused)
    noted(outcome, refused)
    assert refused.status == Status.FORBIDDEN


def test_a_configuration_that_nobody_can_change_again_is_adopted_with_a_warning(
    channel_material: ChannelMaterial, caplog: pytest.LogCaptureFixture
) -> None:
    current = channel_material.config()
    wanted = Config.FromString(current.config.SerializeToString())
    wanted.sequence += 1
    del wanted.channel_group.groups["Orderer"].policies["Admins"]
    following = ChannelConfig.from_config(CHANNEL_ID, wanted)
    ChannelAdmission(current, author(channel_material)).adopt(following)
    of_both, of_orderers = caplog.messages
    assert "securities: since this configuration policy /Channel/Admins asks for more" in of_both
    assert of_orderers.startswith(
        "securities: since this configuration there is no policy /Channel/Orderer/Admins: nobody"
    )
