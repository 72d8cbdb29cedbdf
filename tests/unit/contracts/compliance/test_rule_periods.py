"""Periods of the calendar."""

import pytest

from tallystick.contracts.compliance.periods import end_of


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2026-03-01", "P40D", "2026-04-10T00:00:00Z"),
        ("2026-08-31", "P6M", "2027-02-28T00:00:00Z"),
        ("2023-08-31", "P6M", "2024-02-29T00:00:00Z"),
        ("2026-03-01", "P1Y", "2027-03-01T00:00:00Z"),
        ("2024-02-29", "P1Y", "2025-02-28T00:00:00Z"),
        ("2026-12-31T23:59:59Z", "P1M", "2027-01-31T23:59:59Z"),
        ("2026-01-01", "P9999Y", "9999-12-31T23:59:59Z"),
        ("9999-12-31", "P1D", "9999-12-31T23:59:59Z"),
        ("2026-01-01T00:00:00Z", "PT90S", "2026-01-01T00:01:30Z"),
    ],
)
def test_a_period_is_over_from_a_second_on(start: str, period: str, end: str) -> None:
    assert end_of(start, period) == end
