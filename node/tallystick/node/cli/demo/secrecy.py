"""Who sees what of the trade: a query of an outsider, and a search through every block."""

import re
from typing import Final

from tallystick.client.errors import EvaluateError
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cli.demo.cast import BOB, CASH, firm_name
from tallystick.node.cli.demo.narration import dollars
from tallystick.node.cli.demo.stage import DemoFailedError, Stage
from tallystick.node.cli.demo.trades import in_words

READERS: Final = (Participant.CLEARING, Participant.REGULATOR, Participant.ISSUER)
_SHOWN_LENGTH: Final = 16


async def tell_secrets(stage: Stage, terms: TradeTerms) -> None:
    """Tell who can read a settled trade, and show that its price is in no block.

    Raises:
        DemoFailedError: Somebody reads too much or too little, or a block tells the price.
        ClientError: The network failed.
    """
    narrator = stage.narrator
    narrator.chapter("Who can read the trade")
    narrator.say(
        "The terms of T-1 were never part of a transaction. They lie with the venue, the clearing"
        " firm, the transfer agent and the regulator; the broker-dealer of a side may ask for them."
        " Everybody else has a fingerprint that fits no other terms. The same question, asked by"
        " three firms:"
    )
    narrator.table(
        ("asked by", "terms of T-1", "fingerprint of the terms"),
        [await _row(stage, reader, terms) for reader in READERS],
    )
    await _ask_for_the_accounts(stage)
    await _search_blocks(stage, terms)


async def _row(stage: Stage, reader: Participant, terms: TradeTerms) -> tuple[str, str, str]:
    answer = await stage.channel.query(reader, Chaincode.SETTLEMENT, "trade", terms.trade)
    seen = TradeView.model_validate_json(answer)
    expected = None if reader is Participant.ISSUER else terms
    if seen.terms != expected or seen.trade.terms_hash != terms.digest:
        raise DemoFailedError(f"{reader} should read {expected} of {terms.trade}, but: {seen}")
    said = "nothing" if seen.terms is None else in_words(seen.terms)
    return firm_name(reader), said, seen.trade.terms_hash[:_SHOWN_LENGTH]


async def _ask_for_the_accounts(stage: Stage) -> None:
    try:
        answer = await stage.channel.query(Participant.ATS, Chaincode.CASH, "accounts", CASH)
    except EvaluateError:
        stage.narrator.say(
            f"Nor can the trading venue look into {BOB.title()}'s account: the ledger refuses."
        )
        return
    raise DemoFailedError(f"the trading venue should not read accounts, but: {answer!r}")


async def _search_blocks(stage: Stage, terms: TradeTerms) -> None:
    """Look for the price and the salt in all blocks so far."""
    height = (await stage.channel.chain_info(Participant.ATS)).height
    blocks = [await stage.channel.block(Participant.ATS, number) for number in range(height)]
    if not any(terms.digest.encode() in block for block in blocks):
        raise DemoFailedError(f"no block has the fingerprint of {terms.trade}")
    for secret in (str(terms.amount), terms.salt):
        told = re.compile(rb"(?<![0-9a-f])%s(?![0-9a-f])" % secret.encode())  # not part of a hash
        for number, block in enumerate(blocks):
            if told.search(block):
                raise DemoFailedError(f"block {number} tells a secret of {terms.trade}")
    stage.narrator.say(
        f"All {height} blocks were searched, byte by byte: the fingerprint is there, the price of"
        f" {dollars(terms.amount)} is not. What the register of holders shows to all is how many"
        " shares changed hands, not for how much."
    )
