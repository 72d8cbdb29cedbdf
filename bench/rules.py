"""``python -m bench.rules``: what a realistic rule set adds to a transfer, in CPU time.

The contracts run on a ledger in memory: no signature of an endorser, no orderer, no disk; only what
chaincode does, which is where rules cost. So the share measured here is the highest that
there can be. Both securities ask for the same claim; one of them has rules besides: where the sides
reside, a lock-up by exemption, the most that a person may hold. Freezes are looked at anyway.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue

from bench.market import ORIGIN, RESIDENCE, RULED, RULES, SECURITY, UNITS_EACH, holder
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Allocation
from tallystick.contracts.statements import ClaimMade, UnitsSent
from tallystick.contracts.testing import KYC_HOUSE, Market


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of one transfer: with the claim check alone, and with rules."""

    plain_ms: float
    ruled_ms: float

    @property
    def added(self) -> float:
        """What the rules add, as a share of the transfer with the claim check alone."""
        return self.ruled_ms / self.plain_ms - 1


def prepared(holders: int) -> Market:
    """Return a market whose holders have units of both securities."""
    market = Market()
    market.open()
    names = [holder(index) for index in range(holders)]
    market.onboard(*names)
    market.create_security(SECURITY)
    market.create_security(RULED)
    market.submit(
        Participant.TRANSFER_AGENT,
        Chaincode.TOKEN,
        "bind_rules",
        RulesGiven(security=RULED, home="US", rules=RULES),
    )
    topic: dict[str, JsonValue] = {"topic": RESIDENCE, "values": ["US", "DE"]}
    market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "set_topic", topic)
    market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "trust_issuer", RESIDENCE, KYC_HOUSE)
    for name in names:
        _attest_residence(market, name)
    for security in (SECURITY, RULED):
        allocations = [Allocation(to=name, quantity=UNITS_EACH, origin=ORIGIN) for name in names]
        market.submit(
            Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue_to_many", security, allocations
        )
    return market


def _attest_residence(market: Market, name: str) -> None:
    _submit_claim(
        market,
        ClaimMade(
            subject=name,
            topic=RESIDENCE,
            issuer=KYC_HOUSE,
            level=1,
            value="US",
            data_hash=sha256(name.encode()).hexdigest(),
            valid_from=market.after(timedelta(0)),
            valid_until=market.after(timedelta(days=3650)),
        ),
    )


def _submit_claim(market: Market, claim: ClaimMade) -> None:
    intent = market.sign(KYC_HOUSE, claim)
    market.submit(Participant.BROKER_DEALER, Chaincode.IDENTITY, "add_claim", claim, intent)


def measure(holders: int = 40, transfers: int = 100, rounds: int = 40) -> Cost:
    """Return the cost on this machine, now: of several rounds in turn, the cheapest of each."""
    market = prepared(holders)
    costs: dict[str, list[float]] = {SECURITY: [], RULED: []}
    for _ in range(rounds):
        for security, taken in costs.items():
            start = time.process_time()
            for sent in _pairs(security, holders, transfers):
                market.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "transfer", sent)
            taken.append((time.process_time() - start) * 1e3 / transfers)
    runs_each = 2  # the ledger in memory runs each transaction twice
    return Cost(min(costs[SECURITY]) / runs_each, min(costs[RULED]) / runs_each)


def _pairs(security: str, holders: int, transfers: int) -> Iterator[UnitsSent]:
    for number in range(transfers):
        first = 2 * (number % (holders // 2))
        yield UnitsSent(
            security=security, sender=holder(first), receiver=holder(first + 1), quantity=1
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--transfers", type=int, default=100, help="of each round")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    cost = measure(transfers=arguments.transfers, rounds=arguments.rounds)
    sys.stdout.write(
        f"claim check alone {cost.plain_ms:.3f} CPU ms, with rules {cost.ruled_ms:.3f} CPU ms:"
        f" {cost.added:+.1%}\n"
    )


if __name__ == "__main__":
    main()
