"""A market with an issuer that pays: what tests of corporate actions begin with."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import JsonValue

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.actions.models import (
    ActionSecret,
    DistributionReport,
    Entitlement,
    HolderRate,
    RatesGiven,
    SignedVotes,
)
from tallystick.contracts.actions.terms import (
    ActionDocument,
    ActionTerms,
    ActionType,
    Ballot,
    Distribution,
    Exchange,
    Resolution,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    DistributionFunded,
    EntitlementClaimed,
    Vote,
    VotesCast,
)
from tallystick.contracts.testing import EVIDENCE, Market

SETTLEMENT = Chaincode.SETTLEMENT
AGENT, ISSUER, BROKER = (
    Participant.TRANSFER_AGENT,
    Participant.ISSUER,
    Participant.BROKER_DEALER,
)
A_DAY = timedelta(days=1)
SECRET = ActionSecret(salt="5a" * 16)
DOCUMENT = ActionDocument(name="resolution", uri="https://acme.example/1", document_hash=EVIDENCE)


def open_payer(market: Market, money: int = 100_000) -> None:
    """Register the issuer's identity that pays, and one that gets what is withheld."""
    market.onboard("acme", "revenue")
    market.deposit("acme", money)


def given(market: Market, numerator: int = 5, denominator: int = 1, **more: object) -> Distribution:
    """Return a distribution of cents that is paid in two days and lapses in ten."""
    parts: dict[str, object] = {
        "asset": "USD",
        "numerator": numerator,
        "denominator": denominator,
        "payer": "acme",
        "payable_at": market.after(2 * A_DAY),
        "claims_until": market.after(10 * A_DAY),
        **more,
    }
    return Distribution.model_validate(parts)


def dividend(market: Market, action: str = "D-1", **more: object) -> ActionTerms:
    """Return the terms of a dividend whose record date is tomorrow."""
    parts: dict[str, object] = {
        "action": action,
        "action_type": ActionType.CASH_DIVIDEND,
        "security": "ACME",
        "record_at": market.after(A_DAY),
        "ex_day": market.after(A_DAY)[:10],
        "documents": (DOCUMENT,),
        **more,
    }
    parts.setdefault("distribution", given(market))
    return ActionTerms.model_validate(parts)


def meeting(market: Market, action: str = "M-1", **more: object) -> ActionTerms:
    """Return the terms of a meeting that is voted on from the record date on, for a day."""
    resolution = Resolution(
        name="merger",
        choices=("for", "against", "abstain"),
        abstention="abstain",
        quorum=5000,
    )
    ballot: dict[str, object] = {
        "resolutions": (resolution,),
        "opens_at": market.after(A_DAY),
        "closes_at": market.after(2 * A_DAY),
        **more,
    }
    return ActionTerms(
        action=action,
        action_type=ActionType.GENERAL_MEETING,
        security="ACME",
        record_at=market.after(A_DAY),
        ballot=Ballot.model_validate(ballot),
        documents=(DOCUMENT,),
    )


def split_terms(new: int = 2, old: int = 1, action: str = "S-1") -> ActionTerms:
    """Return the terms of a split."""
    return ActionTerms(
        action=action,
        action_type=ActionType.SPLIT,
        security="ACME",
        exchange=Exchange(new=new, old=old),
        documents=(DOCUMENT,),
    )


def announce(market: Market, terms: ActionTerms) -> Outcome:
    """Announce an action, as the issuer."""
    return market.submit(ISSUER, SETTLEMENT, "announce_action", terms, secret=SECRET)


def confirm(market: Market, action: str) -> Outcome:
    """Confirm an action, as the transfer agent."""
    return market.submit(AGENT, SETTLEMENT, "confirm_action", action)


def record(market: Market, terms: ActionTerms) -> None:
    """Announce and confirm an action; let its record date come, and be sealed."""
    announce(market, terms)
    confirm(market, terms.action)
    market.ledger.advance(A_DAY)
    market.submit(AGENT, Chaincode.TOKEN, "seal_record_dates", terms.security)


def withhold(market: Market, holder: str, withholding: int, salt: str = "6b" * 16) -> Outcome:
    """Set a holder's own rate of withholding."""
    rates = RatesGiven(
        security="ACME",
        rates=(HolderRate(holder=holder, withholding=withholding),),
        salt=salt,
    )
    return market.submit(AGENT, SETTLEMENT, "set_withholding", rates=rates)


def page(holders: Sequence[str]) -> list[JsonValue]:
    """Return holders as an argument."""
    return list(holders)


def enter(market: Market, *holders: str, action: str = "D-1") -> Outcome:
    """Enter what some holders get."""
    return market.submit(AGENT, SETTLEMENT, "enter_entitlements", action, page(holders))


def fund(market: Market, amount: int, action: str = "D-1") -> Outcome:
    """Fund a distribution with a signed amount."""
    funded = DistributionFunded(action=action, payer="acme", cash="USD", amount=amount)
    intent = market.sign("acme", funded)
    return market.submit(BROKER, SETTLEMENT, "fund_action", action, intent)


def pay(market: Market, *holders: str, action: str = "D-1") -> Outcome:
    """Pay some holders."""
    return market.submit(AGENT, SETTLEMENT, "pay_entitlements", action, page(holders))


def claim(market: Market, holder: str, action: str = "D-1") -> Outcome:
    """Claim what a holder gets, through its broker."""
    claimed = EntitlementClaimed(action=action, holder=holder)
    return market.submit(BROKER, SETTLEMENT, "claim_entitlement", claimed)


def reclaim(market: Market, action: str = "D-1") -> Outcome:
    """Take back what is left, as the issuer."""
    return market.submit(ISSUER, SETTLEMENT, "reclaim_action", action)


def report(market: Market, action: str = "D-1") -> DistributionReport:
    """Return the sums of a distribution."""
    return market.submit(AGENT, SETTLEMENT, "distribution", action).load(DistributionReport)


def entitled(market: Market, holder: str, action: str = "D-1") -> Entitlement:
    """Return what a holder gets."""
    return market.submit(AGENT, SETTLEMENT, "entitlement", action, holder).load(Entitlement)


def vote(market: Market, holder: str, *, action: str = "M-1", **units: int) -> Outcome:
    """Vote on the merger through the broker: so many units for each choice."""
    votes = tuple(
        Vote(resolution="merger", choice=choice.rstrip("_"), units=number)
        for choice, number in units.items()
    )
    cast = VotesCast(action=action, holder=holder, votes=votes)
    return market.submit(BROKER, SETTLEMENT, "cast_votes", votes=SignedVotes(statement=cast))


def count(market: Market, action: str = "M-1") -> Outcome:
    """Count the votes."""
    return market.submit(AGENT, SETTLEMENT, "count_votes", action)


def raise_claim(market: Market, trade: str = "T-1", action: str = "D-1") -> Outcome:
    """Raise a market claim, as the clearing firm."""
    return market.submit(Participant.CLEARING, SETTLEMENT, "raise_market_claim", action, trade)


def resolve_claim(market: Market, trade: str = "T-1", action: str = "D-1") -> Outcome:
    """Resolve a market claim, as the clearing firm."""
    return market.submit(Participant.CLEARING, SETTLEMENT, "resolve_market_claim", action, trade)


def agree_for_long(market: Market, quantity: int, trade: str = "T-1") -> None:
    """Let alice sell to bob, to be settled within weeks."""
    terms = market.terms(trade, quantity=quantity)
    market.agree(terms.model_copy(update={"expires_at": market.after(30 * A_DAY)}))


def sold_over_a_record_date(market: Market) -> Market:
    """Let alice, who holds 1000, have sold 400 to bob; the trade is locked."""
    open_payer(market)
    agree_for_long(market, 400)
    market.lock()
    return market
