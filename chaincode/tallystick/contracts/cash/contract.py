"""The cash contract, as callers see it."""

from itertools import islice

from tallystick.chaincode import Context, query, transaction
from tallystick.chaincode.events import EventRecord
from tallystick.contracts import events
from tallystick.contracts.book import Account, Delivery, HeldMove, Move, Position
from tallystick.contracts.cash.models import Cash, CashAccount, CashPage, Currency
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licensed, only_through
from tallystick.contracts.models import Identifier, PageSize, Quantity
from tallystick.contracts.parties import authority_for, mandate_findings
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import may_read, reading_findings
from tallystick.contracts.reasons import Finding, MoneyReason, refuse_if_any
from tallystick.contracts.statements import MoneySent


class CashContract(MarketContract):
    """Tokenised deposits. Amounts are in the minor unit of the currency."""

    name = "cash"

    @transaction
    @licensed(Power.ISSUE_CASH)
    def open_cash(self, ctx: Context, cash: Identifier, currency: Currency) -> None:
        """Let the submitting bank's deposits in a currency be cash of this id."""
        vault = Vault(ctx)
        if vault.find_cash(cash) is not None:
            raise MoneyReason.CASH_EXISTS.refusal(cash=cash)
        bank = ctx.client.msp_id
        vault.save_cash(Cash(cash=cash, currency=currency, bank=bank, opened_at=now(ctx)))
        ctx.emit(events.CashOpened(cash=cash, currency=currency, bank=bank))

    # --- movements ---

    @transaction
    @licensed(Power.ISSUE_CASH)
    def deposit(self, ctx: Context, cash: Identifier, to: Identifier, amount: Quantity) -> None:
        """Create money that the submitting bank owes to an identity from now on."""
        vault = _bank_vault(ctx, cash)
        vault.move([Move(asset=cash, sender=None, receiver=to, quantity=amount)], Basis.ISSUE)

    @transaction
    @licensed(Power.ISSUE_CASH)
    def withdraw(
        self, ctx: Context, cash: Identifier, holder: Identifier, amount: Quantity
    ) -> None:
        """End money that the submitting bank has paid out."""
        vault = _bank_vault(ctx, cash)
        move = Move(asset=cash, sender=holder, receiver=None, quantity=amount)
        vault.move([move], Basis.REDEMPTION)

    @transaction
    def transfer(self, ctx: Context, sent: MoneySent, intent: SignedIntent | None = None) -> None:
        """Pay as the holder says: by signature, or through a participant with its mandate."""
        move = Move(
            asset=sent.cash, sender=sent.sender, receiver=sent.receiver, quantity=sent.amount
        )
        authority = authority_for(ctx, sent.sender, sent, intent)
        Vault(ctx).move([move], Basis.TRANSFER, authority)

    # --- delivery: the settlement contract calls these, each at most once in a transaction ---

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def lock(self, ctx: Context, moves: tuple[HeldMove, ...], secret: str) -> None:
        """Lock money for payments to come; it still belongs to its holder."""
        Vault(ctx, secret).lock(moves)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def release(self, ctx: Context, moves: tuple[HeldMove, ...], secret: str) -> None:
        """Give locks up without payment."""
        Vault(ctx, secret).release(moves)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def deliver(self, ctx: Context, moves: tuple[Delivery, ...], secret: str) -> None:
        """Pay money: held one to those for whom it was held."""
        Vault(ctx, secret).move(moves, Basis.SETTLEMENT)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def delivery_findings(
        self, ctx: Context, moves: tuple[Delivery, ...], secret: str
    ) -> tuple[Finding, ...]:
        """Return what stands against a payment now; nothing is written."""
        return Vault(ctx, secret).findings(moves)

    # --- queries ---

    @query
    def cash(self, ctx: Context, cash: str) -> Cash:
        """Return a cash with the bank that owes it."""
        return Vault(ctx).cash(cash)

    @query
    def balance_of(self, ctx: Context, cash: str, holder: str) -> int:
        """Return how much somebody has, locked money included."""
        return self._position(ctx, cash, holder).quantity

    @query
    def account(self, ctx: Context, cash: str, holder: str) -> CashAccount:
        """Return what somebody has, in total, locked and available."""
        return _account(holder, self._position(ctx, cash, holder))

    @query
    def accounts(
        self, ctx: Context, cash: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> CashPage:
        """Return one page of the holders of a cash, by id; ``bookmark`` is the last one's id."""
        vault = _readable_vault(ctx, cash)
        following = (each for each in vault.book.positions(cash) if each[0] > bookmark)
        accounts = tuple(_account(*each) for each in islice(following, page_size))
        is_last = next(following, None) is None
        return CashPage(
            cash=cash, accounts=accounts, bookmark="" if is_last else accounts[-1].holder
        )

    @query
    def entries(self, ctx: Context, cash: str, transaction_id: str) -> tuple[EventRecord, ...]:
        """Return what a transaction did for trades: events that only these readers get."""
        return tuple(_readable_vault(ctx, cash).entries(cash, transaction_id))

    @query
    def supply(self, ctx: Context, cash: str) -> int:
        """Return how much the bank owes in all."""
        return Vault(ctx).book.supply(cash)

    def _position(self, ctx: Context, cash: str, holder: str) -> Position:
        """Return a holder's position, for those who may read all and for the holder's agents."""
        vault = Vault(ctx)
        if not may_read(ctx, vault.cash(cash).bank):
            refuse_if_any(mandate_findings(ctx, holder))
        return vault.book.position(Account(cash, holder))


def _readable_vault(ctx: Context, cash: str) -> Vault:
    """Return the vault if the submitter may read all accounts of a cash."""
    vault = Vault(ctx)
    bank = vault.cash(cash).bank
    refuse_if_any(reading_findings(ctx, bank))
    return vault


def _bank_vault(ctx: Context, cash: str) -> Vault:
    """Return the vault if the submitting bank is the one that owes this cash."""
    vault = Vault(ctx)
    bank = vault.cash(cash).bank
    if ctx.client.msp_id != bank:
        raise MoneyReason.NOT_THE_ISSUING_BANK.refusal(
            participant=ctx.client.msp_id, cash=cash, bank=bank
        )
    return vault


def _account(holder: str, position: Position) -> CashAccount:
    return CashAccount(
        holder=holder,
        amount=position.quantity,
        held=position.held,
        available=position.available,
    )
