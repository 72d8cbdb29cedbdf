"""The figures of settlement discipline: packs of dated data, and which of them a venue is under.

No figure is in code. Each stands beside the provision that it comes from, and is in force from one
day to another, so that the penalty of a day past is never worked out by a later rate.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.instants import Day
from tallystick.contracts.models import Identifier, Model, Quantity, ShortText

MAX_LINES = 64
MAX_NAMED = 500
MAX_PERIODS = 200

Share = Annotated[int, Field(ge=0, le=1_000_000)]
BusinessDays = Annotated[int, Field(ge=1, le=365)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class SecuritiesRate(Model):
    """What each business day of a fail costs, for want of a kind of security.

    Attributes:
        instrument: The kind, such as ``liquid-share``.
        per_million: Millionths of the trade's amount: a basis point is 100.
    """

    instrument: Identifier
    per_million: Share
    provision: ShortText


class CashRate(Model):
    """What each business day of a fail costs, for want of money.

    Attributes:
        yearly_per_million: Interest of a year in millionths of the amount; never below zero.
        days_of_year: Into how many days the interest of a year is divided.
    """

    currency: Currency
    yearly_per_million: Share
    days_of_year: Annotated[int, Field(ge=360, le=366)]
    provision: ShortText


class BuyInClock(Model):
    """After how long a buyer may have bought elsewhere what is not delivered.

    Attributes:
        business_days: How many must have failed before it may be called.
        execution_days: In how many more the agent buys; then money is due instead.
    """

    instrument: Identifier
    business_days: BusinessDays
    execution_days: BusinessDays
    provision: ShortText


class CloseOutClock(Model):
    """By when a fail of a kind of sale must be closed out.

    Attributes:
        sale: The kind, such as ``short``.
        business_days: It is due at the opening of so many business days after the settlement day.
    """

    sale: Identifier
    business_days: BusinessDays
    provision: ShortText


class DisciplinePack(Model):
    """Row ``discipline-pack (pack, version)``: what law asks about fails; it never changes.

    Attributes:
        jurisdiction: Whose law it is.
        dated: The day as of which the figures are those of the law.
    """

    kind: Literal["settlement-discipline"]
    pack: Identifier
    version: Quantity
    title: ShortText
    jurisdiction: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    dated: Day
    securities: Annotated[tuple[SecuritiesRate, ...], Field(max_length=MAX_LINES)] = ()
    cash: Annotated[tuple[CashRate, ...], Field(max_length=MAX_LINES)] = ()
    buy_ins: Annotated[tuple[BuyInClock, ...], Field(max_length=MAX_LINES)] = ()
    close_outs: Annotated[tuple[CloseOutClock, ...], Field(max_length=MAX_LINES)] = ()

    def securities_rate(self, instrument: str) -> SecuritiesRate | None:
        """Return the rate for a kind of security, if there is one."""
        return next((each for each in self.securities if each.instrument == instrument), None)

    def cash_rate(self, currency: str) -> CashRate | None:
        """Return the rate for a currency, if there is one."""
        return next((each for each in self.cash if each.currency == currency), None)

    def buy_in(self, instrument: str) -> BuyInClock | None:
        """Return the clock of buy-ins of a kind of security, if there is one."""
        return next((each for each in self.buy_ins if each.instrument == instrument), None)

    def close_out(self, sale: str) -> CloseOutClock | None:
        """Return the clock of close-outs of a kind of sale, if there is one."""
        return next((each for each in self.close_outs if each.sale == sale), None)


class RegimePeriod(Model):
    """By which figures a venue's fails are judged, from some day on.

    Attributes:
        since: The first business day whose fails it concerns.
        standard: The kind of all securities that are not named.
        instruments: Kinds of securities, by security.
        currencies: ISO 4217 codes, by cash; one that is not named is called by its code.
    """

    since: Day
    pack: Identifier
    pack_version: Quantity
    standard: Identifier
    instruments: Annotated[Mapping[Identifier, Identifier], Field(max_length=MAX_NAMED)] = {}
    currencies: Annotated[Mapping[Identifier, Currency], Field(max_length=MAX_NAMED)] = {}

    def instrument(self, security: str) -> str:
        """Return of what kind a security is."""
        return self.instruments.get(security, self.standard)

    def currency(self, cash: str) -> str:
        """Return the currency of a cash."""
        return self.currencies.get(cash, cash)

    def cash_in(self, currency: str) -> str | None:
        """Return the first cash by id that is named as one of a currency, or None."""
        return min(
            (cash for cash, each in self.currencies.items() if each == currency), default=None
        )


class Regime(Model):
    """Row ``discipline (venue)``: by which figures its fails are judged, period by period.

    It names a venue's securities, rather than being looked up by one: a key that is read is
    public, and would tell which security a trade is about.

    Attributes:
        periods: Ascending by their first day.
    """

    venue: str
    periods: Annotated[tuple[RegimePeriod, ...], Field(max_length=MAX_PERIODS)] = ()

    def on(self, day: Day) -> RegimePeriod | None:
        """Return the period that a day belongs to, if any."""
        begun = [each for each in self.periods if each.since <= day]
        return begun[-1] if begun else None
