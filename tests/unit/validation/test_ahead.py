"""Signatures that are checked before a block's turn comes, and what comes of it."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from tests.unit.validation.conftest import Draft, Setting

from tallystick.node.membership import identity
from tallystick.node.membership.signature_checker import MAX_IDENTITY_BYTES, GoodSignature
from tallystick.node.validation.ahead import signatures
from tallystick.node.validation.ahead.framing import LENGTH
from tallystick.node.validation.ahead.preparation import NO_SERVICE, CheckedAhead
from tallystick.node.validation.ahead.process import SignatureProcess, signature_process
from tallystick.node.validation.ahead.program import answer
from tallystick.node.validation.ahead.signatures import good_signatures, signatures_of
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.tallystick.checked_signatures_pb2 import CheckedSignatures
from tallystick.wire.hashing import sha256

CLIENT_AND_TWO_PEERS = 3


def found_in(checked: CheckedSignatures) -> list[GoodSignature]:
    return [
        GoodSignature(checked.identities[each.identity], each.digest, each.signature)
        for each in checked.good
    ]


def test_every_good_signature_of_a_block_is_found(setting: Setting) -> None:
    block = setting.block(setting.draft(), setting.draft())
    expected = [
        GoodSignature(signed.identity, sha256(signed.message), signed.signature)
        for entry in block.data.data
        for signed in signatures_of(entry)
    ]
    assert found_in(good_signatures(block)) == expected
    assert len(expected) == 2 * CLIENT_AND_TWO_PEERS
    assert len(good_signatures(block).identities) == CLIENT_AND_TWO_PEERS


def no_creator_signature(draft: Draft) -> None:
    draft.signature = b"forged"


def no_certificate(draft: Draft) -> None:
    draft.signature_header_bytes = b""


def unreadable_payload(draft: Draft) -> None:
    draft.payload_bytes = b"\xff"


def unreadable_data(draft: Draft) -> None:
    draft.data = b"\xff"


def unreadable_action(draft: Draft) -> None:
    draft.action_payload_bytes = b"\xff"


def repeated_action(draft: Draft) -> None:
    draft.action_count = 2


def repeated_endorser(draft: Draft) -> None:
    draft.endorsers.append(draft.endorsers[0])


SPOILERS: list[tuple[Callable[[Draft], None], int]] = [
    (no_creator_signature, CLIENT_AND_TWO_PEERS - 1),
    (no_certificate, CLIENT_AND_TWO_PEERS - 1),
    (unreadable_payload, 0),
    (unreadable_data, 1),
    (unreadable_action, 1),
    (repeated_action, CLIENT_AND_TWO_PEERS + 2),
    (repeated_endorser, CLIENT_AND_TWO_PEERS),
]


@pytest.mark.parametrize(("spoil", "good"), SPOILERS)
def test_what_is_not_good_or_cannot_be_read_is_left_out(
    setting: Setting, spoil: Callable[[Draft], None], good: int
) -> None:
    draft = setting.draft()
    spoil(draft)
    assert len(good_signatures(setting.block(draft)).good) == good


@pytest.mark.parametrize("entry", [b"", b"\xff", b"\x0a\x02\x0a\xff", bytes(1000)])
def test_garbage_has_no_signatures(setting: Setting, entry: bytes) -> None:
    assert not good_signatures(setting.block(entry)).good


def test_the_key_of_an_identity_that_is_padded_is_not_kept(setting: Setting) -> None:
    block = setting.block(setting.draft())
    creator = next(signatures_of(block.data.data[0]))
    named = SerializedIdentity.FromString(creator.identity)
    named.id_bytes += b"\n" * MAX_IDENTITY_BYTES
    padded = named.SerializeToString()
    signatures.kept_key_of.cache_clear()
    assert signatures.key_of(padded) is not None
    assert signatures.kept_key_of.cache_info().currsize == 0
    assert signatures.key_of(creator.identity) is not None
    assert signatures.kept_key_of.cache_info().currsize == 1


async def test_verdicts_are_the_same_whether_signatures_were_checked_before_or_not(
    setting: Setting,
) -> None:
    drafts = [setting.draft() for _ in range(len(SPOILERS) + 2)]
    for draft, (spoil, _) in zip(drafts, SPOILERS, strict=False):
        spoil(draft)
    drafts[-1].endorsers = [setting.network.outsider.peer]
    block = setting.block(*drafts)
    before = (await setting.validator.validate(block)).codes
    setting.checker.remember_all(found_in(good_signatures(block)))
    assert (await setting.validator.validate(block)).codes == before
    assert 0 < before.count(0) < len(drafts)


async def test_a_validator_checks_no_signature_again(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = setting.block(setting.draft(), setting.draft())
    setting.checker.remember_all(found_in(good_signatures(block)))

    def again(*_: object) -> None:
        pytest.fail("a signature is verified again")

    monkeypatch.setattr(identity, "verify", again)
    assert (await setting.validator.validate(block)).codes == bytes(2)


def framed(*messages: bytes) -> bytes:
    return b"".join(LENGTH.pack(len(each)) + each for each in messages)


def test_the_program_answers_each_block_even_garbage_until_its_input_ends(
    setting: Setting,
) -> None:
    block = setting.block(setting.draft())
    answers = BytesIO()
    answer(BytesIO(framed(block.SerializeToString(), b"\xff", b"")[:-1]), answers)
    expected = good_signatures(block).SerializeToString()
    assert answers.getvalue() == framed(expected, b"")


class Service:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.is_running = False
        self.asked: list[bytes] = []
        self.may_answer = asyncio.Event()

    async def good_signatures(self, block: bytes) -> Sequence[GoodSignature]:
        self.asked.append(block)
        await self.may_answer.wait()
        return [GoodSignature(b"identity", b"digest", b"signature")]


async def test_an_answer_is_waited_for_as_soon_as_the_service_runs(setting: Setting) -> None:
    service = Service()
    checking = CheckedAhead(setting.block(setting.draft()), service)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(checking.run())
        await asyncio.sleep(0)
        assert await checking.good_signatures() == (), "it only starts"
        service.is_running = True
        answering = tasks.create_task(checking.good_signatures())
        await asyncio.sleep(0)
        assert not answering.done()
        service.may_answer.set()
    assert len(answering.result()) == 1


async def test_whoever_stops_waiting_for_an_answer_leaves_the_check_unharmed(
    setting: Setting,
) -> None:
    service = Service()
    service.is_running = True
    checking = CheckedAhead(setting.block(setting.draft()), service)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(checking.run())
        await asyncio.sleep(0)
        waiting = tasks.create_task(checking.good_signatures())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        service.may_answer.set()
    assert waiting.cancelled()
    assert len(await checking.good_signatures()) == 1


async def test_a_block_whose_turn_has_come_is_not_handed_over(setting: Setting) -> None:
    service = Service()
    service.is_running = True
    checking = CheckedAhead(setting.block(setting.draft()), service)
    assert await checking.good_signatures() == ()
    await checking.run()
    assert not service.asked


async def test_without_a_service_nothing_is_found(setting: Setting) -> None:
    checking = CheckedAhead(setting.block(setting.draft()), NO_SERVICE)
    await checking.run()
    assert await checking.good_signatures() == ()


@pytest.mark.slow
async def test_a_process_checks_several_blocks_at_once(setting: Setting) -> None:
    blocks = [setting.block(*(setting.draft() for _ in range(count))) for count in (1, 40, 3)]
    async with signature_process() as process, asyncio.TaskGroup() as tasks:
        assert not process.is_running
        asked = [
            tasks.create_task(process.good_signatures(block.SerializeToString()))
            for block in blocks
        ]
    for block, task in zip(blocks, asked, strict=True):
        assert list(task.result()) == found_in(good_signatures(block))
    assert not process.is_running


@pytest.mark.slow
async def test_a_process_that_is_killed_is_done_without_for_a_while(
    setting: Setting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = setting.block(setting.draft()).SerializeToString()
    with caplog.at_level(logging.INFO):
        async with signature_process() as process:
            assert len(await process.good_signatures(block)) == CLIENT_AND_TWO_PEERS
            os.kill(pid_in(caplog), signal.SIGKILL)
            assert await process.good_signatures(block) == ()
            assert "failed" in caplog.text
            assert await process.good_signatures(block) == ()
            assert not process.is_running
            monkeypatch.setattr("tallystick.node.validation.ahead.process._TROUBLE_S", 0.0)
            assert len(await process.good_signatures(block)) == CLIENT_AND_TWO_PEERS


@pytest.mark.slow
async def test_a_process_gets_nothing_of_the_peers_environment(
    setting: Setting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PKCS11_PIN", "1234")
    with caplog.at_level(logging.INFO):
        async with signature_process() as process:
            await process.good_signatures(setting.block(setting.draft()).SerializeToString())
            assert b"1234" not in environment_of(pid_in(caplog))


@pytest.mark.slow
async def test_a_process_without_work_ends(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.node.validation.ahead.process._IDLE_S", 0.1)
    async with signature_process() as process:
        await process.good_signatures(setting.block(setting.draft()).SerializeToString())
        async with asyncio.timeout(10):
            while process.is_running:  # noqa: ASYNC110 -- nobody is told
                await asyncio.sleep(0.05)
        assert isinstance(process, SignatureProcess)


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def pid_in(caplog: pytest.LogCaptureFixture) -> int:
    """Return the process that the log names."""
    (record,) = [each for each in caplog.records if "checks signatures ahead" in each.message]
    assert isinstance(record.args, tuple)
    (pid,) = record.args
    assert isinstance(pid, int)
    return pid


def test_a_block_without_transactions_has_no_signatures() -> None:
    assert not good_signatures(Block()).good
