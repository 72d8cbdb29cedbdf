"""How often each client may call: a token bucket for each identity.

A bucket is kept as the moment at which it is full again, which is all there is to know of it. In
this form the rule is known as the generic cell rate algorithm: ITU-T I.371, annex A.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Self

from tallystick.node.limits.errors import TooBusyError
from tallystick.node.membership.identity import Identity
from tallystick.node.settings import ClientRateSettings


class ClientRates:
    """What each client has left.

    A client is its MSP and its certificate in canonical form, however it spelt them. Charge only
    calls whose signature is good: nobody can then use up what is another's. To look at what is left
    needs no signature, so that a flood costs none.

    Peers and orderers of the channel are not limited: they ask on behalf of all their clients, and
    on schedules of their own.
    """

    def __init__(self, limit: ClientRateSettings, clock: Callable[[], float]) -> None:
        """Begin with full buckets; ``clock`` returns seconds, and never goes back."""
        self._limit = limit
        self._clock = clock
        self._interval_s = 1 / limit.calls_per_s
        self._slack_s = (limit.burst - 1) * self._interval_s
        self._full_at_s: OrderedDict[tuple[str, bytes], float] = OrderedDict()

    @classmethod
    def on_loop(cls, limit: ClientRateSettings) -> Self:
        """Return rates by the clock of the event loop that is running when they are asked."""
        return cls(limit, lambda: asyncio.get_running_loop().time())

    @property
    def clients(self) -> int:
        """How many clients are remembered."""
        return len(self._full_at_s)

    def check(self, client: Identity) -> None:
        """Return if the client may call now.

        Raises:
            TooBusyError: It has nothing left.
        """
        wait_s = self._full_at_s.get(_key(client), 0.0) - self._slack_s - self._clock()
        if wait_s > 0:
            raise TooBusyError(
                f"{client.msp_id} {client.common_name} calls too often: more than"
                f" {self._limit.calls_per_s:g} times a second, after {self._limit.burst} at once",
                retry_after_s=wait_s,
            )

    def charge(self, client: Identity) -> None:
        """Take one call off what the client has left, which may become less than nothing."""
        if client.is_node:
            return
        key, buckets = _key(client), self._full_at_s
        buckets[key] = max(buckets.get(key, 0.0), self._clock()) + self._interval_s
        buckets.move_to_end(key)
        if len(buckets) > self._limit.max_clients:
            buckets.popitem(last=False)


def _key(client: Identity) -> tuple[str, bytes]:
    return client.msp_id, client.fingerprint
