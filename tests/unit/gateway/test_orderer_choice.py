"""Which orderer a gateway asks first."""

from random import Random

from tallystick.node.gateway.submission import OrdererChoice, Taken
from tallystick.node.transport.local import LocalOrderer


def orderers(*names: str) -> list[LocalOrderer]:
    async def nothing(*_: object) -> None:
        return

    return [LocalOrderer(nothing, nothing, endpoint=name) for name in names]  # type: ignore[arg-type]


NAMES = ("a:1", "b:1", "c:1")
ALL = orderers(*NAMES)


def first_asked(choice: OrdererChoice) -> set[str]:
    return {choice.in_turn(ALL)[0].endpoint for _ in range(100)}


def test_as_long_as_nobody_is_known_to_lead_chance_decides() -> None:
    assert first_asked(OrdererChoice(Random(1))) == set(NAMES)


def test_the_leader_is_asked_first_and_the_others_by_chance() -> None:
    choice = OrdererChoice(Random(1))
    choice.learn(Taken("a:1", "b:1"))
    assert first_asked(choice) == {"b:1"}
    assert {choice.in_turn(ALL)[1].endpoint for _ in range(100)} == {"a:1", "c:1"}
    choice.learn(Taken("b:1", ""))  # it does lead
    assert first_asked(choice) == {"b:1"}


def test_a_leader_that_was_not_there_is_no_longer_preferred() -> None:
    choice = OrdererChoice(Random(1))
    choice.learn(Taken("a:1", "b:1"))
    choice.learn(Taken("c:1", ""))
    assert first_asked(choice) == set(NAMES)


def test_a_leader_that_is_not_known_here_changes_nothing() -> None:
    choice = OrdererChoice(Random(1))
    choice.learn(Taken("a:1", "elsewhere:1"))
    assert first_asked(choice) == set(NAMES)
