"""Which orderer a gateway asks first."""

import asyncio
from random import Random

import pytest
from tests.virtual_time import run

from tallystick.node.gateway.submission import OrdererChoice, Taken
from tallystick.node.transport.local import LocalOrderer


def orderers(*names: str) -> list[LocalOrderer]:
    async def nothing(*_: object) -> None:
        return

    return [LocalOrderer(nothing, nothing, endpoint=name) for name in names]  # type: ignore[arg-type]


NAMES = ("a:1", "b:1", "c:1")
ALL = orderers(*NAMES)


def new_choice() -> OrdererChoice:
    return OrdererChoice(Random(1), silence_s=1.0)


def first_asked(choice: OrdererChoice) -> set[str]:
    return {choice.in_turn(ALL)[0].endpoint for _ in range(100)}


def test_as_long_as_nobody_is_known_to_lead_chance_decides() -> None:
    assert first_asked(new_choice()) == set(NAMES)


def test_the_leader_is_asked_first_and_the_others_by_chance() -> None:
    choice = new_choice()
    choice.learn(Taken("a:1", "b:1"))
    assert first_asked(choice) == {"b:1"}
    assert {choice.in_turn(ALL)[1].endpoint for _ in range(100)} == {"a:1", "c:1"}
    choice.learn(Taken("b:1", ""))  # it does lead
    assert first_asked(choice) == {"b:1"}


def test_a_leader_that_was_not_there_is_no_longer_preferred() -> None:
    choice = new_choice()
    choice.learn(Taken("a:1", "b:1"))
    choice.learn(Taken("c:1", ""))
    assert first_asked(choice) == set(NAMES)


def test_a_leader_that_is_not_known_here_changes_nothing() -> None:
    choice = new_choice()
    choice.learn(Taken("a:1", "elsewhere:1"))
    assert first_asked(choice) == set(NAMES)


def test_an_orderer_is_silent_when_it_has_answered_nobody_for_so_long() -> None:
    choice = new_choice()

    async def silent_after_s() -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await choice.silence("a:1")
        return loop.time() - begun

    async def while_it_answers_others() -> float:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(silent_after_s())
            for _ in range(10):
                await asyncio.sleep(0.5)
                choice.heard("a:1")
                choice.heard("b:1")
        return waiting.result()

    assert run(silent_after_s) == pytest.approx(1.0)
    assert run(while_it_answers_others) == pytest.approx(6.0)
