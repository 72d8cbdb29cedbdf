"""Holds: units that wait, under a notary; their holder goes on holding them.

A hold ends in one of three ways: it is executed, so that units go to a receiver; it is released by
its notary, or declined by its receiver; or it expires, and then anybody may release it.
"""

from hashlib import sha256

from tallystick.chaincode import Context, Refusal
from tallystick.contracts import events
from tallystick.contracts.book import Account, Hold, Move, Placement
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.parties import Authority, Exercised
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import HoldExecution
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.statements import HoldDeclined, HoldExtended, UnitsHeld


class Holds:
    """The holds of all holders, as one transaction sees and changes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._movements = Movements(ctx)
        self._book = self._movements.book

    def place(self, held: UnitsHeld, authority: Authority) -> None:
        """Hold units as their holder says, under the rules that moving them now would face.

        Without a receiver, only the holder's own units are looked at.

        Raises:
            Refusal: MOMENT_PAST, HOLD_EXISTS, or with every finding.
        """
        self._require_future(held.expires_at)
        account = Account(held.security, held.holder)
        hold = Hold(
            quantity=held.quantity,
            receiver=held.receiver,
            notary=held.notary,
            expires_at=held.expires_at,
            hash_lock=held.hash_lock,
        )
        move = Move(
            asset=held.security,
            sender=held.holder,
            receiver=held.receiver,
            quantity=held.quantity,
        )
        instruction = Instruction((move,), Basis.HOLD, authority)
        self._movements.hold([Placement(account, held.hold, hold)], instruction)

    def execute(self, execution: HoldExecution) -> None:
        """Let held units go, as the notary says or whoever shows the secret.

        A secret that was shown is everybody's: with it, only the whole hold goes, and only to the
        receiver that its holder named.

        Raises:
            Refusal: HOLD_UNKNOWN, HOLD_EXPIRED, NOT_THE_NOTARY, SECRET_WRONG, HOLD_DIFFERS,
                HOLD_RECEIVER_MISSING, or with every finding.
        """
        account = Account(execution.security, execution.holder)
        hold = self._book.require_hold(account, execution.hold)
        if hold.notary != self._ctx.client.msp_id:
            self._require_secret(account, hold, execution)
        self._require_not_over(account, execution.hold, hold)
        receiver = execution.receiver or hold.receiver
        if receiver is None:
            raise RegisterReason.HOLD_RECEIVER_MISSING.refusal(
                hold=execution.hold, holder=execution.holder
            )
        move = Move(
            asset=execution.security,
            sender=execution.holder,
            receiver=receiver,
            quantity=execution.quantity,
            hold=execution.hold,
            keeps_open=execution.keeps_open,
            choice=execution.choice,
        )
        notary = Exercised(organization=self._ctx.client.msp_id)
        self._movements.execute(Instruction((move,), Basis.HOLD, exercised=(notary,)))

    def renew(self, extended: HoldExtended) -> None:
        """Let a hold last longer, while it lasts: its receiver counts on it, so never shorter.

        Raises:
            Refusal: MOMENT_PAST, HOLD_UNKNOWN, HOLD_EXPIRED, HOLD_SHORTENED, or NOT_THE_NOTARY of
                a trade's hold.
        """
        self._require_future(extended.expires_at)
        account = Account(extended.security, extended.holder)
        hold = self._book.require_hold(account, extended.hold)
        self._require_not_settlements(account, extended.hold, hold)
        self._require_not_over(account, extended.hold, hold)
        assert hold.expires_at is not None, "holds that have a notary end by themselves"
        if extended.expires_at < hold.expires_at:
            raise RegisterReason.HOLD_SHORTENED.refusal(
                hold=extended.hold, holder=extended.holder, expires_at=hold.expires_at
            )
        self._book.write(self._book.renewed(account, extended.hold, extended.expires_at))
        self._ctx.emit(events.HoldRenewed(**extended.model_dump()))

    def release(self, account: Account, name: str) -> None:
        """Give a hold up: its notary may, and once it has expired anybody.

        Raises:
            Refusal: HOLD_UNKNOWN or NOT_THE_NOTARY.
        """
        hold = self._book.require_hold(account, name)
        is_notary = hold.notary == self._ctx.client.msp_id
        if not is_notary and not hold.is_over(now(self._ctx)):
            raise self._not_the_notary(account, name, hold)
        self._movements.release([(account, name)])

    def decline(self, declined: HoldDeclined) -> None:
        """Give a hold up as its receiver says.

        Raises:
            Refusal: HOLD_UNKNOWN, HOLD_DIFFERS of a hold for somebody else, or NOT_THE_NOTARY of a
                trade's hold.
        """
        account = Account(declined.security, declined.holder)
        hold = self._book.require_hold(account, declined.hold)
        self._require_not_settlements(account, declined.hold, hold)
        if hold.receiver != declined.receiver:
            raise _differs(account, declined.hold, hold)
        self._movements.release([(account, declined.hold)])

    def release_by_order(self, account: Account, name: str, evidence_hash: str) -> None:
        """Give a hold up as the transfer agent is ordered to; a trade's ends with its trade only.

        Raises:
            Refusal: HOLD_UNKNOWN, or NOT_THE_NOTARY of a trade's hold.
        """
        hold = self._book.require_hold(account, name)
        self._require_not_settlements(account, name, hold)
        self._movements.release([(account, name)], evidence_hash)

    # --- who may, and when ---

    def _require_future(self, moment: Instant) -> None:
        current = now(self._ctx)
        if moment <= current:
            raise RegisterReason.MOMENT_PAST.refusal(moment=moment, now=current)

    def _require_not_over(self, account: Account, name: str, hold: Hold) -> None:
        if hold.is_over(now(self._ctx)):
            raise RegisterReason.HOLD_EXPIRED.refusal(
                hold=name, holder=account.holder, expires_at=str(hold.expires_at)
            )

    def _require_secret(self, account: Account, hold: Hold, execution: HoldExecution) -> None:
        secret, name = execution.secret, execution.hold
        if secret is None or hold.hash_lock is None or hold.receiver is None:
            raise self._not_the_notary(account, name, hold)
        if sha256(secret.encode()).hexdigest() != hold.hash_lock:
            raise RegisterReason.SECRET_WRONG.refusal(hold=name, holder=account.holder)
        if execution.quantity != hold.quantity:
            raise _differs(account, name, hold)

    def _require_not_settlements(self, account: Account, name: str, hold: Hold) -> None:
        if hold.notary is None:
            raise self._not_the_notary(account, name, hold)

    def _not_the_notary(self, account: Account, name: str, hold: Hold) -> Refusal:
        return RegisterReason.NOT_THE_NOTARY.refusal(
            hold=name,
            holder=account.holder,
            notary=hold.notary or Chaincode.SETTLEMENT,
            participant=self._ctx.client.msp_id,
        )


def _differs(account: Account, name: str, hold: Hold) -> Refusal:
    return RegisterReason.HOLD_DIFFERS.refusal(
        asset=account.asset,
        hold=name,
        quantity=hold.quantity,
        receiver=hold.receiver or "anybody",
    )
