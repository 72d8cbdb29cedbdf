"""The figures as a table for people."""

from collections.abc import Iterable, Sequence

from bench.floor import SIGNATURES, VERIFICATIONS, Floor
from bench.measure import Measurement

_HEADINGS = (
    *("workload", "in flight", "per second", "p50 ms", "p95 ms", "p99 ms"),
    *("CPU ms", "failed", "disk bytes"),
)


def render(measurements: Sequence[Measurement], floor: Floor, startup_s: float) -> str:
    """Return the table of all measurements, and the cost by process of the heaviest."""
    rows = [_row(measurement) for measurement in measurements]
    parts = [
        _aligned([_HEADINGS, *rows]),
        f"from nothing to the first committed transaction: {startup_s:.2f} s",
        f"floor: {floor.per_transfer_ms:.2f} CPU ms of ECDSA in a transfer "
        f"({SIGNATURES} signatures at {floor.sign_ms * 1e3:.0f} us, "
        f"{VERIFICATIONS} verifications at {floor.verify_ms * 1e3:.0f} us)",
        *(_by_process(measurement) for measurement in measurements[-1:]),
    ]
    return "\n\n".join(parts)


def _row(one: Measurement) -> tuple[str, ...]:
    return (
        one.workload,
        str(one.in_flight),
        f"{one.per_second:.1f}",
        f"{one.latency_p50_ms:.1f}",
        f"{one.latency_p95_ms:.1f}",
        f"{one.latency_p99_ms:.1f}",
        f"{one.cpu_ms_total:.2f}",
        str(sum(one.failed.values())),
        f"{one.disk_bytes:.0f}",
    )


def _by_process(one: Measurement) -> str:
    rows = [
        (name, f"{cpu_ms:.2f}", f"{one.resident_mib.get(name, 0.0):.0f}")
        for name, cpu_ms in one.cpu_ms.items()
    ]
    title = f"by process, {one.workload} with {one.in_flight} in flight:"
    return title + "\n" + _aligned([("process", "CPU ms", "resident MiB"), *rows])


def _aligned(rows: Iterable[Sequence[str]]) -> str:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
