"""More parties than the identity contract takes in one call: they are asked about all the same."""

from hashlib import sha256

from tests.unit.contracts.trades.test_surveillance import bar, barred

from tallystick.chaincode import Context
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.chaincode.testing.world import MemoryTransaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import MAX_PARTIES, Exercised, Party, check_parties
from tallystick.contracts.powers import Power
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import MAX_LEGS, LegKind, TradeLeg, TradeTerms

SETTLEMENT, CLEARING = Chaincode.SETTLEMENT, Participant.CLEARING


def asking(market: Market) -> Context:
    """Return a call of the settlement contract, from which others can be asked."""
    transaction = MemoryTransaction(
        world=market.ledger.world,
        transaction_id=sha256(b"many").hexdigest(),
        timestamp_ns=int(market.ledger.now.timestamp()) * 10**9,
        creator=market.clients[CLEARING].creator,
        entry_chaincode=SETTLEMENT,
    )
    return Context(MemoryStub(transaction, SETTLEMENT, [b""]))


def test_as_many_are_asked_about_as_an_instruction_has(market: Market) -> None:
    """SS-93, W10: fifty members of a cycle in fifty securities are 2,500 lines of the register."""
    names = ["alice"] * MAX_PARTIES + ["bob", "nobody"]
    wanted = Exercised(organization=CLEARING, powers=(Power.OPERATE_VENUE,))

    report = check_parties(
        asking(market),
        [Party(identity=each) for each in names],
        exercised=[wanted],
        organizations=[Participant.ATS],
    )

    known = [each.profile and each.profile.identity for each in report.parties]
    assert known == [*names[:-1], None]
    assert [each.code for each in report.parties[-1].findings] == ["IDENTITY_UNKNOWN"]
    assert [each.code for each in report.licences] == ["LICENCE_MISSING"]
    assert [each.organization for each in report.organizations] == [Participant.ATS]


def test_a_list_update_flags_trades_however_many_are_under_way(market: Market) -> None:
    """SS-39, W23."""
    trades = MAX_PARTIES // (2 * MAX_LEGS) + 1
    for number in range(trades):
        market.propose(between_many(market, f"T-{number}"))
    market.propose(market.terms("T-plain"))

    bar(market, "alice")

    assert "T-plain" in {each.trade.trade for each in barred(market)}


def between_many(market: Market, name: str) -> TradeTerms:
    """Return terms of a trade with as many parties as there can be."""
    legs = tuple(
        TradeLeg(
            kind=LegKind.UNITS,
            asset="ACME",
            sender=f"{name}-gives-{number}",
            receiver=f"{name}-gets-{number}",
            quantity=1,
        )
        for number in range(MAX_LEGS)
    )
    return market.terms(name).model_copy(update={"legs": legs})
