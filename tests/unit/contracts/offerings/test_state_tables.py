"""The tables of the documentation are those of the code."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from tallystick.contracts.offerings.states import (
    SUBSCRIPTION_TRANSITIONS,
    TRANSITIONS,
    Step,
    SubscriptionStep,
)

DOCUMENT = Path(__file__).parents[4] / "docs" / "contracts" / "offerings.md"
FUNCTIONS: Mapping[StrEnum, str] = {
    Step.ISSUE: "issue_units",
    Step.ALLOT: "allot",
    Step.FUND: "fund",
    Step.LAPSE: "lapse",
    SubscriptionStep.ISSUE: "issue_units",
}


def documented(heading: str) -> set[tuple[str, str, str]]:
    """Return each status, step and following status of the first table under a heading."""
    section = DOCUMENT.read_text().partition(f"## {heading}\n")[2]
    rows = [line for line in section.strip().split("\n\n")[0].splitlines() if line.startswith("|")]
    head, _, *body = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)
    return {
        (status, step, following)
        for statuses, *cells in body
        for status in statuses.split(", ")
        for step, cell in zip(head[1:], cells, strict=True)
        for following in re.findall(r"\w+", cell)
    }


StatusT = TypeVar("StatusT", bound=StrEnum)
StepT = TypeVar("StepT", bound=StrEnum)


def told(table: Mapping[tuple[StatusT, StepT], StatusT]) -> set[tuple[str, str, str]]:
    """Return the same of a table of the code; what fails, fails in the step that finds out."""
    found = set()
    for (status, step), following in table.items():
        names = [FUNCTIONS.get(step, str(step))]
        if step is Step.FAIL:
            names = ["allocate" if str(status) == "closed" else "fund"]
        found |= {(str(status), name, str(following)) for name in names}
    return found


def test_offerings() -> None:
    assert documented("The life of an offering") == told(TRANSITIONS)


def test_subscriptions() -> None:
    """An offering's own step places them."""
    assert documented("The life of a subscription") == told(SUBSCRIPTION_TRANSITIONS)
