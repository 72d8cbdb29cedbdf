"""What everybody does who brings a course of events about on a network."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market

from tallystick.client.contract import Argument
from tallystick.contracts.actions.models import ActionSecret
from tallystick.contracts.actions.terms import (
    ActionDocument,
    ActionTerms,
    ActionType,
    Distribution,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import ChangeGiven
from tallystick.contracts.instants import instant
from tallystick.contracts.netting.models import CycleTerms
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import ChangeAgreed, DistributionFunded, Representation
from tallystick.contracts.statements.discipline import Change
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.testing import LocalNetwork

P = Participant
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

DOCUMENTS = (
    ActionDocument(name="resolution", uri="https://acme.example/1", document_hash="0" * 64),
)


async def settle(market: Market, who: P, function: str, *arguments: Argument) -> bytes:
    """Call the settlement contract."""
    return await market.submit(who, Chaincode.SETTLEMENT, function, *arguments)


async def endow(market: Market, *, units: Mapping[str, int], money: Mapping[str, int]) -> None:
    """Give holders what they begin with."""
    for holder, quantity in units.items():
        await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, holder, quantity)
    for holder, amount in money.items():
        await market.submit(P.BANK, Chaincode.CASH, "deposit", CASH, holder, amount)


async def represent(market: Market, identity: str, organization: P) -> None:
    """Let an identity sign for an organisation."""
    said = Representation(identity=identity, organization=organization)
    intent = market.sign(identity, said)
    await market.submit(organization, Chaincode.IDENTITY, "represent", said, intent)


async def agree(market: Market, terms: TradeTerms) -> None:
    """Propose a trade, and let all parties consent to it."""
    await market.propose(terms)
    for side in terms.parties:
        await market.consent(terms, side)


async def agree_on_change(market: Market, terms: TradeTerms, change: Change) -> None:
    """Let buyer and seller sign for a change of their trade."""
    given = ChangeGiven(change=change)
    for side in ("buyer", "seller"):
        agreed = ChangeAgreed(
            trade=terms.trade,
            side=side,
            party=terms.parties[side],
            terms_hash=terms.digest,
            change=change,
        )
        await market.submit(
            P.BROKER_DEALER,
            Chaincode.SETTLEMENT,
            "agree_change",
            terms.trade,
            side,
            change=given,
            intent=market.sign(agreed.party, agreed),
        )


async def open_cycle(market: Market, cycle: str, **rules: object) -> None:
    """Open a cycle of the venue that takes trades for an hour, and then settles."""
    at = instant(market.now() + HOUR)
    given = {"cycle": cycle, "venue": P.ATS, "cut_off_at": at, "settles_from": at, **rules}
    await settle(market, P.CLEARING, "open_cycle", CycleTerms.model_validate(given))


async def accept(market: Market, cycle: str, *trades: str) -> None:
    """Let a cycle take a page of trades."""
    page: JsonValue = list(trades)
    await settle(market, P.CLEARING, "accept_trades", cycle, page)


def distribution(
    market: Market, action: str, action_type: ActionType, **given: object
) -> ActionTerms:
    """Return terms of what is given to who holds in an hour, two hours from now until in a week."""
    record_at = market.now() + HOUR
    parts = {
        "payable_at": instant(record_at + HOUR),
        "claims_until": instant(record_at + 7 * DAY),
        **given,
    }
    return ActionTerms(
        action=action,
        action_type=action_type,
        security=SECURITY,
        record_at=instant(record_at),
        distribution=Distribution.model_validate(parts),
        documents=DOCUMENTS,
    )


async def announce(market: Market, terms: ActionTerms) -> None:
    """Let the issuer announce an action, and the transfer agent confirm it."""
    secret = ActionSecret(salt="5a" * 16)
    await market.submit(P.ISSUER, Chaincode.SETTLEMENT, "announce_action", terms, secret=secret)
    await settle(market, P.TRANSFER_AGENT, "confirm_action", terms.action)


async def recorded(
    market: Market, network: LocalNetwork, terms: ActionTerms, *holders: str
) -> None:
    """Announce what is given, let its record date come, and enter what holders get."""
    await announce(market, terms)
    network.clock.stand_still(datetime.fromisoformat(str(terms.record_at)))
    await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "seal_record_dates", SECURITY)
    page: JsonValue = list(holders)
    await settle(market, P.TRANSFER_AGENT, "enter_entitlements", terms.action, page)


async def fund(market: Market, action: str, payer: str, amount: int) -> None:
    """Let the payer's money wait for an action."""
    funded = DistributionFunded(action=action, payer=payer, cash=CASH, amount=amount)
    await settle(market, P.BROKER_DEALER, "fund_action", action, market.sign(payer, funded))


async def pay(market: Market, action: str, *holders: str) -> None:
    """Give a page of holders what they get by an action."""
    page: JsonValue = list(holders)
    await settle(market, P.TRANSFER_AGENT, "pay_entitlements", action, page)
