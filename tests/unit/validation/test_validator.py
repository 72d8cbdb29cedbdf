"""Whole blocks: repeated ids, conflicts, configurations, and the shape of the outcome."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.ledger.range_query import RecordedRange
from tallystick.node.ledger.state import UpdateBatch, VersionedValue, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.validation.validator import UnacceptableConfigError, Validator
from tallystick.protos.common.configtx_pb2 import Config, ConfigEnvelope
from tallystick.protos.common.configuration_pb2 import Capabilities, Capability
from tallystick.protos.orderer.configuration_pb2 import BatchSize
from tallystick.protos.peer.transaction_pb2 import (
    DUPLICATE_TXID,
    ENDORSEMENT_POLICY_FAILURE,
    INVALID_OTHER_REASON,
    MVCC_READ_CONFLICT,
    PHANTOM_READ_CONFLICT,
    VALID,
)
from tallystick.wire.txid import transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.validation.conftest import Setting

    from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
    from tallystick.node.membership.identity import Identity

CC = "token"
COMMITTED = Version(1, 0)


def put(key: str) -> Callable[[ReadWriteSetBuilder], None]:
    return lambda builder: builder.add_write(CC, key, b"new")


def delete(key: str) -> Callable[[ReadWriteSetBuilder], None]:
    return lambda builder: builder.add_write(CC, key, b"")


def read(key: str, version: Version | None) -> Callable[[ReadWriteSetBuilder], None]:
    return lambda builder: builder.add_read(CC, key, version)


def read_private(key: str, version: Version | None) -> Callable[[ReadWriteSetBuilder], None]:
    return lambda builder: builder.add_private_read(CC, "coll", key, version)


def scan(*keys: str, exhausted: bool = True) -> Callable[[ReadWriteSetBuilder], None]:
    """Return a range query from ``k`` that saw these keys."""

    def build(builder: ReadWriteSetBuilder) -> None:
        recorded = RecordedRange("k", "l")
        for key in keys:
            recorded.saw(key, COMMITTED)
        if exhausted:
            recorded.ran_dry()
        builder.add_range(CC, recorded)

    return build


def updates_of(namespace: str, *, is_hashed: bool = False) -> UpdateBatch:
    updates = UpdateBatch()
    if is_hashed:
        updates.put_hash(namespace, "coll", b"key", b"value", Version(2, 0))
    else:
        updates.put(namespace, "key", b"value", Version(2, 0))
    return updates


@pytest.fixture
def stocked(setting: Setting) -> Setting:
    setting.ledger.put("k1")
    setting.ledger.put("k2")
    setting.ledger.put_hash("coll", "p1")
    return setting


CONFLICTS = [
    ("nothing changed", [read("k1", COMMITTED)], [VALID]),
    ("absent stays absent", [read("k9", None)], [VALID]),
    ("rewritten since", [read("k1", Version(0, 0))], [MVCC_READ_CONFLICT]),
    ("deleted since", [read("k9", COMMITTED)], [MVCC_READ_CONFLICT]),
    ("created since", [read("k1", None)], [MVCC_READ_CONFLICT]),
    ("written in the block", [put("k1"), read("k1", COMMITTED)], [VALID, MVCC_READ_CONFLICT]),
    ("created in the block", [put("k9"), read("k9", None)], [VALID, MVCC_READ_CONFLICT]),
    ("deleted in the block", [delete("k1"), read("k1", COMMITTED)], [VALID, MVCC_READ_CONFLICT]),
    ("absent, deleted in the block", [delete("k9"), read("k9", None)], [VALID, MVCC_READ_CONFLICT]),
    ("written later in the block", [read("k1", COMMITTED), put("k1")], [VALID, VALID]),
    ("blind writes", [put("k1"), put("k1")], [VALID, VALID]),
    ("range unchanged", [scan("k1", "k2")], [VALID]),
    ("range grew", [scan("k1")], [PHANTOM_READ_CONFLICT]),
    ("range shrank", [scan("k1", "k2", "k3")], [PHANTOM_READ_CONFLICT]),
    ("range was empty", [scan()], [PHANTOM_READ_CONFLICT]),
    ("range left at its last key", [scan("k1", exhausted=False)], [VALID]),
    ("range includes its last key", [delete("k1"), scan("k1", exhausted=False)], [VALID, 12]),
    ("phantom in the block", [put("k9"), scan("k1", "k2")], [VALID, PHANTOM_READ_CONFLICT]),
    ("row deleted in the block", [delete("k2"), scan("k1", "k2")], [VALID, 12]),
    ("row rewritten in the block", [put("k2"), scan("k1", "k2")], [VALID, 12]),
    ("outside the range", [put("m"), scan("k1", "k2")], [VALID, VALID]),
    ("absent deleted in the range", [delete("k3"), scan("k1", "k2")], [VALID, VALID]),
    ("private unchanged", [read_private("p1", COMMITTED)], [VALID]),
    ("private stale", [read_private("p1", None)], [MVCC_READ_CONFLICT]),
]


@pytest.mark.parametrize(
    ("builds", "codes"),
    [pytest.param(builds, codes, id=f"§12, MVCC, {name}") for name, builds, codes in CONFLICTS],
)
async def test_a_transaction_conflicts_if_what_it_read_has_changed(
    stocked: Setting, builds: list[Callable[[ReadWriteSetBuilder], None]], codes: list[int]
) -> None:
    assert await stocked.codes(*[stocked.draft(build) for build in builds]) == codes


async def test_a_private_key_written_in_the_block_conflicts(stocked: Setting) -> None:
    stocked.definitions.define("cash", "OR('OneMSP.peer')")

    def write(builder: ReadWriteSetBuilder) -> None:
        builder.add_private_write(CC, "_implicit_org_OneMSP", "p", b"1")

    def read_it(builder: ReadWriteSetBuilder) -> None:
        builder.add_private_read(CC, "_implicit_org_OneMSP", "p", None)

    codes = await stocked.codes(stocked.draft(write), stocked.draft(read_it))
    assert codes == [VALID, MVCC_READ_CONFLICT], "§12, MVCC"


async def test_reads_are_checked_before_ranges_and_namespaces_in_order(stocked: Setting) -> None:
    def both(builder: ReadWriteSetBuilder) -> None:
        scan("k1")(builder)
        read("k1", None)(builder)

    def range_in_the_first_namespace(builder: ReadWriteSetBuilder) -> None:
        scan("k1")(builder)
        builder.add_read("zebra", "k", COMMITTED)

    codes = await stocked.codes(stocked.draft(both), stocked.draft(range_in_the_first_namespace))
    assert codes == [MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT], "§12, MVCC"


async def test_an_invalid_transactions_writes_do_not_count(stocked: Setting) -> None:
    def stale(builder: ReadWriteSetBuilder) -> None:
        read("k1", None)(builder)
        put("k2")(builder)

    codes = await stocked.codes(
        stocked.draft(stale),
        stocked.draft(put("k2"), endorsers=(1,)),
        stocked.draft(read("k2", COMMITTED)),
    )
    assert codes == [MVCC_READ_CONFLICT, ENDORSEMENT_POLICY_FAILURE, VALID], "§12, MVCC"


async def test_an_envelope_ordered_twice_is_valid_once(setting: Setting) -> None:
    envelope = setting.draft(put("k")).envelope()
    assert await setting.codes(envelope, envelope) == [VALID, DUPLICATE_TXID], "§12"


async def test_only_an_earlier_transaction_that_is_valid_so_far_makes_a_duplicate(
    setting: Setting,
) -> None:
    draft = setting.draft(put("k"), endorsers=(1,))
    unendorsed = draft.envelope()
    draft.endorsers = [setting.network.peer(1), setting.network.peer(2)]
    codes = await setting.codes(unendorsed, draft.envelope())
    assert codes == [ENDORSEMENT_POLICY_FAILURE, VALID], "§12"


async def test_a_conflict_does_not_make_room_for_a_duplicate(setting: Setting) -> None:
    envelope = setting.draft(read("k", COMMITTED)).envelope()
    codes = await setting.codes(envelope, envelope)
    assert codes == [MVCC_READ_CONFLICT, DUPLICATE_TXID], "§12, duplicates come before conflicts"


async def test_an_id_on_the_ledger_is_a_duplicate(setting: Setting) -> None:
    draft = setting.draft(put("k"))
    setting.ledger.known.add(draft.header.tx_id)
    assert await setting.codes(draft) == [DUPLICATE_TXID], "§12"


@pytest.mark.parametrize(
    ("is_on_the_ledger", "where"),
    [(True, "the ledger has a"), (False, "this block has an earlier one")],
)
async def test_of_a_duplicate_it_is_told_that_the_first_one_counts(
    setting: Setting, where: str, *, is_on_the_ledger: bool
) -> None:
    """Whoever proposes anew what has taken effect already lets it happen twice."""
    draft = setting.draft(put("k"))
    envelope = draft.envelope()
    if is_on_the_ledger:
        setting.ledger.known.add(draft.header.tx_id)
    validated = await setting.validator.validate(setting.block(envelope, envelope))
    reason = validated.rejections[1].reason
    assert reason.startswith(where)
    assert "ask for the verdict on that one, which counts, before you propose" in reason


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(builds[:-1], builds[-1], id=name)
        for name, builds, _ in CONFLICTS
        if len(builds) > 1
    ],
)
async def test_an_accepted_block_counts_as_if_it_were_committed(
    stocked: Setting,
    earlier: list[Callable[[ReadWriteSetBuilder], None]],
    later: Callable[[ReadWriteSetBuilder], None],
) -> None:
    accepted = await stocked.validator.validate(
        stocked.block(*[stocked.draft(build) for build in earlier])
    )
    stocked.validator.accepted(accepted)
    following = stocked.block(stocked.draft(later))
    following.header.number += 1
    early = await stocked.validator.validate(following)
    stocked.ledger.store.write(state_entries(accepted.updates))
    anew = Validator(lambda: stocked.channel, stocked.definitions, stocked.checker, stocked.ledger)
    late = await anew.validate(following)
    assert (early.codes, early.updates.public) == (late.codes, late.updates.public)


async def test_an_id_in_an_accepted_block_is_a_duplicate(setting: Setting) -> None:
    envelope = setting.draft(put("k")).envelope()
    setting.validator.accepted(await setting.validator.validate(setting.block(envelope)))
    following = setting.block(envelope)
    following.header.number += 1
    assert (await setting.validator.validate(following)).codes == bytes((DUPLICATE_TXID,)), "§12"


@pytest.mark.parametrize(
    ("changes", "governs_next"),
    [
        pytest.param(UpdateBatch(), False, id="nothing"),
        pytest.param(updates_of(CC), False, id="a public key"),
        pytest.param(updates_of("_lifecycle"), True, id="what chaincodes are defined"),
        pytest.param(updates_of(CC, is_hashed=True), True, id="a private key"),
    ],
)
async def test_what_a_block_changes_says_whether_the_next_must_wait_for_it(
    setting: Setting, changes: UpdateBatch, *, governs_next: bool
) -> None:
    validated = await setting.validator.validate(setting.block(b"\xff"))
    assert replace(validated, updates=changes).governs_next == governs_next


async def test_every_code_is_one_byte(setting: Setting) -> None:
    validated = await setting.validator.validate(setting.block(setting.draft(), b"\xff"))
    assert validated.codes == bytes((VALID, INVALID_OTHER_REASON)), "§19 item 19"
    assert len(validated.codes) == 2


async def test_the_outcome_names_ids_changes_and_reasons(stocked: Setting) -> None:
    drafts = [stocked.draft(put("k1")), stocked.draft(read("k1", None))]
    validated = await stocked.validator.validate(stocked.block(*drafts, b"\xff"))
    assert validated.transaction_ids == (*[draft.header.tx_id for draft in drafts], "")
    assert validated.updates.get(CC, "k1") == VersionedValue(b"new", Version(2, 0))
    assert [one is not None for one in validated.transactions] == [True, False, False]
    assert list(validated.rejections) == [1, 2]
    assert drafts[1].header.tx_id in str(validated.rejections[1])
    assert validated.config is None


async def test_other_tasks_run_while_a_large_block_is_validated(setting: Setting) -> None:
    block = setting.block(*[setting.draft(put(f"k{index}")) for index in range(32)])
    turns = 0
    async with asyncio.TaskGroup() as group:
        validation = group.create_task(setting.validator.validate(block))
        while not validation.done():
            await asyncio.sleep(0)
            turns += 1
    assert set(validation.result().codes) == {VALID}
    assert turns >= 2 * 32 / 8


class CountingChecker(SignatureChecker):
    """Counts how often a signature is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def good(self, identity: Identity, message: bytes, signature: bytes) -> bool:
        self.count += 1
        return super().good(identity, message, signature)


async def test_each_signature_is_verified_once_however_many_policies_apply(
    stocked: Setting,
) -> None:
    stocked.definitions.define("cash", "OR('TwoMSP.peer')")

    def write(builder: ReadWriteSetBuilder) -> None:
        put("k1")(builder)
        builder.add_write("cash", "k", b"1")
        builder.add_private_write(CC, "_implicit_org_OneMSP", "p", b"1")

    checker = CountingChecker()
    validator = Validator(lambda: stocked.channel, stocked.definitions, checker, stocked.ledger)
    validated = await validator.validate(stocked.block(stocked.draft(write)))
    assert validated.codes == bytes((VALID,))
    assert checker.count == 1 + 2, "the creator and two endorsers"


async def test_the_first_block_is_valid_as_it_is(setting: Setting) -> None:
    validated = await setting.validator.validate(setting.network.genesis)
    assert validated.codes == bytes((VALID,))
    assert validated.transaction_ids == (transaction_id(bytes(24), b""),), "§15.3"
    assert validated.config == setting.channel.config
    assert validated.updates.update_bytes() == UpdateBatch().update_bytes()


async def test_the_next_configuration_is_handed_on(setting: Setting) -> None:
    block = setting.block(setting.network.config_draft())
    validated = await setting.validator.validate(block)
    assert validated.codes == bytes((VALID,))
    assert validated.config is not None
    assert validated.config.sequence == 1, "§15.2"
    assert validated.updates.update_bytes() == b"", "§11"


def _with_sequence(sequence: int) -> Callable[[ConfigEnvelope], None]:
    def edit(delivered: ConfigEnvelope) -> None:
        delivered.config.sequence = sequence

    return edit


def _with_another_batch_size(delivered: ConfigEnvelope) -> None:
    values = delivered.config.channel_group.groups["Orderer"].values
    values["BatchSize"].value = BatchSize(max_message_count=8).SerializeToString()


def in_force(setting: Setting) -> State:
    return State(
        "the configuration in force is as it was",
        lambda: setting.channel.config.SerializeToString(deterministic=True),
    )


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        pytest.param(
            _with_sequence(0),
            "was not agreed to: config currently at sequence 0, cannot validate config at "
            "sequence 0",
            id="§12, the same again",
        ),
        pytest.param(
            _with_sequence(2),
            "was not agreed to: config currently at sequence 0, cannot validate config at "
            "sequence 2",
            id="§12, one left out",
        ),
        pytest.param(
            _with_another_batch_size,
            "was not agreed to: ConfigEnvelope LastUpdate did not produce the supplied config "
            "result",
            id="§15.4, not what the administrators signed",
        ),
        pytest.param(
            lambda delivered: delivered.last_update.Clear(),
            "was not agreed to: error converting envelope",
            id="§15.4, nothing that anybody signed",
        ),
    ],
)
async def test_a_configuration_that_cannot_come_next_stops_the_channel(
    outcome: Outcome, setting: Setting, edit: Callable[[ConfigEnvelope], None], problem: str
) -> None:
    draft = setting.network.config_draft(edit)
    with outcome.refuses(UnacceptableConfigError, leaves=in_force(setting)) as caught:
        await setting.codes(draft)
    assert caught.value.block_number == 2
    assert caught.value.problem.startswith(problem)


async def test_a_configuration_that_cannot_be_read_stops_the_channel(
    outcome: Outcome, setting: Setting
) -> None:
    draft = setting.network.config_draft()
    draft.data = b"\xff"
    with outcome.refuses(UnacceptableConfigError, leaves=in_force(setting), match="cannot be used"):
        await setting.codes(draft)


@pytest.mark.parametrize("area", ["channel", "orderer", "application"])
async def test_a_configuration_that_nobody_can_run_stops_the_channel_even_if_agreed(
    outcome: Outcome, setting: Setting, area: str
) -> None:
    """§15.1."""
    wanted = Config()
    wanted.CopyFrom(setting.channel.config)
    root = wanted.channel_group
    group = root if area == "channel" else root.groups[area.capitalize()]
    unknown = Capabilities(capabilities={"V9_9": Capability()})
    group.values["Capabilities"].value = unknown.SerializeToString()
    group.values["Capabilities"].mod_policy = "Admins"
    draft = setting.network.config_draft()
    draft.data = setting.network.agreed(wanted).SerializeToString()
    with outcome.refuses(
        UnacceptableConfigError,
        leaves=in_force(setting),
        match=f"{area} capability V9_9 is unknown to this",
    ):
        await setting.codes(draft)


async def test_an_organisation_cannot_take_the_place_of_another_even_if_agreed(
    outcome: Outcome,
    setting: Setting,
) -> None:
    wanted = Config()
    wanted.CopyFrom(setting.channel.config)
    groups = wanted.channel_group.groups["Application"].groups
    groups["OneMSP"].values["MSP"].CopyFrom(groups["TwoMSP"].values["MSP"])
    draft = setting.network.config_draft()
    draft.data = setting.network.agreed(wanted).SerializeToString()
    with outcome.refuses(
        UnacceptableConfigError, leaves=in_force(setting), match="attempted to change MSP ID"
    ):
        await setting.codes(draft)


@pytest.mark.parametrize("sequence", [0, 1])
async def test_a_channel_with_older_rules_is_not_judged_by_newer_ones(
    outcome: Outcome, setting: Setting, sequence: int
) -> None:
    """§12, §15.1: Fabric would give other codes."""
    config = Config()
    config.CopyFrom(setting.channel.config)
    older = Capabilities(capabilities={"V1_4_2": Capability()})
    application = config.channel_group.groups["Application"]
    application.values["Capabilities"].value = older.SerializeToString()
    draft = setting.network.config_draft()
    delivered = setting.network.agreed(config) if sequence else ConfigEnvelope(config=config)
    draft.data = delivered.SerializeToString()
    block = setting.block(draft)
    block.header.number *= sequence
    with outcome.refuses(
        UnacceptableConfigError, leaves=in_force(setting), match="application capability V1_4_2"
    ):
        await setting.validator.validate(block)


async def test_a_configuration_travels_alone(outcome: Outcome, setting: Setting) -> None:
    outcome.fault = "a configuration is in a block together with something else"
    with outcome.refuses(UnacceptableConfigError, leaves=in_force(setting), match="not alone"):
        await setting.codes(setting.network.config_draft(), setting.draft())


async def test_a_configuration_must_be_signed_by_somebody_on_the_channel(setting: Setting) -> None:
    draft = setting.network.config_draft()
    draft.creator = setting.network.outsider.orderer
    assert await setting.code_of(draft) == "BAD_CREATOR_SIGNATURE", "§12"
