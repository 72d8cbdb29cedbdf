"""What may befall those who have something waiting, before it comes to its end."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tests.unit.contracts.money import end_licence
from tests.unit.contracts.register_acts import as_agent
from tests.unit.contracts.trades.test_recovered_parties import recover

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import ClaimWithdrawn, ListUpdated, MandateWithdrawn
from tallystick.contracts.testing import EVIDENCE, KYC, KYC_HOUSE, LICENCES, Market

Hindrance = Callable[[Market, Sequence[str]], object]
SCREENING = "screening"


def freeze(market: Market, holders: Sequence[str]) -> None:
    """Stop holders from sending and receiving units."""
    for each in holders:
        as_agent(market, "freeze", "ACME", each, "court order 7")


def bar(market: Market, holders: Sequence[str]) -> None:
    """Put holders on a list of the barred."""
    regulator = (Participant.REGULATOR, Chaincode.IDENTITY)
    market.submit(*regulator, "trust_issuer", SCREENING, KYC_HOUSE)
    updated = ListUpdated(
        issuer=KYC_HOUSE, list_name="ofac", version=1, list_hash=EVIDENCE, added=tuple(holders)
    )
    intent = market.sign(KYC_HOUSE, updated)
    market.submit(Participant.ISSUER, Chaincode.IDENTITY, "update_list", updated, intent)


def lose_keys(market: Market, holders: Sequence[str]) -> None:
    """Replace all keys of holders; from then on they sign with new ones."""
    for each in holders:
        recover(market, each)


def withdraw_claims(market: Market, holders: Sequence[str]) -> None:
    """Let the KYC house take back what it said of holders."""
    for each in holders:
        said = ClaimWithdrawn(subject=each, topic=KYC, issuer=KYC_HOUSE)
        intent = market.sign(KYC_HOUSE, said)
        market.submit(Participant.ISSUER, Chaincode.IDENTITY, "revoke_claim", said, intent)


def withdraw_mandates(market: Market, holders: Sequence[str]) -> None:
    """Let nobody act for holders any more."""
    for each in holders:
        said = MandateWithdrawn(identity=each, participant=Participant.BROKER_DEALER)
        intent = market.sign(each, said)
        market.submit(Participant.ISSUER, Chaincode.IDENTITY, "revoke_mandate", said, intent)


def pause(market: Market, _: Sequence[str]) -> None:
    """Stop all movements of the security."""
    as_agent(market, "pause", "ACME", "a doubt")


def deactivate(market: Market, _: Sequence[str]) -> None:
    """End the security for ever."""
    as_agent(market, "deactivate", "ACME", "a merger")


def end_listing(market: Market, _: Sequence[str]) -> None:
    """Let the security be traded at the venue no more."""
    regulator = (Participant.REGULATOR, Chaincode.SETTLEMENT)
    market.submit(*regulator, "end_listing", "ACME", Participant.ATS, "a doubt")


def lose_licence(market: Market, _: Sequence[str], *, organization: Participant) -> None:
    """Let an organisation have no licence any more."""
    end_licence(market, organization)


HINDRANCES: Mapping[str, Hindrance] = {
    "nothing": lambda _, __: None,
    "holders are frozen": freeze,
    "holders are barred": bar,
    "holders have lost their keys": lose_keys,
    "holders are verified no more": withdraw_claims,
    "holders have no broker any more": withdraw_mandates,
    "the security is paused": pause,
    "the security has ended": deactivate,
    "the security is not listed any more": end_listing,
} | {
    f"{organization} has no licence any more": partial(lose_licence, organization=organization)
    for organization in LICENCES
}
