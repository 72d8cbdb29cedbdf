from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.transport.backoff import Backoff


@given(seed=st.integers(), failures=st.integers(min_value=1, max_value=20))
def test_delays_double_up_to_the_maximum_and_lose_at_most_half_by_chance(
    seed: int, failures: int
) -> None:
    backoff = Backoff(Random(seed), initial_s=0.5, maximum_s=8.0)
    for failure in range(failures):
        ceiling_s = min(0.5 * 2**failure, 8.0)
        assert ceiling_s / 2 <= backoff.next_delay_s() <= ceiling_s


def test_after_progress_delays_start_over() -> None:
    backoff = Backoff(Random(1), initial_s=0.5, maximum_s=8.0)
    for _ in range(5):
        backoff.next_delay_s()
    backoff.reset()
    assert backoff.next_delay_s() <= 0.5
