"""What all chapters need: acts that are told while they happen, and the books to compare."""

from dataclasses import dataclass

from tallystick.client.contract import Argument
from tallystick.contracts.cash.models import CashAccount, CashPage
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding, RegisterPage
from tallystick.node.cli.demo.cast import CASH, SHARE, firm_name
from tallystick.node.cli.demo.channel import Call, Channel, Committed, Outcome, Refused
from tallystick.node.cli.demo.narration import Narrator, Tone, dollars, total, units
from tallystick.node.cli.demo.wallets import Wallets
from tallystick.node.errors import LedgerError

SHORT_ID_LENGTH = 8


class DemoFailedError(LedgerError):
    """The network did something else than the story says."""


@dataclass(frozen=True, slots=True)
class Books:
    """Who owns what, as the ledger says, and what has been created of it.

    Attributes:
        holdings: Lines of the register of holders.
        units_issued: Shares in being, by the record of issues.
        accounts: Accounts of digital cash.
        money_deposited: Cents that the bank owes, by the record of deposits.
    """

    holdings: tuple[Holding, ...]
    units_issued: int
    accounts: tuple[CashAccount, ...]
    money_deposited: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story takes place."""

    narrator: Narrator
    channel: Channel
    wallets: Wallets

    async def act(self, action: str, call: Call, actor: str = "") -> Committed:
        """Tell and do something that must succeed.

        Args:
            action: What is done, in words.
            call: The same for the ledger.
            actor: Who the story says does it; the firm that calls, unless given.

        Raises:
            DemoFailedError: It was refused.
        """
        self.narrator.act(actor or firm_name(call.participant), action)
        committed = await self.quietly(call)
        self.narrator.answer(receipt(committed), Tone.DONE)
        return committed

    async def quietly(self, call: Call) -> Committed:
        """Do something that must succeed, without a word.

        Raises:
            DemoFailedError: It was refused.
        """
        outcome = await self.channel.submit(call)
        if isinstance(outcome, Refused) or not outcome.took_effect:
            raise DemoFailedError(f"{call.function} should have succeeded, but: {outcome}")
        return outcome

    async def attempt(self, action: str, call: Call) -> Outcome:
        """Tell and try something that must not succeed.

        Raises:
            DemoFailedError: It succeeded.
        """
        self.narrator.act(firm_name(call.participant), action)
        outcome = await self.channel.submit(call)
        match outcome:
            case Refused(code, sentence):
                answer = f"REFUSED [{code}]: {sentence} Nothing was recorded."
            case Committed(took_effect=True):
                raise DemoFailedError(f"{call.function} should have been refused, but: {outcome}")
            case _:
                answer = (
                    f"REFUSED by every node [{outcome.code_name}]: endorsed by"
                    f" {_firms(outcome.endorsers)} only. Block {outcome.block_number} keeps the"
                    " attempt, marked as void."
                )
        self.narrator.answer(answer, Tone.REFUSED)
        return outcome

    async def books(self) -> Books:
        """Return the books as the regulator reads them, from the ledger itself."""
        register = RegisterPage.model_validate_json(
            await self._read(Chaincode.TOKEN, "register", SHARE)
        )
        accounts = CashPage.model_validate_json(await self._read(Chaincode.CASH, "accounts", CASH))
        return Books(
            holdings=register.holdings,
            units_issued=int(await self._read(Chaincode.TOKEN, "supply", SHARE)),
            accounts=accounts.accounts,
            money_deposited=int(await self._read(Chaincode.CASH, "supply", CASH)),
        )

    def show(self, books: Books) -> None:
        """Write both books as tables."""
        self.narrator.table(
            ("register of holders", f"{SHARE} held", "of which in escrow", "free"),
            [
                (
                    each.holder.title(),
                    units(each.quantity),
                    units(each.held),
                    units(each.available),
                )
                for each in books.holdings
            ],
        )
        self.narrator.table(
            ("cash accounts", f"{CASH} held", "of which in escrow", "free"),
            [
                (
                    each.holder.title(),
                    dollars(each.amount),
                    dollars(each.held),
                    dollars(each.available),
                )
                for each in books.accounts
            ],
        )

    async def _read(self, chaincode: str, function: str, *arguments: Argument) -> bytes:
        return await self.channel.query(Participant.REGULATOR, chaincode, function, *arguments)


def check_conservation(narrator: Narrator, books: Books) -> None:
    """Write the sums of both books beside what was created.

    Raises:
        DemoFailedError: They differ.
    """
    held = [each.quantity for each in books.holdings]
    owned = [each.amount for each in books.accounts]
    if sum(held) != books.units_issued or sum(owned) != books.money_deposited:
        raise DemoFailedError(f"units or money appeared or vanished: {books}")
    narrator.say(
        f"Nothing appeared, nothing vanished. Shares held: {total(held, units)};"
        f" issued: {units(books.units_issued)}. Cash held: {total(owned, dollars)};"
        f" deposited: {dollars(books.money_deposited)}."
    )


def receipt(committed: Committed) -> str:
    """Return what the ledger did, in one line."""
    return (
        f"Block {committed.block_number} ({committed.transaction_id[:SHORT_ID_LENGTH]}),"
        f" endorsed by {_firms(committed.endorsers)}."
    )


def _firms(msp_ids: tuple[str, ...]) -> str:
    return ", ".join(firm_name(each).lower() for each in msp_ids)
