"""Trades of a netting cycle as rules see them one by one: as each would be judged gross.

What a net position hides must not pass for it: somebody who may not hold a security may not buy it
even if the units are sold on within the same cycle. So before anything is netted, each trade is
judged by itself, as its delivery would be, with two differences. A seller is not asked to have the
units, for they may come in by another trade; and what a person sells in several trades counts
together, in the order in which they are given, where rules limit sales.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from tallystick.chaincode import Context
from tallystick.contracts.book import Account, Move, Plan, Position
from tallystick.contracts.compliance.basics import ALWAYS
from tallystick.contracts.compliance.bindings import Bound
from tallystick.contracts.compliance.case import Case, Holder, Leg, SecurityFacts
from tallystick.contracts.compliance.cases import Cases, Given, Part, parts_of
from tallystick.contracts.compliance.decisions import free_lots, takes_barred
from tallystick.contracts.compliance.histories import Sale
from tallystick.contracts.compliance.judging import findings_of, judge
from tallystick.contracts.compliance.volumes import is_sale
from tallystick.contracts.cycles import (
    Available,
    GrossBook,
    GrossJudgement,
    GrossTrade,
    Objection,
    Restated,
    Sold,
)
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.lots import ANY_LOTS, Lot, taken
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.parties import PartyReport, Standing
from tallystick.contracts.reasons import Finding, RegisterReason, refuse_if_any
from tallystick.contracts.register.agreed import due_now, in_present_units
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.rules import move_findings
from tallystick.contracts.register.securities import Securities


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all trades of a book share."""

    given: Given
    parties: dict[Account, PartyReport]
    facts: dict[str, SecurityFacts]
    bound: dict[str, Sequence[Bound]]
    venue: Standing | None


class GrossTrades:
    """Judges the trades of a book one by one; nothing is written."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._movements = Movements(ctx)
        self._cases = Cases(ctx, self._movements.book)
        self._securities = Securities(ctx.state)
        self._positions: dict[Account, Position] = {}
        # A holder as who gives, and as who gets: rules are told different things of them.
        self._holders: dict[tuple[Account, bool, bool], Holder] = {}
        self._sold: dict[tuple[str, str], tuple[Sale, ...]] = {}

    def judgement(self, book: GrossBook) -> GrossJudgement:
        """Return what stands against each trade, and what holders have available.

        Raises:
            Refusal: What is wrong with the submitter's licence.
        """
        objections, known, sold, restated = [], [], [], []
        for trade in book.trades:
            if undue := self._undue(trade):
                objections.append(Objection(trade=trade.trade, findings=undue))
                continue
            present = trade.model_copy(
                update={"moves": in_present_units(self._ctx.state, trade.moves)}
            )
            known.append(present)
            if present.moves != trade.moves:
                quantities = tuple(move.quantity for move in present.moves)
                restated.append(Restated(trade=trade.trade, quantities=quantities))
        scene = self._scene(known, book.venue)
        for trade in known:
            findings, sales = self._judged(trade, scene)
            if findings:
                objections.append(Objection(trade=trade.trade, findings=tuple(findings)))
            else:
                sold += sales
                self._note(sales, book.venue)
        return GrossJudgement(
            objections=tuple(objections),
            available=tuple(
                Available(
                    security=account.asset,
                    holder=account.holder,
                    quantity=self._position(account).available,
                )
                for account in scene.parties
            ),
            sold=tuple(sold),
            restated=tuple(restated),
        )

    def _undue(self, trade: GrossTrade) -> tuple[Finding, ...]:
        """Return why nothing is due in a trade: there is no such security, or no such quantity."""
        assets = dict.fromkeys(move.asset for move in trade.moves)
        unknown = tuple(
            RegisterReason.SECURITY_UNKNOWN.finding(security=asset)
            for asset in assets
            if self._securities.find(asset) is None
        )
        return unknown or tuple(
            RegisterReason.AGREED_FRACTION.finding(
                security=move.asset, holder=move.sender, quantity=move.quantity
            )
            for move in trade.moves
            if due_now(self._ctx.state, move) is None
        )

    def _scene(self, trades: Sequence[GrossTrade], venue: str) -> _Scene:
        moves = tuple(chain.from_iterable(trade.moves for trade in trades))
        instruction = Instruction(moves, Basis.SETTLEMENT, venue=venue)
        self._movements.read_ahead(instruction)
        subjects = self._movements.subjects(instruction)
        report = self._movements.ask(instruction, subjects)
        refuse_if_any(report.licences)
        nothing = Plan(before={}, after={})
        return _Scene(
            given=Given((), nothing, Basis.SETTLEMENT, report, subjects),
            parties=dict(zip(instruction.accounts, report.parties, strict=True)),
            facts={
                name: self._cases.facts(name, subject, Basis.SETTLEMENT, set())
                for name, subject in subjects.items()
            },
            bound={name: subject.bound for name, subject in subjects.items()},
            venue=next(iter(report.organizations), None),
        )

    def _judged(self, trade: GrossTrade, scene: _Scene) -> tuple[list[Finding], list[Sold]]:
        """Return what stands against a trade, and what is sold in it."""
        case = self._freed(self._case(trade.moves, scene), scene)
        findings = findings_of(judge(case, ALWAYS, scene.bound))
        findings += self._beside(trade.moves, case)
        sold = [
            Sold.model_construct(
                trade=trade.trade,
                security=leg.security,
                person=sender.person,
                quantity=leg.quantity,
            )
            for leg in case.legs
            if scene.given.subjects[leg.security].needs.sales
            and (sender := case.sender(leg)) is not None
            and is_sale(case, leg)
        ]
        return findings, sold

    def _case(self, moves: Sequence[Move], scene: _Scene) -> Case:
        legs = tuple(
            Leg.model_construct(
                security=move.asset,
                sender=move.sender,
                receiver=move.receiver,
                quantity=move.quantity,
                lots=taken(self._lots(move), move.quantity),
            )
            for move in moves
        )
        return Case(
            moment=now(self._ctx),
            basis=Basis.SETTLEMENT,
            legs=legs,
            holders={
                account: self._holder(account, part, scene)
                for account, part in parts_of(legs).items()
            },
            securities={leg.security: scene.facts[leg.security] for leg in legs},
            venue=scene.venue,
        )

    def _freed(self, case: Case, scene: _Scene) -> Case:
        """Return the case with lots that may go, where there are enough of them."""
        legs = [self._freed_leg(case, leg, scene.bound[leg.security]) for leg in case.legs]
        changed = any(new is not old for new, old in zip(legs, case.legs, strict=True))
        return replace(case, legs=tuple(legs)) if changed else case

    def _freed_leg(self, case: Case, leg: Leg, bound: Sequence[Bound]) -> Leg:
        sender = case.sender(leg)
        if sender is None or not takes_barred(case, leg, bound):
            return leg
        wanted = sum(
            each.quantity
            for each in case.legs
            if (each.security, each.sender) == (leg.security, leg.sender)
        )
        choice = free_lots(case, leg, bound, wanted) or ANY_LOTS
        lots = taken(sender.before.lots, leg.quantity, choice)
        return leg.model_copy(update={"lots": lots})

    def _lots(self, move: Move) -> tuple[Lot, ...]:
        return self._position(Account(move.asset, str(move.sender))).lots

    def _position(self, account: Account) -> Position:
        position = self._positions.get(account)
        if position is None:
            position = self._positions[account] = self._movements.book.position(account)
        return position

    def _holder(self, account: Account, part: Part, scene: _Scene) -> Holder:
        """Return a holder with its part in a trade; who sells more than it has has nothing then."""
        place = (account, part.gives, part.gets)
        holder = self._holders.get(place)
        if holder is None:
            # All that it has, and something: then rules are told whatever they may ask.
            extent = max(1, self._position(account).quantity)
            utmost = part._replace(change=extent if part.change > 0 else -extent)
            known = scene.parties[account]
            holder = self._holders[place] = self._cases.holder(account, utmost, known, scene.given)
        quantity = max(0, holder.before.quantity + part.change)
        changed: dict[str, object] = {
            "after": holder.before.model_copy(update={"quantity": quantity})
        }
        if part.gives and (sold := self._sold.get((account.asset, holder.person))):
            changed["sold"] = (*holder.sold, *sold)
        return holder.model_copy(update=changed)

    def _beside(self, moves: Sequence[Move], case: Case) -> list[Finding]:
        """Return what no rule holds against a trade: what the securities say, and quantities."""
        findings: list[Finding] = []
        for asset in dict.fromkeys(move.asset for move in moves):
            security = self._securities.require(asset)
            own = [move for move in moves if move.asset == asset]
            findings += move_findings(security, own, Basis.SETTLEMENT, is_asked=False)
        findings += [
            RegisterReason.HOLDING_TOO_LARGE.finding(
                asset=account.asset,
                holder=account.holder,
                quantity=holder.after.quantity,
                limit=MAX_QUANTITY,
            )
            for account, holder in case.holders.items()
            if holder.after.quantity > MAX_QUANTITY
        ]
        return findings

    def _note(self, sales: Sequence[Sold], venue: str) -> None:
        for each in sales:
            key = (each.security, each.person)
            sale = Sale(moment=now(self._ctx), quantity=each.quantity, venue=venue)
            self._sold[key] = (*self._sold.get(key, ()), sale)
