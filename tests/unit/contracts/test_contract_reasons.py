"""Every reason in the table is reached by a call, and its sentence reads as one."""

import string

import pytest
from tests.unit.contracts.refusals import (
    access,
    accounts,
    actions,
    calendars,
    claims,
    compliance,
    custody,
    discipline,
    fees,
    identities,
    licences,
    money,
    netting,
    offerings,
    orders,
    record_dates,
    register,
    tokens,
    trades,
)
from tests.unit.contracts.refusals.scenarios import SCENARIOS

from tallystick.chaincode import Refusal
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import (
    REASONS,
    ReasonTable,
)
from tallystick.contracts.testing import Market

MODULES = (
    access,
    accounts,
    actions,
    calendars,
    claims,
    compliance,
    custody,
    discipline,
    fees,
    identities,
    licences,
    money,
    netting,
    orders,
    record_dates,
    offerings,
    register,
    tokens,
    trades,
)
assert all(MODULES), "their scenarios are noted on import"


@pytest.mark.parametrize(
    "reason", [pytest.param(reason, id=reason.name) for reason in REASONS.values()]
)
def test_every_reason_is_reached_by_a_call(reason: ReasonTable, market: Market) -> None:
    """F28, F176."""
    with pytest.raises(Refusal) as refused:
        SCENARIOS[reason](market)

    assert refused.value.code == reason.name
    assert "{" not in refused.value.message


@pytest.mark.parametrize(
    "reason", [pytest.param(reason, id=reason.name) for reason in REASONS.values()]
)
def test_a_reason_reads_as_a_sentence(reason: ReasonTable) -> None:
    facts = [name for _, name, _, _ in string.Formatter().parse(reason.sentence) if name]

    assert reason.sentence.endswith((".", "{cause}"))
    assert not {"code", "message"}.intersection(facts), "these name parts of every refusal"
    assert reason.status in {400, 403, 404, 409, 422}


class RememberingMarket(Market):
    """Remembers the rows as they were before the last call."""

    def submit(
        self,
        participant: str,
        chaincode: str,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        self.rows_before = self.rows
        return super().submit(participant, chaincode, function, *arguments, **secrets)

    @property
    def rows(self) -> dict[tuple[str, str], bytes]:
        return {
            (name, str(key)): value
            for name, rows in self.ledger.world.rows.items()
            for each in (rows.values, rows.private)
            for key, value in each.items()
        }


@pytest.mark.parametrize(
    "reason", [pytest.param(reason, id=reason.name) for reason in REASONS.values()]
)
def test_a_refused_call_changes_nothing(reason: ReasonTable, market: Market) -> None:
    """SS-109."""
    remembering = RememberingMarket(**vars(market))

    with pytest.raises(Refusal):
        SCENARIOS[reason](remembering)

    assert remembering.rows == remembering.rows_before
