"""Money in tests: a bank that signs, reservations, credit, and instructions of settlement."""

from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue, TypeAdapter

from tallystick.chaincode import Context, query, transaction
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.book import Delivery, HeldMove
from tallystick.contracts.cash.models import (
    CashAccount,
    CreditGrant,
    OrderedRelease,
    ReservationPlace,
    SignedReceipt,
    SignedRenewal,
    SignedReservation,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.payments import CashInstruction, FundsQuestion, MemberFunds
from tallystick.contracts.reasons import Finding
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.statements import (
    Funding,
    MoneyFunded,
    MoneyReserved,
    ReceiptMade,
    ReceiptTerms,
    ReceiptUse,
    Representation,
    ReservationRenewed,
    ReservationUse,
)
from tallystick.contracts.testing import EVIDENCE, LICENCES, Market

ATS, BANK, BROKER = Participant.ATS, Participant.BANK, Participant.BROKER_DEALER
CASH = Chaincode.CASH
CASHIER = "cashier"
"""The identity that signs for the bank."""
HOUR = timedelta(hours=1)
SALT = "5a" * 16
OTHER_VENUE = "VenueBMSP"

_FUNDS = TypeAdapter(tuple[MemberFunds, ...])
_FINDINGS = TypeAdapter(tuple[Finding, ...])


class Courier(SettlementContract):
    """Settlement that also passes an instruction on as it is."""

    @transaction
    def carry(self, ctx: Context, instruction: CashInstruction) -> None:
        """Tell cash what to do."""
        ctx.invoke(Chaincode.CASH, "instruct", instruction)

    @query
    def ask(self, ctx: Context, question: FundsQuestion) -> tuple[MemberFunds, ...]:
        """Return what cash says that members have."""
        return _FUNDS.validate_json(ctx.invoke(Chaincode.CASH, "funds", question))

    @query
    def findings(self, ctx: Context, instruction: CashInstruction) -> tuple[Finding, ...]:
        """Return what cash says that stands against an instruction."""
        answer = ctx.invoke(Chaincode.CASH, "delivery_findings", instruction)
        return _FINDINGS.validate_json(answer)


def send_courier(market: Market) -> None:
    """Let the settlement of a market be the courier."""
    world = market.ledger.world
    world.chaincodes = dict(world.chaincodes)
    world.chaincodes[Chaincode.SETTLEMENT] = ContractChaincode(Courier())


def instruct(market: Market, instruction: CashInstruction) -> Outcome:
    """Let settlement give an instruction."""
    send_courier(market)
    return market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "carry", instruction)


def ask(market: Market, question: FundsQuestion) -> tuple[MemberFunds, ...]:
    """Let settlement ask what members have to pay with."""
    send_courier(market)
    outcome = market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "ask", question)
    return outcome.load(tuple[MemberFunds, ...])


def objections(
    market: Market, *moves: Delivery, receipts: tuple[ReceiptTerms, ...] = ()
) -> list[str]:
    """Let settlement ask what stands against payments; return the codes."""
    send_courier(market)
    instruction = CashInstruction(moves=moves, receipts=receipts, secret=SALT)
    clearing = (Participant.CLEARING, Chaincode.SETTLEMENT)
    outcome = market.submit(*clearing, "findings", instruction)
    return [each.code for each in outcome.load(tuple[Finding, ...])]


def lock_of(amount: int, hold: str = "T-9", sender: str = "bob") -> HeldMove:
    """Return the payment of a trade that waits in a lock."""
    receiver = "alice" if sender == "bob" else "bob"
    return HeldMove(asset="USD", sender=sender, receiver=receiver, quantity=amount, hold=hold)


def payment(amount: int, sender: str = "bob", receiver: str = "alice") -> Delivery:
    """Return a payment out of what is available."""
    return Delivery(asset="USD", sender=sender, receiver=receiver, quantity=amount)


def pay(market: Market, *moves: Delivery) -> Outcome:
    """Let settlement move money."""
    return instruct(market, CashInstruction(moves=moves, secret=SALT))


def lock(market: Market, *moves: HeldMove) -> Outcome:
    """Let settlement lock money."""
    return instruct(market, CashInstruction(lock=moves, secret=SALT))


def collect(market: Market, receiver: str, *transaction_ids: str) -> Outcome:
    """Bring fees to their receiver's account, as the broker."""
    asked: list[JsonValue] = list(transaction_ids)
    return market.submit(BROKER, CASH, "collect_fees", "USD", receiver, asked)


def account(market: Market, holder: str = "bob") -> CashAccount:
    """Return what somebody has of USD."""
    return market.evaluate(CASH, "account", "USD", holder).load(CashAccount)


def license_other_venue(market: Market) -> None:
    """Let there be a second venue."""
    market.license(market.licence(OTHER_VENUE, LICENCES[ATS]))


def end_licence(market: Market, organization: str) -> None:
    """Let an organisation have no licence any more."""
    licence_class = LICENCES[Participant(organization)]
    revoked = (organization, licence_class, "it has gone out of business")
    market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "revoke_licence", *revoked)


# --- reservations and credit ---


def reserved(
    market: Market,
    amount: int,
    order: str = "O-1",
    *,
    keeper: str = ATS,
    life: timedelta | None = HOUR,
) -> MoneyReserved:
    """Return bob's word that he commits money to an order."""
    return MoneyReserved(
        cash="USD",
        holder="bob",
        keeper=keeper,
        reservation=order,
        use=ReservationUse.ORDER,
        amount=amount,
        expires_at=None if life is None else market.after(life),
    )


def reserve(market: Market, said: MoneyReserved, participant: str | None = None) -> Outcome:
    """Reserve money by its holder's signature, as the keeper."""
    asked = SignedReservation(statement=said, intent=market.sign(said.holder, said), salt=SALT)
    return market.submit(participant or said.keeper, CASH, "reserve", reservation=asked)


def renew(market: Market, life: timedelta, order: str = "O-1", keeper: str = ATS) -> Outcome:
    """Let bob's reservation end at another time."""
    renewed = ReservationRenewed(
        cash="USD", holder="bob", keeper=keeper, reservation=order, expires_at=market.after(life)
    )
    return market.submit(
        BROKER, CASH, "renew_reservation", renewal=SignedRenewal(statement=renewed)
    )


def release(market: Market, order: str = "O-1", keeper: str = ATS) -> Outcome:
    """Give bob's reservation back."""
    place = ReservationPlace(cash="USD", holder="bob", reservation=order)
    return market.submit(keeper, CASH, "release_reservation", place=place)


def release_by_order(
    market: Market, order: str = "O-1", keeper: str = ATS, *, by: str = BANK
) -> Outcome:
    """Give bob's reservation back as the bank is ordered to."""
    release = OrderedRelease(
        cash="USD", holder="bob", keeper=keeper, reservation=order, evidence_hash=EVIDENCE
    )
    return market.submit(by, CASH, "release_reservation_by_order", release=release)


def grant_credit(market: Market, cap: int, holder: str = "bob", life: timedelta = HOUR) -> Outcome:
    """Let somebody owe the bank."""
    grant = CreditGrant(
        cash="USD", holder=holder, cap=cap, valid_until=market.after(life), salt=SALT
    )
    return market.submit(BANK, CASH, "grant_credit", credit=grant)


# --- what a bank signs ---


def appoint_cashier(market: Market) -> None:
    """Let an identity sign for the bank."""
    market.register(CASHIER)
    representation = Representation(identity=CASHIER, organization=BANK)
    intent = market.sign(CASHIER, representation)
    market.submit(BANK, Chaincode.IDENTITY, "represent", representation, intent)


def funded(
    amount: int, reference: str = "wire-1", direction: Funding = Funding.IN, signer: str = CASHIER
) -> MoneyFunded:
    """Return the bank's word that bob's money came or went."""
    return MoneyFunded(
        cash="USD",
        signer=signer,
        direction=direction,
        holder="bob",
        amount=amount,
        reference=reference,
    )


def fund(market: Market, said: MoneyFunded) -> Outcome:
    """Submit what the bank has signed, as the broker."""
    return market.submit(BROKER, CASH, "fund", said, market.sign(said.signer, said))


def receipt_terms(number: str = "R-1", amount: int = 700) -> ReceiptTerms:
    """Return the terms of bob's payment to alice for a trade."""
    return ReceiptTerms(
        bank=BANK,
        number=number,
        payer="bob",
        payee="alice",
        currency="USD",
        amount=amount,
        use=ReceiptUse.TRADE,
        subject="T-9",
    )


def signed_receipt(
    market: Market, terms: ReceiptTerms, *, life: timedelta = HOUR, signer: str = CASHIER
) -> SignedReceipt:
    """Return a receipt that somebody has signed for the bank."""
    made = ReceiptMade(signer=signer, terms=terms, expires_at=market.after(life))
    salt = sha256(terms.number.encode()).hexdigest()
    return SignedReceipt(statement=made, intent=market.sign(signer, made), salt=salt)


def make_receipt(market: Market, terms: ReceiptTerms) -> Outcome:
    """Enter a receipt that the bank has signed, as the broker."""
    return market.submit(BROKER, CASH, "make_receipt", receipt=signed_receipt(market, terms))


def use_receipt(market: Market, terms: ReceiptTerms) -> Outcome:
    """Let settlement take a receipt for a payment."""
    return instruct(market, CashInstruction(receipts=(terms,), secret=SALT))
