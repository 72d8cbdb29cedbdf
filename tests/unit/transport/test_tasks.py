"""Calls at once: all succeed, or the first failure ends the others."""

import asyncio

import pytest

from tallystick.node.transport.tasks import all_of


async def test_results_come_in_the_order_of_the_calls() -> None:
    second_ended = asyncio.Event()

    async def first() -> str:
        await second_ended.wait()
        return "first"

    async def second() -> str:
        second_ended.set()
        return "second"

    assert await all_of([first(), second()]) == ["first", "second"]


async def test_the_first_failure_is_raised_as_itself_and_ends_the_rest() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fails() -> None:
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        await all_of([waits(), fails()])
    assert ended.is_set()
