"""A node warns of its own certificates long before they end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallystick.node.observability.certificates import OwnCertificate, warnings

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "told"),
    [
        pytest.param(timedelta(days=30, seconds=1), [], id="more than a month"),
        pytest.param(timedelta(days=30), ["expires in 30 days"], id="a month"),
        pytest.param(timedelta(hours=5), ["expires in 0 days"], id="today"),
        pytest.param(timedelta(seconds=-1), ["has expired"], id="over"),
    ],
)
def test_a_certificate_that_ends_soon_is_told_of(left: timedelta, told: list[str]) -> None:
    certificate = OwnCertificate("tls", Path("server.crt"), NOW + left)
    lines = list(warnings([certificate], NOW))
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert line.startswith(f"the certificate server.crt (tls) {words}, on 2026-")
        assert line.endswith("renew it ('tally crypto renew', or your CA) and restart this node")
