"""A party that has lost its keys: what it has under way stays, and the old key is dead for it."""

from datetime import timedelta

from tests.unit.contracts.acts import refused
from tests.unit.contracts.trades.orders import an_order, filling, order_row, place, real
from tests.unit.contracts.trades.stage import A_DAY, SETTLED, holdings, view, withdraw

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import Recovery
from tallystick.contracts.testing import EVIDENCE, Market, new_wallet
from tallystick.contracts.trades.models import Status

P = Participant


def recover(market: Market, identity: str) -> None:
    """Replace all keys of an identity; from then on the market signs with the new one."""
    fresh = new_wallet(identity)
    recovery = Recovery(identity=identity, keys=(fresh.new_key(),), evidence_hash=EVIDENCE)
    intent = fresh.sign(
        recovery, nonce=f"recovery-{identity}", expires_at=market.after(timedelta(hours=1))
    )
    market.submit(P.TRANSFER_AGENT, Chaincode.IDENTITY, "recover_identity", recovery, intent)
    market.wallets[identity] = fresh


def test_recovery_keeps_trades_at_every_stage(market: Market) -> None:
    """SS-67, W19."""
    market.agree(market.terms("T-1"))
    market.lock("T-1")
    market.propose(market.terms("T-2"))
    market.consent(market.terms("T-2"), "seller")
    before = view(market, "T-1"), view(market, "T-2"), real(market)

    recover(market, "alice")
    recover(market, "bob")

    assert (view(market, "T-1"), view(market, "T-2"), real(market)) == before
    market.settle("T-1")
    assert holdings(market) == SETTLED
    market.consent(market.terms("T-2"), "buyer")
    market.lock("T-2")
    market.settle("T-2")
    assert view(market, "T-2").trade.status is Status.SETTLED


def test_the_lost_key_neither_consents_nor_withdraws(market: Market) -> None:
    """SS-67, W19."""
    terms = market.terms()
    market.propose(terms)
    lost = market.wallets["alice"]
    recover(market, "alice")
    fresh, market.wallets["alice"] = market.wallets["alice"], lost
    assert refused(market.consent, terms, "seller") == "SIDE_NOT_SIGNED"
    assert refused(withdraw, market) == "SIDE_NOT_SIGNED"
    market.wallets["alice"] = fresh
    withdraw(market)
    assert view(market).trade.status is Status.WITHDRAWN


def test_an_order_that_the_lost_key_signed_stays_but_is_not_executed(market: Market) -> None:
    """SS-67, SS-36: whoever stole the key may have signed it; its holder places it anew."""
    place(market, an_order(market, expires_at=market.after(A_DAY)))
    recover(market, "alice")
    assert order_row(market).unfilled == 600
    market.agree(filling(market))
    assert refused(market.lock) == "INTENT_KEY_UNKNOWN"
