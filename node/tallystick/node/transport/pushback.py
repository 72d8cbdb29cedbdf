"""How a server tells a client when to come again."""

from typing import Final

RETRY_PUSHBACK: Final = "grpc-retry-pushback-ms"
"""Trailing metadata, which gRPC's own retries heed too. Source: gRPC proposal A6."""


def pushback(retry_after_s: float) -> tuple[tuple[str, str], ...]:
    """Return the trailer of a refusal that need not be final."""
    return ((RETRY_PUSHBACK, str(max(1, round(retry_after_s * 1_000)))),)
