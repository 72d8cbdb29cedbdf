"""How often one client may call, on a clock that a test moves."""

from dataclasses import dataclass, replace

import pytest
from tests.unit.conftest import ChannelMaterial

from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.rates import ClientRates
from tallystick.node.membership.identity import Identity
from tallystick.node.settings import ClientRateSettings


@dataclass
class Clock:
    """Seconds since the node began."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(channel_material: ChannelMaterial) -> Identity:
    return channel_material.config().msps.identity(channel_material.client.identity)


def another(client: Identity, number: int) -> Identity:
    return replace(client, fingerprint=number.to_bytes(32, "big"))


def rates(clock: Clock, *, clients: int = 10) -> ClientRates:
    limit = ClientRateSettings(calls_per_s=2, burst=3, max_clients=clients)
    return ClientRates(limit, clock)


def calls(rates: ClientRates, client: Identity, attempts: int = 100) -> int:
    """Return how many of the client's calls pass before one is refused."""
    for passed in range(attempts):
        try:
            rates.check(client)
        except TooBusyError:
            return passed
        rates.charge(client)
    return attempts


def test_a_burst_passes_then_calls_pass_at_the_rate(clock: Clock, client: Identity) -> None:
    limited = rates(clock)
    assert calls(limited, client) == 3
    clock.now_s = 0.5
    assert calls(limited, client) == 1
    clock.now_s = 1.5
    assert calls(limited, client) == 2
    clock.now_s = 1_000
    assert calls(limited, client) == 3


def test_the_refusal_says_when_the_next_call_passes(clock: Clock, client: Identity) -> None:
    limited = rates(clock)
    calls(limited, client)
    clock.now_s = 0.1
    with pytest.raises(TooBusyError, match=r"nothing was done: try again in 0\.4 s") as caught:
        limited.check(client)
    clock.now_s += caught.value.retry_after_s
    assert calls(limited, client) == 1


def test_one_client_uses_up_nothing_of_another(clock: Clock, client: Identity) -> None:
    limited = rates(clock)
    calls(limited, client)
    assert calls(limited, another(client, 1)) == 3
    assert calls(limited, replace(client, msp_id="OtherMSP")) == 3


def test_another_spelling_of_the_same_certificate_is_the_same_client(
    clock: Clock, client: Identity
) -> None:
    limited = rates(clock)
    calls(limited, client)
    assert calls(limited, replace(client, serialized=client.serialized + b"\n")) == 0


def test_only_so_many_clients_are_remembered_and_the_longest_silent_is_forgotten(
    clock: Clock, client: Identity
) -> None:
    limited = rates(clock, clients=2)
    first, second, third = (another(client, number) for number in range(3))
    for each in (first, second, third):
        calls(limited, each)
    assert limited.clients == 2
    assert calls(limited, third) == 0
    assert calls(limited, first) == 3, "it was forgotten, and begins anew"


def test_what_is_charged_late_is_paid_back_before_the_next_call(
    clock: Clock, client: Identity
) -> None:
    limited = rates(clock)
    for _ in range(5):  # two more than the burst: they were taken before any was answered
        limited.charge(client)
    clock.now_s = 1.0
    assert calls(limited, client) == 0
    clock.now_s = 1.5
    assert calls(limited, client) == 1


@pytest.mark.parametrize("fellow", ["peer", "orderer"])
def test_fellow_nodes_are_not_limited(
    clock: Clock, channel_material: ChannelMaterial, fellow: str
) -> None:
    msps = channel_material.config().msps
    node = msps.identity(getattr(channel_material, fellow).identity)
    assert calls(rates(clock), node) == 100
