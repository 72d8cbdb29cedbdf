"""Given: who takes part, investors who have been checked, a listed security, shares and money."""

from hashlib import sha256
from typing import Final

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.orders.models import PermitKey
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.register.models import SecurityTerms
from tallystick.node.cli.demo.cast import (
    ALICE,
    BOB,
    BOBS_DEPOSIT,
    CAROL,
    CAROLS_DEPOSIT,
    CASH,
    FIRMS,
    INVESTORS,
    KYC,
    KYC_HOUSE,
    NODES,
    SHARE,
    SHARE_NAME,
    SHARES_ISSUED,
    VERIFIED,
)
from tallystick.node.cli.demo.channel import Call
from tallystick.node.cli.demo.narration import Narrator, dollars, units
from tallystick.node.cli.demo.stage import Stage, check_conservation

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
    narrator.say("Between them they give the market three services:")
    narrator.table(
        ("service", "what it does", "who runs it"),
        [
            ("MarketMakerMatcher", "finds two orders that fit each other", "trading venue"),
            ("TradeManager", "records the trade, notifies everybody", "every node, as a contract"),
            ("SettlementManager", "exchanges shares against money", "clearing firm"),
        ],
    )


async def tell_given(stage: Stage) -> None:
    """Tell and do what must be there before anybody can trade.

    Raises:
        DemoFailedError: The ledger did something else than the story says.
        ClientError: The network failed.
    """
    await _admit_investors(stage)
    await _list(stage)
    await _fund(stage)


async def _admit_investors(stage: Stage) -> None:
    stage.narrator.chapter("Given: investors with a wallet, whom somebody has checked")
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
    newcomers = stage.wallets.onboarding(INVESTORS, verified=VERIFIED)
    await stage.act(
        "enters Alice, Bob and Carol. Each wallet has signed that the broker-dealer may act for its"
        " owner, and the KYC house has signed that it checked Alice and Bob. Carol is not checked.",
        Call(broker, Chaincode.IDENTITY, "onboard", (newcomers,)),
    )


async def _list(stage: Stage) -> None:
    stage.narrator.chapter("Given: a security that is listed, shares and money")
    agent = Participant.TRANSFER_AGENT
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
        f"lists {SHARE}, so that it may be traded there: it has looked into the company, and the"
        " ledger keeps a fingerprint of what it found.",
        Call(Participant.ATS, Chaincode.SETTLEMENT, "list_security", (listing,)),
    )
    key = PermitKey(key=stage.wallets.nonce() + stage.wallets.nonce())
    await stage.act(
        "draws the key with which nodes that see every venue seal what they say of an order.",
        Call(
            Participant.CLEARING,
            Chaincode.SETTLEMENT,
            "renew_permit_key",
            (),
            secrets={"permit_key": key},
        ),
    )
    await stage.act(
        f"issues {units(SHARES_ISSUED)} {SHARE} to Alice.",
        Call(agent, Chaincode.TOKEN, "issue", (SHARE, ALICE, SHARES_ISSUED)),
    )


async def _fund(stage: Stage) -> None:
    bank = Participant.BANK
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
