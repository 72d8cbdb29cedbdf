"""How far a peer is, as it tells itself."""

import asyncio
import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tallystick.node.cluster.node import Node


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a peer is: blocks it has, and transactions it has committed since it started."""

    height: int
    transactions: int


async def progress(peer: Node) -> Progress:
    """Return how far a peer says that it is."""
    url = f"http://{peer.operations_address}/metrics"
    text = await asyncio.to_thread(_read, url)
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    height = sums["ledger_blockchain_height"]
    return Progress(int(height), int(sums.get("ledger_transaction_count_total", 0)))


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 -- it is http, see above
        return str(answer.read(), "utf-8")
