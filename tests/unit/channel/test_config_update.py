"""Computing, signing and authorising updates of a configuration: wire.md §8.1, §15.4."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.channel.conftest import Consortium

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import (
    with_batch,
    with_organization,
    with_revocation_list,
)
from tallystick.node.channel.config_signing import unsigned_update, update_in, with_signature
from tallystick.node.channel.config_update import (
    RefusedUpdate,
    authorize,
    check_succession,
    verify_delivered,
)
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import build_genesis_block
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.common_pb2 import CONFIG, ChannelHeader, Envelope, Header, Payload
from tallystick.protos.common.configtx_pb2 import (
    Config,
    ConfigEnvelope,
    ConfigGroup,
    ConfigUpdate,
    ConfigValue,
)

CHANNEL_ID = "securities"
NEWCOMER = "BrokerMSP"
MAJORITY = ("AtsMSP", "ClearingMSP")
Edit = Callable[[Config], Config]


@pytest.fixture(scope="session")
def channel(consortium: Consortium) -> ChannelConfig:
    """Return a channel of three organisations, which a fourth may join."""
    founders = tuple(one for one in consortium.application if one.msp_id != NEWCOMER)
    profile = replace(consortium.profile, application=founders)
    return ChannelConfig.from_block(build_genesis_block(profile, nonce=bytes(24), timestamp_ns=0))


def admin(consortium: Consortium, msp_id: str) -> SigningIdentity:
    directory = consortium.directory / msp_id / "users" / "Admin" / "msp"
    return SigningIdentity.from_directory(directory, msp_id)


def signed(consortium: Consortium, update: ConfigUpdate, *msp_ids: str) -> Envelope:
    """Return ``update``, signed by the administrators of these organisations one after another."""
    nonces = count()
    envelope = unsigned_update(update)
    for msp_id in msp_ids:
        envelope = with_signature(
            envelope,
            admin(consortium, msp_id),
            new_nonce=lambda: next(nonces).to_bytes(24, "big"),
            now_ns=0,
        )
    return envelope


def changed(config: Config, edit: Callable[[ConfigGroup], object]) -> Config:
    """Return ``config`` after ``edit`` of its tree."""
    copy = Config()
    copy.CopyFrom(config)
    edit(copy.channel_group)
    return copy


def unchanged(channel: ChannelConfig) -> State:
    return State(
        "the configuration is as it was",
        lambda: channel.config.SerializeToString(deterministic=True),
    )


def set_batch_count(config: Config, count: int = 7) -> Config:
    return with_batch(config, BatchParameters(max_message_count=count))


def test_a_new_organisation_needs_the_majority_of_administrators(
    outcome: Outcome, consortium: Consortium, channel: ChannelConfig
) -> None:
    outcome.fault = "too few administrators sign for a new organisation"
    newcomer = next(one for one in consortium.application if one.msp_id == NEWCOMER)
    wanted = with_organization(CHANNEL_ID, channel.config, newcomer)
    update = compute_update(CHANNEL_ID, channel.config, wanted)
    result = authorize(channel, signed(consortium, update, *MAJORITY))
    assert isinstance(result, Config)
    following = ChannelConfig.from_config(CHANNEL_ID, result)
    assert following.sequence == 1
    assert NEWCOMER in following.application_msp_ids
    groups = result.channel_group.groups
    assert groups["Application"].version == 1
    assert groups["Orderer"].version == groups["Application"].groups["AtsMSP"].version == 0

    with outcome.leaves(unchanged(channel)):
        refused = authorize(channel, signed(consortium, update, "AtsMSP"))
    assert isinstance(refused, RefusedUpdate)
    outcome.saw(refused.reason)
    assert refused == RefusedUpdate(
        "error authorizing update: error validating DeltaSet: policy for [Group]  "
        "/Channel/Application not satisfied: implicit policy evaluation failed - 1 sub-policies "
        "were satisfied, but this policy requires 2 of the 'Admins' sub-policies to be satisfied"
    )


def test_one_administrator_who_signs_twice_counts_once(
    outcome: Outcome, consortium: Consortium, channel: ChannelConfig
) -> None:
    outcome.fault = "an administrator signs an update twice where two must sign"
    newcomer = next(one for one in consortium.application if one.msp_id == NEWCOMER)
    update = compute_update(
        CHANNEL_ID, channel.config, with_organization(CHANNEL_ID, channel.config, newcomer)
    )
    with outcome.leaves(unchanged(channel)):
        result = authorize(channel, signed(consortium, update, "AtsMSP", "AtsMSP"))
    assert isinstance(result, RefusedUpdate)
    outcome.saw(result.reason)
    assert "1 sub-policies were satisfied" in result.reason


def test_a_signature_over_another_update_does_not_count(
    outcome: Outcome, consortium: Consortium, channel: ChannelConfig
) -> None:
    outcome.fault = "an update has a signature that was made over another one"
    one, other = (
        compute_update(CHANNEL_ID, channel.config, set_batch_count(channel.config, number))
        for number in (7, 8)
    )
    envelope = signed(consortium, one, "OrdererMSP")
    content = update_in(envelope)
    content.config_update = other.SerializeToString(deterministic=True)
    payload = Payload.FromString(envelope.payload)
    payload.data = content.SerializeToString()
    with outcome.leaves(unchanged(channel)):
        result = authorize(channel, Envelope(payload=payload.SerializeToString()))
    assert isinstance(result, RefusedUpdate)
    outcome.saw(result.reason)
    assert "policy for [Value]  /Channel/Orderer/BatchSize not satisfied" in result.reason


def _remove_organization(root: ConfigGroup) -> None:
    del root.groups["Application"].groups["TransferMSP"]


def _change_policy(root: ConfigGroup) -> None:
    root.groups["Application"].policies["Endorsement"].policy.type = 1


def _change_mod_policy(root: ConfigGroup) -> None:
    root.groups["Application"].mod_policy = "/Channel/Orderer/Admins"


def _add_value_deep_below(root: ConfigGroup) -> None:
    organization = root.groups["Application"].groups["AtsMSP"]
    organization.values["New"].CopyFrom(ConfigValue(value=b"v", mod_policy="Admins"))


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(_remove_organization, id="a group goes"),
        pytest.param(_change_policy, id="a policy changes"),
        pytest.param(_change_mod_policy, id="only the policy for changes of a group changes"),
        pytest.param(_add_value_deep_below, id="a value comes, three groups down"),
        pytest.param(lambda root: root.values.pop("HashingAlgorithm"), id="a value of the root"),
    ],
)
def test_the_computed_update_leads_to_what_was_wanted(
    consortium: Consortium, channel: ChannelConfig, edit: Callable[[ConfigGroup], object]
) -> None:
    wanted = changed(channel.config, edit)
    update = compute_update(CHANNEL_ID, channel.config, wanted)
    everybody = (*MAJORITY, "TransferMSP", "OrdererMSP")
    result = authorize(channel, signed(consortium, update, *everybody))
    assert isinstance(result, Config), result
    with_versions_of_nothing = (_unversioned(result), _unversioned(wanted))
    assert with_versions_of_nothing[0] == with_versions_of_nothing[1]


def _unversioned(config: Config) -> ConfigGroup:
    def clear(group: ConfigGroup) -> None:
        group.version = 0
        for value in group.values.values():
            value.version = 0
        for policy in group.policies.values():
            policy.version = 0
        for child in group.groups.values():
            clear(child)

    return changed(config, clear).channel_group


def test_an_update_names_only_what_changes_and_the_groups_on_the_way(
    channel: ChannelConfig,
) -> None:
    """As configtxlator computes it."""
    update = compute_update(CHANNEL_ID, channel.config, set_batch_count(channel.config))
    assert update.channel_id == CHANNEL_ID
    assert update.read_set == ConfigGroup(groups={"Orderer": ConfigGroup()})
    orderer = update.write_set.groups["Orderer"]
    assert (update.write_set.version, orderer.version) == (0, 0)
    assert {name: value.version for name, value in orderer.values.items()} == {"BatchSize": 1}


def test_without_a_difference_there_is_no_update(channel: ChannelConfig) -> None:
    with pytest.raises(ChannelConfigError, match="no differences detected"):
        compute_update(CHANNEL_ID, channel.config, channel.config)


def _update(read: ConfigGroup, write: ConfigGroup, channel_id: str = CHANNEL_ID) -> ConfigUpdate:
    return ConfigUpdate(channel_id=channel_id, read_set=read, write_set=write)


def _value(name: str, version: int, mod_policy: str = "Admins") -> ConfigGroup:
    value = ConfigValue(version=version, value=b"v", mod_policy=mod_policy)
    return ConfigGroup(values={name: value})


ROOT = ConfigGroup()


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        pytest.param(
            _update(ConfigGroup(version=3), ROOT),
            "error validating ReadSet: proposed update requires that key [Group]  /Channel be at "
            "version 3, but it is currently at version 0",
            id="a version that is not there",
        ),
        pytest.param(
            _update(_value("Absent", 0), ROOT),
            "error validating ReadSet: existing config does not contain element for "
            "[Value]  /Channel/Absent but was in the read set",
            id="an element that is not there",
        ),
        pytest.param(
            _update(ROOT, ROOT),
            "error validating DeltaSet: delta set was empty -- update would have no effect",
            id="an empty delta",
        ),
        pytest.param(
            _update(ROOT, _value("HashingAlgorithm", 2)),
            "error validating DeltaSet: attempt to set key [Value]  /Channel/HashingAlgorithm to "
            "version 2, but key is at version 0",
            id="a version left out",
        ),
        pytest.param(
            _update(ROOT, _value("New", 1)),
            "error validating DeltaSet: attempted to set key [Value]  /Channel/New to version 1, "
            "but key does not exist",
            id="a new element with a past",
        ),
        pytest.param(
            _update(ROOT, _value("New", 0, mod_policy="")),
            "error validating DeltaSet: invalid mod_policy for element [Value]  /Channel/New: "
            "mod_policy not set",
            id="an element that nobody could ever change",
        ),
        pytest.param(
            _update(ROOT, _value("New", 0, mod_policy="/Channel/Who?")),
            "error validating DeltaSet: invalid mod_policy for element [Value]  /Channel/New: "
            "path element at 1 is invalid: config ID 'Who?' contains illegal characters",
            id="a path that cannot be",
        ),
        pytest.param(
            _update(ROOT, _value("n e w", 0)),
            "illegal characters in key: [Value]  /Channel/n e w: "
            "config ID 'n e w' contains illegal characters",
            id="a name that cannot be",
        ),
        pytest.param(
            _update(ROOT, ROOT, channel_id="bonds"),
            "ConfigUpdate for channel 'bonds' but envelope for channel 'securities'",
            id="another channel",
        ),
    ],
)
def test_a_configuration_update_that_breaks_a_rule_is_refused(
    outcome: Outcome,
    consortium: Consortium,
    channel: ChannelConfig,
    update: ConfigUpdate,
    reason: str,
) -> None:
    with outcome.leaves(unchanged(channel)):
        result = authorize(channel, signed(consortium, update, *MAJORITY, "OrdererMSP"))
    assert isinstance(result, RefusedUpdate)
    assert result.reason == f"error authorizing update: {reason}"
    outcome.saw(result.reason)


def test_a_configuration_update_of_an_element_whose_policy_is_missing_is_refused(
    consortium: Consortium, channel: ChannelConfig
) -> None:
    def orphan(root: ConfigGroup) -> None:
        root.values["HashingAlgorithm"].mod_policy = "Nobody"

    odd = ChannelConfig.from_config(CHANNEL_ID, changed(channel.config, orphan))
    update = _update(ROOT, _value("HashingAlgorithm", 1))
    assert authorize(odd, signed(consortium, update, *MAJORITY)) == RefusedUpdate(
        "error authorizing update: error validating DeltaSet: unexpected missing policy Nobody for "
        "item [Value]  /Channel/HashingAlgorithm"
    )


def test_an_element_that_had_no_policy_gets_one_with_the_first_update(
    consortium: Consortium, channel: ChannelConfig
) -> None:
    def forget(root: ConfigGroup) -> None:
        root.values["HashingAlgorithm"].mod_policy = ""

    old = ChannelConfig.from_config(CHANNEL_ID, changed(channel.config, forget))
    update = compute_update(CHANNEL_ID, old.config, set_batch_count(old.config))
    result = authorize(old, signed(consortium, update, "OrdererMSP"))
    assert isinstance(result, Config)
    assert result.channel_group.values["HashingAlgorithm"].mod_policy == "Admins"


def test_a_configuration_update_made_for_an_older_configuration_is_refused(
    outcome: Outcome, consortium: Consortium, channel: ChannelConfig
) -> None:
    update = compute_update(CHANNEL_ID, channel.config, set_batch_count(channel.config))
    envelope = signed(consortium, update, "OrdererMSP")
    result = authorize(channel, envelope)
    assert isinstance(result, Config)
    updated = ChannelConfig.from_config(CHANNEL_ID, result)
    with outcome.leaves(unchanged(updated)):
        again = authorize(updated, envelope)
    assert isinstance(again, RefusedUpdate)
    outcome.saw(again.reason)
    assert again == RefusedUpdate(
        "error authorizing update: error validating DeltaSet: attempt to set key "
        "[Value]  /Channel/Orderer/BatchSize to version 1, but key is at version 1"
    )


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(Envelope(payload=b"\xff"), id="garbage"),
        pytest.param(
            Envelope(
                payload=Payload(
                    header=Header(channel_header=ChannelHeader(type=CONFIG).SerializeToString())
                ).SerializeToString()
            ),
            id="another type",
        ),
    ],
)
def test_what_is_no_configuration_update_is_refused(
    outcome: Outcome, channel: ChannelConfig, envelope: Envelope
) -> None:
    with outcome.leaves(unchanged(channel)):
        result = authorize(channel, envelope)
    assert isinstance(result, RefusedUpdate)
    outcome.saw(result.reason)
    assert result.reason.startswith("error converting envelope to config update: ")


def _with_sequence_2(delivered: ConfigEnvelope) -> None:
    delivered.config.sequence = 2


def _with_more_than_was_agreed(delivered: ConfigEnvelope) -> None:
    delivered.config.channel_group.groups["Application"].policies["Readers"].policy.type = 1


def _without_the_update(delivered: ConfigEnvelope) -> None:
    delivered.ClearField("last_update")


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        pytest.param(lambda _: None, "", id="what was agreed"),
        pytest.param(
            _with_sequence_2,
            "config currently at sequence 0, cannot validate config at sequence 2",
            id="another sequence",
        ),
        pytest.param(
            _with_more_than_was_agreed,
            "ConfigEnvelope LastUpdate did not produce the supplied config result",
            id="more than was agreed",
        ),
        pytest.param(_without_the_update, "error converting envelope", id="without the update"),
    ],
)
def test_a_delivered_configuration_must_be_what_its_update_leads_to(
    consortium: Consortium,
    channel: ChannelConfig,
    forge: Callable[[ConfigEnvelope], None],
    problem: str,
) -> None:
    update = compute_update(CHANNEL_ID, channel.config, set_batch_count(channel.config))
    envelope = signed(consortium, update, "OrdererMSP")
    result = authorize(channel, envelope)
    assert isinstance(result, Config)
    delivered = ConfigEnvelope(config=result, last_update=envelope)
    forge(delivered)
    found = verify_delivered(channel, delivered)
    assert found.startswith(problem) if problem else not found


def _rename_msp(root: ConfigGroup) -> None:
    groups = root.groups["Application"].groups
    groups["AtsMSP"].CopyFrom(groups["ClearingMSP"])


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        pytest.param(lambda _: None, "", id="nothing odd"),
        pytest.param(
            lambda root: root.groups.pop("Application"),
            "current config has application section, but new config does not",
            id="without applications",
        ),
        pytest.param(
            _rename_msp,
            "application org AtsMSP attempted to change MSP ID from AtsMSP to ClearingMSP",
            id="another organisation under a known name",
        ),
    ],
)
def test_not_every_usable_configuration_can_come_next(
    channel: ChannelConfig, edit: Callable[[ConfigGroup], object], problem: str
) -> None:
    following = ChannelConfig.from_config(CHANNEL_ID, changed(channel.config, edit))
    assert check_succession(channel, following) == problem


def test_an_organisation_cannot_be_added_twice(
    outcome: Outcome, consortium: Consortium, channel: ChannelConfig
) -> None:
    known = consortium.application[0]
    with outcome.refuses(
        ChannelConfigError, leaves=unchanged(channel), match="on the channel already"
    ):
        with_organization(CHANNEL_ID, channel.config, known)


def test_only_members_have_certificates_to_revoke(outcome: Outcome, channel: ChannelConfig) -> None:
    outcome.fault = "a certificate is to be revoked whose organisation is no member"
    with outcome.refuses(
        ChannelConfigError, leaves=unchanged(channel), match="no MSP 'StrangerMSP'"
    ):
        with_revocation_list(CHANNEL_ID, channel.config, "StrangerMSP", b"")


def test_only_a_configuration_update_can_be_signed(consortium: Consortium) -> None:
    header = ChannelHeader(type=CONFIG, channel_id=CHANNEL_ID).SerializeToString()
    payload = Payload(header=Header(channel_header=header)).SerializeToString()
    with pytest.raises(ChannelConfigError, match="no configuration update"):
        with_signature(
            Envelope(payload=payload),
            admin(consortium, "AtsMSP"),
            new_nonce=lambda: bytes(24),
            now_ns=0,
        )


def test_deleting_the_policy_of_administrators_is_valid_and_final_as_on_fabric(
    channel: ChannelConfig, consortium: Consortium
) -> None:
    def delete(root: ConfigGroup) -> None:
        del root.groups["Orderer"].policies["Admins"]

    update = compute_update(CHANNEL_ID, channel.config, changed(channel.config, delete))
    config = authorize(channel, signed(consortium, update, "OrdererMSP"))
    assert isinstance(config, Config)
    following = ChannelConfig.from_config(CHANNEL_ID, config)
    assert check_succession(channel, following) == ""

    back = compute_update(CHANNEL_ID, following.config, channel.config)
    everybody = ("OrdererMSP", *(each.msp_id for each in channel.application))
    refused = authorize(following, signed(consortium, back, *everybody))
    assert isinstance(refused, RefusedUpdate)
    assert "unexpected missing policy Admins" in refused.reason


def test_a_member_that_deleted_its_policy_of_administrators_can_be_removed_and_admitted_anew(
    channel: ChannelConfig, consortium: Consortium
) -> None:
    (member,) = {*channel.application_msp_ids} - {*MAJORITY}

    def delete_policy(root: ConfigGroup) -> None:
        del root.groups["Application"].groups[member].policies["Admins"]

    def delete_member(root: ConfigGroup) -> None:
        del root.groups["Application"].groups[member]

    current = channel
    steps = (
        (changed(channel.config, delete_policy), (member,)),
        (changed(channel.config, delete_member), MAJORITY),
        (channel.config, MAJORITY),
    )
    for wanted, signers in steps:
        update = compute_update(CHANNEL_ID, current.config, wanted)
        config = authorize(current, signed(consortium, update, *signers))
        assert isinstance(config, Config), config
        current = ChannelConfig.from_config(CHANNEL_ID, config)

    assert "Admins" in current.config.channel_group.groups["Application"].groups[member].policies
