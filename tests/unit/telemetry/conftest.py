"""What the code under test records."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from tests.traces import Collected, collecting


@pytest.fixture
def collected() -> Iterator[Collected]:
    """What this process records while the test runs."""
    with collecting(ALWAYS_ON) as everything:
        yield everything
