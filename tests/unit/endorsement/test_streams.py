"""Many proposals on one stream, as the gateways of other peers send them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing

import grpc
import pytest

from tallystick.node.endorsement import streams
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.streams import EndorsementStreams
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.transport.ports import LOCAL_CALLER
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered, ProposalAsked, Refusal

Work = Callable[[bytes], Awaitable[object]]
"""What is done for a proposal, which is one word here; its answer repeats the word."""


def asked(number: int, word: bytes) -> bytes:
    proposal = SignedProposal(proposal_bytes=word)
    return ProposalAsked(number=number, proposal=proposal).SerializeToString()


def given_up(number: int) -> bytes:
    return ProposalAsked(number=number, given_up=True).SerializeToString()


def answered(number: int, word: bytes) -> ProposalAnswered:
    return ProposalAnswered(number=number, response=ProposalResponse(payload=word))


def answering(work: Work) -> EndorsementStreams:
    async def process(signed: SignedProposal) -> ProposalResponse:
        await work(signed.proposal_bytes)
        return ProposalResponse(payload=signed.proposal_bytes)

    return EndorsementStreams(process)


async def nothing(word: bytes) -> None:
    """Answer at once."""


async def these(requests: Iterable[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


async def these_and_more_to_come(*requests: bytes) -> AsyncIterator[bytes]:
    for request in requests:
        yield request
    await asyncio.Event().wait()


async def all_answers(service: EndorsementStreams, *requests: bytes) -> list[ProposalAnswered]:
    stream = service.endorse(these(requests), LOCAL_CALLER)
    return [ProposalAnswered.FromString(encoded) async for encoded in stream]


async def next_of(answers: AsyncGenerator[bytes, None]) -> ProposalAnswered | None:
    encoded = await anext(answers, None)
    return None if encoded is None else ProposalAnswered.FromString(encoded)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_each_proposal_is_answered_as_soon_as_its_answer_is_there() -> None:
    quick_is_done = asyncio.Event()

    async def work(word: bytes) -> None:
        if word == b"slow":
            await quick_is_done.wait()
        else:
            quick_is_done.set()

    answers = await all_answers(answering(work), asked(7, b"slow"), asked(8, b"quick"))
    assert answers == [answered(8, b"quick"), answered(7, b"slow")]


@pytest.mark.parametrize(
    ("error", "code", "details"),
    [
        (ProposalRefusedError("too late"), grpc.StatusCode.UNKNOWN, "too late"),
        (
            TooBusyError("too many", retry_after_s=1),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "too many; nothing was done: try again in 1 s",
        ),
        (RuntimeError("a defect"), grpc.StatusCode.UNKNOWN, "unexpected error"),
    ],
)
async def test_a_proposal_that_fails_costs_no_other_its_answer(
    error: Exception, code: grpc.StatusCode, details: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(word: bytes) -> None:
        if word == b"bad":
            raise error

    answers = await all_answers(answering(work), asked(0, b"bad"), asked(1, b"good"))
    refusal = Refusal(code=code.value[0], details=details)
    assert answers == [ProposalAnswered(number=0, refusal=refusal), answered(1, b"good")]
    assert ("a defect" in caplog.text) == isinstance(error, RuntimeError)


async def test_an_answer_that_no_message_may_hold_is_refused_and_costs_no_other_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "MAX_MESSAGE_BYTES", 30)
    refused, good = await all_answers(
        answering(nothing), asked(0, b"more than thirty bytes of words"), asked(1, b"good")
    )
    assert good == answered(1, b"good")
    assert (refused.number, refused.refusal.code) == (0, 8)
    assert refused.refusal.details.startswith("the answer of 35 bytes exceeds the limit of 30")


async def test_a_stream_that_fetches_no_answers_gets_little_work_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "MAX_UNANSWERED", 2)
    begun: list[bytes] = []

    async def work(word: bytes) -> None:
        begun.append(word)

    requests = these(asked(number, b"%d" % number) for number in range(5))
    async with aclosing(answering(work).endorse(requests, LOCAL_CALLER)) as answers:
        await anext(answers)
        await settled()
        assert begun == [b"0", b"1", b"2"]
        await anext(answers)
        await settled()
        assert begun == [b"0", b"1", b"2", b"3"]


async def test_a_stream_that_fetches_no_large_answers_gets_little_work_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "MAX_UNFETCHED_BYTES", 10)
    begun: list[bytes] = []

    async def requests() -> AsyncIterator[bytes]:
        for number, word in enumerate([b"small", b"larger than ten", b"third", b"fourth"]):
            yield asked(number, word)
            await settled()

    async def work(word: bytes) -> None:
        begun.append(word)

    async with aclosing(answering(work).endorse(requests(), LOCAL_CALLER)) as answers:
        assert await next_of(answers) == answered(0, b"small")
        await settled()
        await settled()
        assert begun == [b"small", b"larger than ten"]
        assert await next_of(answers) == answered(1, b"larger than ten")
        assert await next_of(answers) == answered(2, b"third")


async def test_a_stream_is_closed_once_what_it_has_taken_is_answered() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def work(_: bytes) -> None:
        begun.set()
        await may_end.wait()

    service = answering(work)
    requests = these_and_more_to_come(asked(0, b"taken"))
    async with (
        aclosing(service.endorse(requests, LOCAL_CALLER)) as answers,
        asyncio.TaskGroup() as tasks,
    ):
        first = tasks.create_task(next_of(answers))
        await begun.wait()
        service.close()
        may_end.set()
        assert await first == answered(0, b"taken")
        assert await next_of(answers) is None


async def test_what_is_no_proposal_ends_its_stream() -> None:
    requests = these_and_more_to_come(asked(0, b"good"), b"\xff")
    async with aclosing(answering(nothing).endorse(requests, LOCAL_CALLER)) as answers:
        assert await next_of(answers) == answered(0, b"good")
        assert await next_of(answers) is None


async def test_nobody_works_on_for_who_has_given_up_and_the_place_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "MAX_UNANSWERED", 1)
    stopped: list[bytes] = []

    async def work(word: bytes) -> None:
        try:
            await asyncio.sleep(3600 if word == b"endless" else 0)
        except asyncio.CancelledError:
            stopped.append(word)
            raise

    async def requests() -> AsyncIterator[bytes]:
        yield asked(0, b"endless")
        await settled()
        yield given_up(0)
        yield given_up(7)
        yield asked(1, b"endless")
        yield given_up(1)
        yield asked(2, b"next")

    async with asyncio.timeout(5):
        encoded = [answer async for answer in answering(work).endorse(requests(), LOCAL_CALLER)]
    assert [ProposalAnswered.FromString(answer) for answer in encoded] == [answered(2, b"next")]
    assert stopped == [b"endless"]  # the second one had not begun


async def test_two_proposals_of_one_number_end_their_stream() -> None:
    async def work(_: bytes) -> None:
        await settled()

    requests = these_and_more_to_come(asked(0, b"good"), asked(0, b"again"))
    async with aclosing(answering(work).endorse(requests, LOCAL_CALLER)) as answers:
        assert await next_of(answers) == answered(0, b"good")
        assert await next_of(answers) is None


async def test_nobody_works_on_for_a_stream_that_was_left() -> None:
    begun = asyncio.Event()
    stopped: list[bytes] = []

    async def work(word: bytes) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(word)

    requests = these_and_more_to_come(asked(0, b"endless"))
    async with (
        aclosing(answering(work).endorse(requests, LOCAL_CALLER)) as answers,
        asyncio.TaskGroup() as tasks,
    ):
        waiting = tasks.create_task(next_of(answers))
        await begun.wait()
        waiting.cancel()
    await settled()
    assert stopped == [b"endless"]
