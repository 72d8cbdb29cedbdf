"""The story of one trade, chapter by chapter."""

import asyncio
from hashlib import sha256
from typing import Final

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cli.demo import trades
from tallystick.node.cli.demo.cast import (
    ALICE,
    BOB,
    BOBS_DEPOSIT,
    CAROL,
    CAROLS_DEPOSIT,
    CASH,
    FIRMS,
    KYC,
    KYC_HOUSE,
    NODES,
    PRICE,
    SHARE,
    SHARE_NAME,
    SHARES_ISSUED,
    VERIFIED,
    firm_name,
)
from tallystick.node.cli.demo.channel import Call
from tallystick.node.cli.demo.narration import Narrator, dollars, units
from tallystick.node.cli.demo.refusals import tell_refusals
from tallystick.node.cli.demo.secrecy import tell_secrets
from tallystick.node.cli.demo.stage import DemoFailedError, Stage, check_conservation

SHARES_SOLD: Final = 250
_FINGERPRINT_LENGTH: Final = 16
_DUE_DILIGENCE: Final = sha256(b"due diligence of the demonstration").hexdigest()


def introduce(narrator: Narrator) -> None:
    """Say who takes part and by which rule."""
    narrator.say(
        "When a share changes hands, the law gives several licensed firms a part in it. Here they"
        " keep one ledger together. Three of them run a node, a program with a full copy of the"
        " ledger. No node can change it alone: for every kind of step, a rule names the firms whose"
        " nodes must check and sign it first. That is called endorsing."
    )
    narrator.say(
        "The regulator has licensed each of them, for its part and for a time. The ledger keeps the"
        " licences and looks them up at every step: a firm without a live one is refused."
    )
    narrator.table(
        ("firm", "what it does", "runs a node"),
        [
            (firm.name, firm.task, "yes" if participant in NODES else "no")
            for participant, firm in FIRMS.items()
        ],
    )


async def tell_story(stage: Stage) -> None:
    """Tell and do everything that follows once the network is up.

    Raises:
        DemoFailedError: The ledger did something else than the story says.
        ClientError: The network failed.
    """
    await _admit_investors(stage)
    await _issue(stage)
    sold = await _trade(stage)
    await tell_secrets(stage, sold)
    await tell_refusals(stage)
    await _compare_copies(stage)


async def _admit_investors(stage: Stage) -> None:
    stage.narrator.chapter("Investors are admitted")
    stage.narrator.say(
        "Alice, Bob and Carol each have a wallet. Their keys were made in it and never leave it."
        " No address and no passport reaches the ledger: only that somebody trusted has checked"
        " them (KYC, know your customer)."
    )
    stage.narrator.say(
        "Below each step is what the ledger did: the block that keeps it, the first digits of its"
        " transaction id, and whose nodes endorsed it."
    )
    stage.narrator.pause()
    broker = Participant.BROKER_DEALER
    house = stage.wallets.registration(KYC_HOUSE, is_firm=True)
    await stage.act(
        "enters the KYC house, the firm that checks investors.",
        Call(broker, Chaincode.IDENTITY, "register_identity", (house.statement, house.intent)),
    )
    await stage.act(
        "declares that the word of the KYC house counts.",
        Call(Participant.REGULATOR, Chaincode.IDENTITY, "trust_issuer", (KYC, KYC_HOUSE)),
    )
    newcomers = stage.wallets.onboarding([ALICE, BOB, CAROL], verified=VERIFIED)
    await stage.act(
        "enters Alice, Bob and Carol. Each wallet has signed that the broker-dealer may act for its"
        " owner, and the KYC house has signed that it checked Alice and Bob. Carol is not checked.",
        Call(broker, Chaincode.IDENTITY, "onboard", (newcomers,)),
    )


async def _issue(stage: Stage) -> None:
    stage.narrator.chapter("A security is issued, and money is paid in")
    agent, bank = Participant.TRANSFER_AGENT, Participant.BANK
    terms = SecurityTerms(
        security=SHARE,
        name=SHARE_NAME,
        issuer=Participant.ISSUER,
        requirements=(Requirement(topic=KYC),),
    )
    await stage.act(
        f"opens the register of {SHARE_NAME}, in short {SHARE}; only who is checked may hold it.",
        Call(agent, Chaincode.TOKEN, "create_security", (terms,)),
    )
    listing = ListingTerms(security=SHARE, due_diligence_hash=_DUE_DILIGENCE)
    await stage.act(
        f"lists {SHARE}, since it has looked into the company: the ledger keeps the hash of what it"
        " found.",
        Call(Participant.ATS, Chaincode.SETTLEMENT, "list_security", (listing,)),
    )
    await stage.act(
        f"issues {units(SHARES_ISSUED)} {SHARE} to Alice.",
        Call(agent, Chaincode.TOKEN, "issue", (SHARE, ALICE, SHARES_ISSUED)),
    )
    await stage.act(
        f"opens digital dollars, in short {CASH}; it owes every one of them to its holder.",
        Call(bank, Chaincode.CASH, "open_cash", (CASH, "USD")),
    )
    for investor, amount in ((BOB, BOBS_DEPOSIT), (CAROL, CAROLS_DEPOSIT)):
        await stage.act(
            f"takes in {dollars(amount)} from {investor.title()}.",
            Call(bank, Chaincode.CASH, "deposit", (CASH, investor, amount)),
        )
    stage.narrator.pause()
    stage.narrator.say("The books BEFORE the trade, as the regulator reads them from the ledger:")
    books = await stage.books()
    stage.show(books)
    check_conservation(stage.narrator, books)


async def _trade(stage: Stage) -> TradeTerms:
    """Tell and do the trade; return its terms."""
    narrator, wallets = stage.narrator, stage.wallets
    terms = trades.sale(wallets, "T-1", buyer=BOB, quantity=SHARES_SOLD)
    narrator.chapter("A trade is matched, and both sides sign it")
    await stage.act(
        f"matches trade T-1: {trades.in_words(terms)}, {dollars(PRICE)} a share.",
        trades.match(terms),
    )
    await stage.act(
        "enters the buyer's consent. Bob's wallet has signed exactly these terms.",
        trades.consent(wallets, terms, "buyer"),
    )
    await stage.act(
        "enters the seller's consent. Alice's wallet has signed exactly these terms.",
        trades.consent(wallets, terms, "seller"),
    )

    narrator.chapter("Shares and money are locked")
    await stage.act("locks the shares of Alice and the money of Bob for T-1.", trades.lock(terms))
    narrator.pause()
    narrator.say(
        "Alice still owns the shares and Bob the money, but neither can use them elsewhere:"
    )
    stage.show(await stage.books())

    narrator.chapter("The trade settles")
    await stage.act(
        "exchanges shares against money, in one transaction: both move, or neither.",
        trades.settle(terms),
    )
    narrator.pause()
    narrator.say("The books AFTER the trade:")
    books = await stage.books()
    stage.show(books)
    check_conservation(narrator, books)
    return terms


async def _compare_copies(stage: Stage) -> None:
    stage.narrator.chapter("Three copies, one ledger")
    tips = await asyncio.gather(*map(stage.channel.chain_info, NODES))
    stage.narrator.table(
        ("node of", "blocks", "fingerprint of the last block"),
        [
            (firm_name(node), str(tip.height), tip.currentBlockHash.hex()[:_FINGERPRINT_LENGTH])
            for node, tip in zip(NODES, tips, strict=True)
        ],
    )
    if len({(tip.height, tip.currentBlockHash) for tip in tips}) > 1:
        raise DemoFailedError("the nodes' copies of the ledger differ")
    stage.narrator.say(
        "The fingerprint of a block covers all blocks before it: the three copies agree in every"
        " step told above, and nobody can change one of them unnoticed."
    )
