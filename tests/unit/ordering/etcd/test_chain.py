"""Several orderers on an etcd in memory: who orders what, and what is promised. Virtual time."""

import asyncio
from random import Random

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.ordering.etcd.fake import (
    KEYS,
    TTL_S,
    Orderers,
    envelope,
    quick,
    submission,
    told,
)

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Refused
from tallystick.node.ordering.etcd.fellows import NOT_LEADING
from tallystick.node.ordering.etcd.log import OrderedLog, SupersededError
from tallystick.node.ordering.etcd.port import Put
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch


def test_whichever_orderer_takes_an_envelope_all_make_the_same_blocks(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        answers = await asyncio.gather(
            *(each.order(f"{each.name}-{n}") for each in orderers.all.values() for n in range(4))
        )
        assert set(answers) == {None}
        await orderers.level()
        heights = {each.memory.height for each in orderers.all.values()}
        assert len(heights) == 1
        assert len(orderers.check_no_fork()) == 12

    told(config, story)


def test_an_acknowledged_envelope_is_in_the_log_whoever_is_killed_next(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        for round_number in range(5):
            leader = await orderers.leader()
            assert await leader.order(f"{round_number}") is None
            await leader.kill()
            other = await orderers.leader()
            assert await other.order(f"{round_number} again") is None
            leader.start()
        await orderers.level()
        entries = orderers.check_no_fork()
        assert [
            entry for n in range(5) for entry in (envelope(f"{n}"), envelope(f"{n} again"))
        ] == (entries)

    told(config, story)


def test_a_killed_leader_is_replaced_when_its_lease_lapses_and_a_drained_one_at_once(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        clock = asyncio.get_running_loop().time
        leader = await orderers.leader()
        (other, _) = await orderers.followers()
        began_s = clock()
        await leader.kill()
        assert await other.order("after the kill") is None
        assert clock() - began_s < TTL_S + 0.5

        leader = await orderers.leader()
        (other, *_) = [
            each for each in orderers.all.values() if each.chain is not None and each is not leader
        ]
        began_s = clock()
        await leader.drain()
        assert await other.order("after the drain") is None
        assert clock() - began_s < 0.5

    told(config, story)


def test_a_leader_that_is_started_again_waits_at_most_for_the_end_of_its_own_lease(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        began_s = asyncio.get_running_loop().time()
        await leader.kill()
        leader.start()
        assert await leader.order("again") is None
        assert asyncio.get_running_loop().time() - began_s < TTL_S + 0.5

    told(config, story)


def test_a_leader_whose_lease_has_lapsed_writes_nothing(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        term = orderers.cluster.records[KEYS.leader].create_revision
        leader.etcd.is_reachable = False
        await asyncio.sleep(TTL_S + 1)
        other = await orderers.leader()
        assert other is not leader
        assert await other.order("new") is None
        leader.etcd.is_reachable = True
        log = OrderedLog(leader.etcd, KEYS)
        batch = OrderedBatch(previous_hash=leader.memory.last_hash, envelopes=[envelope("old")])
        with pytest.raises(SupersededError):
            await log.append(term, 2, batch)
        await orderers.level()
        assert orderers.check_no_fork() == [envelope("new")]

    told(config, story)


def test_what_waits_at_a_leader_that_is_superseded_unawares_may_be_handed_on(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert leader.chain is not None
        names = ("in work", "waits")
        in_work, waits = [leader.chain.order_here(submission(envelope(name))) for name in names]
        del orderers.cluster.records[KEYS.leader]  # and nobody is told
        refused = await leader.answer(in_work)
        assert isinstance(refused, Refused)
        assert "another orderer leads" in refused.info
        assert await leader.answer(waits) == NOT_LEADING  # so whoever forwarded it sends it again

    told(quick(config, max_message_count=1), story)


def test_what_a_leader_that_is_cut_off_has_taken_is_refused_and_can_be_sent_again(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leader.etcd.is_reachable = False
        refused = await leader.order("cut off")
        assert isinstance(refused, Refused)
        assert refused.status == Status.SERVICE_UNAVAILABLE
        assert "may be ordered all the same" in refused.info
        await asyncio.sleep(TTL_S)
        other = await orderers.leader()
        assert await other.order("cut off") is None

    told(config, story)


def test_a_leader_that_is_cut_off_says_so_though_nobody_asks_it_for_anything(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leader.etcd.is_reachable = False
        orderers.cluster.tell()
        await asyncio.sleep(TTL_S)
        assert "etcd does not answer" in leader.problem
        leader.etcd.is_reachable = True
        assert await (await orderers.leader()).order("afterwards") is None
        await orderers.level()
        assert leader.problem == ""

    told(config, story)


def test_an_append_whose_answer_was_lost_is_made_once(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leader.etcd.answers_to_lose = 1
        assert await leader.order("once") is None
        await orderers.level()
        assert orderers.check_no_fork() == [envelope("once")]

    told(config, story)


def test_without_a_quorum_submission_is_refused_with_a_reason_and_goes_on_afterwards(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        assert await (await orderers.leader()).order("before") is None
        await orderers.level()
        orderers.cluster.has_quorum = False
        orderers.cluster.tell()
        for each in orderers.all.values():
            refused = await each.order("meanwhile")
            assert isinstance(refused, Refused)
            assert refused.status == Status.SERVICE_UNAVAILABLE
            assert "etcd does not answer" in refused.info
        await asyncio.sleep(TTL_S)  # the leader notices first, and refuses for those who follow it
        assert all("etcd" in each.problem for each in orderers.all.values())
        orderers.cluster.has_quorum = True
        assert await (await orderers.leader()).order("after") is None
        await orderers.level()
        entries = orderers.check_no_fork()
        assert entries[0] == envelope("before")
        assert entries[-1] == envelope("after")

    told(config, story)


def test_the_log_is_trimmed_behind_the_slowest_orderer(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        for number in range(30):
            assert await leader.order(str(number)) is None
            await orderers.level()
        log = OrderedLog(leader.etcd, KEYS)
        first, newest = await log.first(), await log.newest()
        assert first is not None
        assert newest == 30
        assert 20 < first <= newest
        assert orderers.cluster.compacted > 0

    told(config, story, retention=Retention(every_blocks=3))


def test_an_orderer_that_is_absent_holds_the_log_for_a_while_and_then_copies_from_others(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (absent, _) = await orderers.followers()
        await leader.order("seen by all")
        await orderers.level()
        await absent.kill()
        log = OrderedLog(leader.etcd, KEYS)
        for number in range(8):
            await leader.order(f"held {number}")
        assert (await log.first() or 0) <= absent.memory.height
        for number in range(30):
            await leader.order(f"let go {number}")
        assert (await log.first() or 0) > absent.memory.height
        absent.start()
        await orderers.level()
        assert absent.memory.entries == leader.memory.entries

    told(config, story, retention=Retention(max_blocks=10, every_blocks=2))


@pytest.mark.parametrize(
    ("batch", "problem"),
    [
        pytest.param(
            OrderedBatch(previous_hash=b"another", envelopes=[envelope("x")]),
            "it follows a block with hash",
            id="another chain",
        ),
        pytest.param(OrderedBatch(), "it is empty", id="nothing"),
        pytest.param(
            OrderedBatch(envelopes=[b"\xff"]), "no envelope in its one encoding", id="garbage"
        ),
        pytest.param(
            OrderedBatch(envelopes=[envelope("x"), envelope("y")], is_config=True),
            "a configuration travels alone",
            id="a configuration among others",
        ),
        pytest.param(
            OrderedBatch(envelopes=[envelope("x")], is_config=True),
            "malformed common.Payload",
            id="a configuration that is none",
        ),
    ],
)
def test_what_no_orderer_should_have_written_stops_the_channel_and_says_why(
    config: ChannelConfig, batch: OrderedBatch, problem: str
) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        assert await only_one.order("1") is None
        await orderers.level()
        if not batch.previous_hash:
            batch.previous_hash = only_one.memory.last_hash
        term = orderers.cluster.records[KEYS.leader].create_revision
        await OrderedLog(only_one.etcd, KEYS).append(term, 2, batch)
        await only_one.order("2")  # the leader learns it while this waits
        refused = await only_one.order("2")
        assert isinstance(refused, Refused)
        assert problem in refused.info
        await asyncio.sleep(0.1)
        assert KEYS.leader not in orderers.cluster.records
        assert only_one.memory.entries == [envelope("1")]

    told(config, story, count=1)


def test_a_value_in_etcd_that_is_no_record_stops_the_channel(
    outcome: Outcome, config: ChannelConfig
) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        await only_one.etcd.commit([], [Put(KEYS.block(1), b"\xff\xff")])
        await only_one.order("1")
        kept = State("no block was written", lambda: list(only_one.memory.blocks))
        with outcome.leaves(kept):
            refused = await only_one.order("1")
        assert isinstance(refused, Refused)
        outcome.saw(refused.info)
        assert "block 1 is not to be trusted" in refused.info

    told(config, story, count=1)


@pytest.mark.parametrize("name", [b"zz", b"f" * 17, b"ffff_ffffffffff_"], ids=repr)
def test_a_key_in_etcd_that_is_no_block_s_stops_the_channel_and_not_the_orderer(
    config: ChannelConfig, name: bytes
) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        chain = only_one.chain
        assert chain is not None
        assert await only_one.order("1") is None
        await only_one.etcd.commit([], [Put(KEYS.block(1)[:-16] + name, b"")])
        await asyncio.sleep(1)
        assert not only_one.tasks[1].done(), "its blocks are delivered, and other channels go on"
        refused = await only_one.order("2")
        assert isinstance(refused, Refused)
        assert "holds is not to be trusted: its key b'block/" in refused.info
        await only_one.drain()
        await chain.leave()

    told(config, story, count=1)


def test_what_is_no_number_of_blocks_is_nobodys_height(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        for number, value in enumerate((b"9" * 5_000, b"-1", b"many", b"")):
            await only_one.etcd.commit([], [Put(KEYS.height(f"stranger{number}:7050"), value)])
        assert set(await OrderedLog(only_one.etcd, KEYS).heights()) <= {only_one.name}

    told(config, story, count=1)


def test_a_large_batch_travels_in_parts(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        digits = Random(1).randbytes(3 * 1024 * 1024).hex()  # compressed, half as large
        assert await leader.order(digits) is None
        assert any(b"/part/" in key for key in orderers.cluster.records)
        assert max(len(each.value) for each in orderers.cluster.records.values()) < 1_200_000
        await orderers.level()
        assert orderers.check_no_fork() == [envelope(digits)]

    told(config, story)


async def submit(orderers: Orderers, random: Random) -> list[bytes]:
    """Submit to orderers by chance; return what was acknowledged."""
    acknowledged = []
    for number in range(60):
        each = random.choice(list(orderers.all.values()))
        if each.chain is not None and await each.order(f"{number}") is None:
            acknowledged.append(envelope(f"{number}"))
        await asyncio.sleep(random.uniform(0, 0.2))
    return acknowledged


async def make_trouble(orderers: Orderers, random: Random) -> None:
    """Kill and start orderers, cut them off and let them back in, without end."""
    while True:
        await asyncio.sleep(random.uniform(0, 3))
        each = random.choice(list(orderers.all.values()))
        match random.randrange(5):
            case 0 if each.chain is not None:
                await each.kill()
            case 1 if each.chain is None:
                each.start()
            case 2:
                each.etcd.is_reachable = not each.etcd.is_reachable
                orderers.cluster.tell()
            case 3:
                each.etcd.answers_to_lose = 2
            case _:
                each.is_reachable = not each.is_reachable


async def settle(orderers: Orderers) -> None:
    """Let everybody run and reach everybody, and return once the last envelope is ordered."""
    for each in orderers.all.values():
        each.is_reachable = each.etcd.is_reachable = True
        if each.chain is None:
            each.start()
    leader = await orderers.leader()
    while await leader.order("last") is not None:
        leader = await orderers.leader()
    await orderers.level()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_no_chain_forks_and_nothing_acknowledged_is_lost(
    config: ChannelConfig, seed: int
) -> None:
    async def story(orderers: Orderers) -> None:
        random = Random(seed)
        trouble = asyncio.get_running_loop().create_task(make_trouble(orderers, random))
        acknowledged = await submit(orderers, random)
        trouble.cancel()
        await asyncio.wait([trouble])
        await settle(orderers)
        entries = orderers.check_no_fork()
        assert acknowledged
        assert set(acknowledged) <= set(entries)
        assert entries[-1] == envelope("last")

    told(config, story, retention=Retention(max_blocks=10, every_blocks=2))


def test_who_leaves_a_channel_last_takes_all_but_the_newest_block_out_of_etcd(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        for number in range(4):
            await orderers.all["orderer0:7050"].order(f"{number}")
        await orderers.level()
        newest = await OrderedLog(orderers.all["orderer0:7050"].etcd, KEYS).newest()
        assert newest is not None
        assert newest > 1
        for each in orderers.all.values():
            records = orderers.cluster.records
            assert KEYS.block(1) in records, "somebody is left who may need it"
            chain = each.chain
            assert chain is not None
            await each.drain()
            await chain.leave()
            assert KEYS.height(each.name) not in records
        assert list(orderers.cluster.records) == [KEYS.block(newest)]

        newcomer = orderers.all["orderer0:7050"]
        for each in orderers.all.values():
            del each.memory.blocks[1:]
        newcomer.start()
        refused = await newcomer.order("begun anew")
        assert refused is not None, "the channel would fork"
        await newcomer.kill()

    told(config, story, retention=Retention(every_blocks=1000))


def test_a_channel_that_is_left_while_etcd_is_away_is_left_all_the_same(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leaving = orderers.all["orderer0:7050"]
        chain = leaving.chain
        assert chain is not None
        await leaving.drain()
        leaving.etcd.is_reachable = False
        await chain.leave()
        assert "stays there" in caplog.text

    told(config, story)


def test_an_orderer_tells_whether_it_leads_and_what_waits_there(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        chains = {each.name: each.chain for each in orderers.all.values()}
        leading = {name for name, chain in chains.items() if chain is not None and chain.leads}
        assert leading == {leader.name}
        assert all(chain is not None and chain.waiting == 0 for chain in chains.values())
        for chain in chains.values():
            assert chain is not None
            answers = [chain.order(submission(envelope(f"{n}"))) for n in range(3)]
            assert chain.waiting == 3
            assert await asyncio.gather(*answers) == [None] * 3
            assert chain.waiting == 0

    told(config, story)


def test_a_leader_that_cannot_sign_its_copy_leaves_the_lead_to_another_and_copies_later(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leader.memory.signs = False
        assert await leader.order("in the log") is None
        await asyncio.sleep(TTL_S + 1)
        other = await orderers.leader()
        assert other is not leader
        assert leader.chain is not None
        assert not leader.chain.leads, "although the copy of what it ordered never came"
        assert leader.chain.leader == other.name
        assert await leader.order("by another") is None, "handed on"
        assert leader.problem == "the token was taken out"
        assert leader.memory.entries == []
        leader.memory.signs = True
        await orderers.level()
        await asyncio.sleep(1)
        assert leader.problem == ""
        assert leader.memory.entries == [envelope("in the log"), envelope("by another")]

    told(config, story)
    assert caplog.text.count("the token was taken out") == 1, "said once, however long it lasts"


def test_a_leader_whose_disk_hangs_leaves_the_lead_to_another_in_ten_seconds(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leader.memory.answers.clear()
        assert await leader.order("in the log") is None
        await asyncio.sleep(12)
        other = await orderers.leader()
        assert other is not leader
        assert await leader.order("by another") is None
        assert leader.memory.entries == []
        assert "see whether its disk answers" in leader.problem, "although another one leads"
        for each in orderers.all.values():
            if each is not leader:
                await each.kill()
        await asyncio.sleep(TTL_S + 2)
        assert "see whether its disk answers" in leader.problem, "however often it stands again"
        leader.memory.answers.set()
        await orderers.level()
        assert leader.memory.entries == [envelope("in the log"), envelope("by another")]
        await orderers.leader()
        assert leader.problem == ""

    told(config, story)


def test_an_envelope_waits_for_an_orderer_that_lacks_blocks_of_the_log(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        behind, absent = await orderers.followers()
        await absent.kill()
        behind.memory.answers.clear()
        assert await leader.order("in the log") is None
        await leader.kill()
        await asyncio.sleep(TTL_S + 2)
        loop = asyncio.get_running_loop()
        waiting = loop.create_task(behind.order("by the one that is left"))
        await asyncio.sleep(3)
        assert not waiting.done()
        behind.memory.answers.set()
        assert await waiting is None
        await orderers.level()
        assert behind.memory.entries == [
            envelope("in the log"),
            envelope("by the one that is left"),
        ]

    told(config, story)
