"""All that `settlement` and `cash` publish of days full of business (SS-107, ADR 15).

The days are lived through several times. Where only secrets differ, public rows and events must be
the same, but for hashes; and such a hash must be another one as soon as salts are others, for one
that is not could be guessed.
"""

import re
from hashlib import sha256

import pytest
from tests.unit.contracts.market_day import (
    CASH,
    INVESTORS,
    SETTLEMENT,
    MarketDays,
    Secrets,
    days_of,
    opened,
)

from tallystick.contracts.discipline.models import Cause

DIGEST = re.compile(rb"[0-9a-f]{64}")
OTHERS = Secrets(
    sides=("dogwood", "cedar", "birch", "alder"),
    security="BETA",
    unit=2,
    choice="against",
    cause=Cause.LACK_OF_CASH,
)
"""Other secrets under the same salts."""

SALTED = Secrets(seed="b")
"""The same secrets under other salts."""


@pytest.fixture(scope="module")
def before() -> MarketDays:
    return opened()


@pytest.fixture(scope="module")
def lived(before: MarketDays) -> MarketDays:
    return days_of(before, Secrets())


def published(market: MarketDays) -> list[bytes]:
    """Return each public row, with all that it ever was, and each event, as bytes."""
    rows = [
        b" ".join([key.encode(), value]) for _, key, value in market.public_rows(SETTLEMENT, CASH)
    ]
    return [*rows, *(each.model_dump_json().encode() for each in market.told(SETTLEMENT, CASH))]


def masked(said: bytes) -> bytes:
    """Return what was said, with a sign in the place of each hash."""
    return DIGEST.sub(b"#", said)


def guesses(word: str) -> list[bytes]:
    """Return what a word looks like in plain text, and hashed without a salt."""
    plain = word.encode()
    digests = [sha256(each).hexdigest() for each in (plain, b'"' + plain + b'"')]
    return [plain, *(each.encode() for each in digests)]


def test_a_day_holds_every_kind_of_business(lived: MarketDays) -> None:
    """What the other tests show, they show of all of these."""
    rows = {key.split("\x00")[1] for _, key, _ in lived.public_rows(SETTLEMENT, CASH)}
    told = {each.type for each in lived.told(SETTLEMENT, CASH)}

    assert {
        "trade", "consent", "cycle", "batch", "action", "voted", "offering", "subscription",
        "receipt", "supply", "fee-schedule", "listing", "calendar", "discipline",
    } <= rows  # fmt: skip
    assert {
        "settlement.TradeSettled", "settlement.TradeFailed", "settlement.TradeWithdrawn",
        "settlement.TradeCancelled", "settlement.TradeHeld", "settlement.PenaltiesCollected",
        "settlement.BuyInCompensated", "settlement.CycleSettled", "settlement.DefaultDeclared",
        "settlement.EntitlementsPaid", "settlement.MarketClaimChanged", "settlement.VoteReceived",
        "settlement.SubscriptionAdvanced", "settlement.OfferingAllocated",
        "settlement.OrderEntered", "cash.EntryMade", "cash.ReceiptUsed",
    } <= told  # fmt: skip


def test_nothing_public_names_a_party_an_amount_or_why_something_failed(
    before: MarketDays, lived: MarketDays
) -> None:
    """SS-107: neither in plain text, nor as a hash of it that anybody could try."""
    new = set(published(lived)) - set(published(before))
    said = b" ".join([*map(masked, new), *(each for one in new for each in DIGEST.findall(one))])
    amounts = [str(each) for each in lived.amounts() if each > 999]
    words = [*INVESTORS, *amounts, lived.secrets.cause]

    assert b"T-gross" in said
    assert len(amounts) > 5
    assert [word for word in words for guess in guesses(word) if guess in said] == []


def test_where_only_secrets_differ_only_salted_hashes_do(
    before: MarketDays, lived: MarketDays
) -> None:
    """SS-107: sides, security, quantities, prices, rates, votes and causes are all others."""
    usual, others, salted = (
        published(each) for each in (lived, days_of(before, OTHERS), days_of(before, SALTED))
    )
    hashes = [DIGEST.findall(b" ".join(each)) for each in (usual, others, salted)]
    telling = [place for place in zip(*hashes, strict=True) if place[0] != place[1]]

    assert [*map(masked, usual)] == [*map(masked, others)] == [*map(masked, salted)]
    assert len(telling) > 10
    assert [one for one, _, under_another_salt in telling if one == under_another_salt] == []


def test_no_private_value_has_a_hash_that_a_guess_could_hit(
    before: MarketDays, lived: MarketDays
) -> None:
    """Every peer has the hashes: the same values under other salts have others, all of them."""
    salted = days_of(before, SALTED).private_hashes()

    assert len(salted - before.private_hashes()) > 50
    assert lived.private_hashes() & salted <= before.private_hashes()
