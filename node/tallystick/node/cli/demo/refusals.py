"""Six attempts that the ledger refuses, and the proof that nothing moved."""

import asyncio
from typing import Final

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.rules import SIDES
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cli.demo import trades
from tallystick.node.cli.demo.cast import ALICE, BOB, CAROL, SHARE
from tallystick.node.cli.demo.channel import Call
from tallystick.node.cli.demo.stage import DemoFailedError, Stage, check_conservation

QUANTITY: Final = 100


async def tell_refusals(stage: Stage) -> None:
    """Tell and try what must not succeed.

    Raises:
        DemoFailedError: Something succeeded all the same, or a unit moved.
        ClientError: The network failed.
    """
    stage.narrator.chapter("Six attempts that the ledger refuses")
    stage.narrator.say("What follows the word REFUSED is the ledger's own answer.")
    before = await stage.books()
    stage.narrator.pause()
    refused = [
        await _unverified_buyer(stage),
        await _frozen_seller(stage),
        await _missing_consent(stage),
        await _missing_endorsement(stage),
    ]
    await _venue_that_settles(stage, refused[-1])
    await _replayed_trade(stage)
    stage.narrator.pause()
    stage.narrator.say("The clearing firm calls the four trades off. The books after all attempts:")
    await asyncio.gather(
        *(stage.quietly(trades.cancel(terms, "refused by the ledger")) for terms in refused)
    )
    after = await stage.books()
    stage.show(after)
    if after != before:
        raise DemoFailedError(f"the books changed from {before} to {after}")
    stage.narrator.say("They are the same to the last unit and the last cent as after trade T-1.")
    check_conservation(stage.narrator, after)


async def _unverified_buyer(stage: Stage) -> TradeTerms:
    stage.narrator.say("(a) An unverified buyer. Carol has money, but nobody has checked her.")
    terms = await _agreed_sale(stage, "T-2", buyer=CAROL)
    await stage.attempt("tries to put both sides in escrow for T-2.", trades.lock(terms))
    return terms


async def _frozen_seller(stage: Stage) -> TradeTerms:
    stage.narrator.pause()
    stage.narrator.say("(b) A frozen seller. A court wants to know more about Alice's shares.")
    agent = Participant.TRANSFER_AGENT
    await stage.act(
        f"freezes Alice's holding of {SHARE}.",
        Call(agent, Chaincode.TOKEN, "freeze", (SHARE, ALICE, "court order 17/2026")),
    )
    terms = await _agreed_sale(stage, "T-3", buyer=BOB)
    await stage.attempt("tries to put both sides in escrow for T-3.", trades.lock(terms))
    await stage.act(
        "lifts the freeze: the court has closed the case.",
        Call(agent, Chaincode.TOKEN, "unfreeze", (SHARE, ALICE)),
    )
    return terms


async def _missing_consent(stage: Stage) -> TradeTerms:
    stage.narrator.pause()
    stage.narrator.say("(c) A missing consent. Bob has signed the trade, Alice has not.")
    terms = await _agreed_sale(stage, "T-4", buyer=BOB, signed_by=("buyer",))
    await stage.attempt("tries to put both sides in escrow for T-4.", trades.lock(terms))
    return terms


async def _missing_endorsement(stage: Stage) -> TradeTerms:
    stage.narrator.pause()
    stage.narrator.say(
        "(d) A trade without the clearing firm's endorsement. Somebody has stolen the key of its"
        " settlement desk and leaves its node out. Everything else about the trade is in order."
    )
    terms = await _agreed_sale(stage, "T-5", buyer=BOB)
    await stage.act("puts both sides in escrow for T-5.", trades.lock(terms))
    before = await stage.books()
    await stage.attempt(
        "(so it seems) tries to settle T-5 past its own node.",
        trades.settle(terms, nodes=(Participant.TRANSFER_AGENT,)),
    )
    after = await stage.books()
    if after != before:
        raise DemoFailedError("a settlement without the clearing firm's endorsement took effect")
    stage.narrator.pause()
    stage.narrator.say("No unit and no cent moved; what is in escrow for T-5 still is:")
    stage.show(after)
    return terms


async def _venue_that_settles(stage: Stage, terms: TradeTerms) -> None:
    stage.narrator.pause()
    stage.narrator.say(
        "(e) A venue that would settle by itself. Who brings the parties together must not also"
        " exchange what is theirs: the venue's licence is for the one only."
    )
    await stage.attempt(
        f"tries to settle {terms.trade} itself.", trades.settle(terms, by=Participant.ATS)
    )


async def _replayed_trade(stage: Stage) -> None:
    stage.narrator.pause()
    stage.narrator.say("(f) A trade recorded twice. The number T-1 is used up, for ever.")
    again = trades.sale(stage.wallets, "T-1", trades.Deal(ALICE, BOB, 2 * QUANTITY))
    await stage.attempt(
        "tries to record another T-1, of twice as many shares.", trades.record(again)
    )


async def _agreed_sale(
    stage: Stage, trade: str, *, buyer: str, signed_by: tuple[Side, ...] = SIDES
) -> TradeTerms:
    """Have a sale by Alice matched, and signed by the sides given."""
    terms = trades.sale(stage.wallets, trade, trades.Deal(ALICE, buyer, QUANTITY))
    await stage.act(f"matches {trade}: {trades.in_words(terms)}.", trades.record(terms))
    for side in signed_by:
        await stage.act(
            f"enters the {side}'s consent, signed by {terms.parties[side].title()}'s wallet.",
            trades.consent(stage.wallets, terms, side),
        )
    return terms
