"""How long clients heard nothing: everywhere at once, and at one gateway of several."""

from random import Random
from typing import cast

import pytest
from tests.scenarios.crash_load import Load
from tests.scenarios.faults.chaos import Silence
from tests.scenarios.faults.test_chaos import summary

from tallystick.client.gateway import Gateway


def test_a_gateway_that_is_silent_shows_while_others_go_on() -> None:
    silent, busy = (cast("Gateway", object()) for _ in range(2))
    load = Load([silent, busy], Random(1))
    load.heard[silent] += [1.0, 9.0]
    load.heard[busy] += [float(second) for second in range(11)]
    moments = {*load.heard[silent], *load.heard[busy]}
    load.acknowledged |= {str(moment): moment for moment in moments}
    assert load.longest_silence_s(0.5, 9.5) == 1.0
    assert load.silence_at_s(busy, 0.5, 9.5) == 1.0
    assert load.silence_at_s(silent, 0.5, 9.5) == 8.0
    assert load.silence_at_s(silent, 2.0, 8.0) == 6.0


@pytest.mark.parametrize(
    ("silences", "line"),
    [
        ([], "nobody was killed"),
        (
            [Silence(0.1, (0.2, 3.0)), Silence(1.0, (1.0, 1.2, 1.1))],
            "killed 2 times: silence of 0.55 s (p50), 1.00 s (max) at all gateways,"
            " of 1.10 s (p50), 3.00 s (max) at each that was not stopped",
        ),
    ],
)
def test_the_closing_line_tells_both(silences: list[Silence], line: str) -> None:
    assert summary("killed", silences) == line
