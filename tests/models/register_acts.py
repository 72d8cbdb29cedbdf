"""Random acts of the register: what holders, notaries and the transfer agent may ask of it."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule
from tests.models.market_walk import MarketWalk

from tallystick.chaincode.codec import Argument
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.lots import Label, LotChoice, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.folding import ChangeRow, Count
from tallystick.contracts.register.models import (
    Allocation,
    ForcedMove,
    ForcedOrder,
    HoldExecution,
    Relabelling,
)
from tallystick.contracts.register.splits import SplitOrder
from tallystick.contracts.statements import (
    AllowanceLowered,
    AllowanceRaised,
    AllowanceScope,
    HoldDeclined,
    HoldExtended,
    Portion,
    Recovery,
    Statement,
    UnitsAllowed,
    UnitsHeld,
    UnitsSent,
    UnitsSentToMany,
    UnitsSurrendered,
)
from tallystick.contracts.testing import EVIDENCE, new_wallet
from tallystick.contracts.timelines import RecordDate

BROKER, CLEARING = Participant.BROKER_DEALER, Participant.CLEARING
INVESTORS = ("alice", "bob", "carol")
SECURITIES = ("ACME", "BETA")

investors = st.sampled_from(INVESTORS)
securities = st.sampled_from(SECURITIES)
quantities = st.integers(min_value=1, max_value=40)
hours = st.integers(min_value=1, max_value=13)
tranches = st.sampled_from((None, "b"))
labels = st.builds(Label, round=st.sampled_from((None, "seed")), tranche=tranches)
origins = st.builds(
    Origin,
    tranche=tranches,
    exemption=st.sampled_from((None, "reg-s")),
    held_since=st.sampled_from((None, "2023-01-01")),
)
choices = st.builds(LotChoice, tranche=tranches)
record_dates = st.sampled_from(("r-1", "r-2", "r-3"))
hold_names = st.sampled_from(("h-1", "h-2"))
scopes = st.builds(
    AllowanceScope, venue=st.sampled_from((None, Participant.ATS.value)), tranche=tranches
)


class RegisterActs(MarketWalk):
    """The register's acts; a machine that inherits them says what must hold."""

    # Allowances and holds that there were at some time: security, holder, and which of theirs.
    allowed: Bundle[tuple[str, str, AllowanceScope]] = Bundle("allowed")
    held: Bundle[tuple[str, str, str]] = Bundle("held")

    def as_broker(self, statement: Statement) -> None:
        """Let an investor act through its broker, under its mandate."""
        self.act(lambda: self.market.submit(BROKER, Chaincode.TOKEN, statement.kind, statement))

    def as_agent(self, function: str, *arguments: Argument) -> None:
        agent = Participant.TRANSFER_AGENT
        self.act(lambda: self.market.submit(agent, Chaincode.TOKEN, function, *arguments))

    # --- issue, transfer, redemption ---

    @rule(security=securities, to=investors, quantity=quantities, origin=origins)
    def issue(self, security: str, to: str, quantity: int, origin: Origin) -> None:
        self.as_agent("issue", security, to, quantity, origin)

    @rule(security=securities, quantities=st.tuples(quantities, quantities), origin=origins)
    def issue_to_two(self, security: str, quantities: tuple[int, int], origin: Origin) -> None:
        allocations = [
            Allocation(to=to, quantity=quantity, origin=origin)
            for to, quantity in zip(INVESTORS, quantities, strict=False)
        ]
        self.as_agent("issue_to_many", security, allocations)

    @rule(security=securities, holder=investors, quantity=quantities)
    def redeem(self, security: str, holder: str, quantity: int) -> None:
        self.as_agent("redeem", security, holder, quantity, EVIDENCE)

    @rule(security=securities, holder=investors, quantity=quantities, choice=choices)
    def surrender(self, security: str, holder: str, quantity: int, choice: LotChoice) -> None:
        self.as_broker(
            UnitsSurrendered(security=security, holder=holder, quantity=quantity, choice=choice)
        )

    @rule(
        security=securities,
        sides=st.permutations(INVESTORS),
        quantity=quantities,
        choice=choices,
    )
    def transfer(self, security: str, sides: list[str], quantity: int, choice: LotChoice) -> None:
        sender, receiver, _ = sides
        self.as_broker(
            UnitsSent(
                security=security,
                sender=sender,
                receiver=receiver,
                quantity=quantity,
                choice=choice,
            )
        )

    @rule(security=securities, sides=st.permutations(INVESTORS), quantity=quantities)
    def transfer_to_two(self, security: str, sides: list[str], quantity: int) -> None:
        sender, *receivers = sides
        portions = tuple(Portion(receiver=each, quantity=quantity) for each in receivers)
        self.as_broker(UnitsSentToMany(security=security, sender=sender, portions=portions))

    @rule(security=securities, count=st.sampled_from(Count))
    def fold(self, security: str, count: Count) -> None:
        named = self.market.evaluate(Chaincode.TOKEN, "changes", security, count, 3)
        self.as_agent("fold_changes", security, count, named.load(list[ChangeRow]))

    # --- allowances ---

    @rule(
        target=allowed,
        security=securities,
        holder=investors,
        quantity=st.none() | quantities,
        scope=scopes,
    )
    def approve(
        self, security: str, holder: str, quantity: int | None, scope: AllowanceScope
    ) -> tuple[str, str, AllowanceScope]:
        self.as_broker(
            UnitsAllowed(
                security=security,
                holder=holder,
                spender=CLEARING,
                quantity=quantity,
                expires_at=self.market.after(timedelta(hours=9)),
                scope=scope,
            )
        )
        return security, holder, scope

    @rule(
        allowance=allowed,
        quantity=quantities,
        change=st.sampled_from((AllowanceRaised, AllowanceLowered)),
    )
    def change_allowance(
        self,
        allowance: tuple[str, str, AllowanceScope],
        quantity: int,
        change: type[AllowanceRaised | AllowanceLowered],
    ) -> None:
        security, holder, scope = allowance
        self.as_broker(
            change(
                security=security,
                holder=holder,
                spender=CLEARING,
                quantity=quantity,
                scope=scope,
            )
        )

    @rule(allowance=allowed, receiver=investors, quantity=quantities)
    def draw(
        self, allowance: tuple[str, str, AllowanceScope], receiver: str, quantity: int
    ) -> None:
        security, holder, scope = allowance
        sent = UnitsSent(security=security, sender=holder, receiver=receiver, quantity=quantity)
        self.act(
            lambda: self.market.submit(CLEARING, Chaincode.TOKEN, "transfer_from", sent, scope)
        )

    # --- holds ---

    @rule(
        target=held,
        security=securities,
        sides=st.permutations(INVESTORS),
        hold=hold_names,
        quantity=quantities,
        is_open=st.booleans(),
    )
    def place_hold(
        self, security: str, sides: list[str], hold: str, quantity: int, *, is_open: bool
    ) -> tuple[str, str, str]:
        holder, receiver, _ = sides
        self.as_broker(
            UnitsHeld(
                security=security,
                holder=holder,
                hold=hold,
                quantity=quantity,
                notary=CLEARING,
                receiver=None if is_open else receiver,
                expires_at=self.market.after(timedelta(hours=9)),
            )
        )
        return security, holder, hold

    @rule(place=held, receiver=st.none() | investors, quantity=quantities, keeps_open=st.booleans())
    def execute_hold(
        self, place: tuple[str, str, str], receiver: str | None, quantity: int, *, keeps_open: bool
    ) -> None:
        security, holder, hold = place
        execution = HoldExecution(
            security=security,
            holder=holder,
            hold=hold,
            quantity=quantity,
            receiver=receiver,
            keeps_open=keeps_open,
        )
        self.act(lambda: self.market.submit(CLEARING, Chaincode.TOKEN, "execute_hold", execution))

    @rule(place=held, hours=hours)
    def renew_hold(self, place: tuple[str, str, str], hours: int) -> None:
        security, holder, hold = place
        until = self.market.after(timedelta(hours=hours))
        self.as_broker(HoldExtended(security=security, holder=holder, hold=hold, expires_at=until))

    @rule(security=securities, sides=st.permutations(INVESTORS), is_meant=st.booleans())
    def decline_hold(self, security: str, sides: list[str], *, is_meant: bool) -> None:
        """Hold a unit for somebody, and let this one or another decline it."""
        holder, receiver, other = sides
        place = {"security": security, "holder": holder, "hold": "h-3"}
        until = self.market.after(timedelta(hours=9))
        terms = {"quantity": 1, "notary": CLEARING, "receiver": receiver, "expires_at": until}
        self.as_broker(UnitsHeld.model_validate({**place, **terms}))
        by = receiver if is_meant else other
        self.as_broker(HoldDeclined.model_validate({**place, "receiver": by}))

    @rule(place=held, by_order=st.booleans())
    def release_hold(self, place: tuple[str, str, str], *, by_order: bool) -> None:
        if by_order:
            self.as_agent("release_hold_by_order", *place, EVIDENCE)
        else:
            self.act(lambda: self.market.submit(CLEARING, Chaincode.TOKEN, "release_hold", *place))

    # --- enforcement ---

    @rule(security=securities, holder=investors, frozen=st.booleans())
    def freeze(self, security: str, holder: str, *, frozen: bool) -> None:
        if frozen:
            self.as_agent("freeze", security, holder, "a reason")
        else:
            self.as_agent("unfreeze", security, holder)

    @rule(
        security=securities,
        holder=investors,
        quantity=quantities,
        function=st.sampled_from(("freeze_units", "unfreeze_units")),
    )
    def freeze_units(self, security: str, holder: str, quantity: int, function: str) -> None:
        self.as_agent(function, security, holder, quantity, "a reason")

    @rule(
        security=securities,
        sides=st.permutations(INVESTORS),
        quantity=quantities,
        ends=st.booleans(),
    )
    def force(self, security: str, sides: list[str], quantity: int, *, ends: bool) -> None:
        """Take units from one holder for a second, and from the second for a third, at once."""
        first, second, third = sides
        moves = (
            ForcedMove(holder=first, receiver=second, quantity=quantity),
            ForcedMove(holder=second, receiver=None if ends else third, quantity=quantity),
        )
        order = ForcedOrder(security=security, moves=moves, evidence_hash=EVIDENCE)
        self.as_agent("force", order)

    @rule(
        security=securities,
        holder=investors,
        quantity=quantities,
        choice=choices,
        label=labels,
    )
    def relabel(
        self, security: str, holder: str, quantity: int, choice: LotChoice, label: Label
    ) -> None:
        relabelling = Relabelling(
            security=security,
            holder=holder,
            quantity=quantity,
            choice=choice,
            label=label,
            evidence_hash=EVIDENCE,
        )
        self.as_agent("relabel_lots", relabelling)

    @rule(identity=investors)
    def recover(self, identity: str) -> None:
        wallet = self.market.wallets[identity] = new_wallet(identity)
        recovery = Recovery(identity=identity, keys=(wallet.new_key(),), evidence_hash=EVIDENCE)
        intent = self.market.sign(identity, recovery)
        agent = Participant.TRANSFER_AGENT
        self.act(
            lambda: self.market.submit(
                agent, Chaincode.IDENTITY, "recover_identity", recovery, intent
            )
        )

    # --- what happens to all units at once ---

    @rule(security=securities, name=record_dates)
    def take_record_date(self, security: str, name: str) -> None:
        self.as_agent("take_record_date", security, name)

    @rule(security=securities, name=record_dates, hours=hours)
    def schedule_record_date(self, security: str, name: str, hours: int) -> None:
        date = RecordDate(name=name, at=self.market.after(timedelta(hours=hours)))
        self.as_agent("schedule_record_date", security, date)

    @rule(security=securities, name=record_dates, is_sealed=st.booleans())
    def end_record_date(self, security: str, name: str, *, is_sealed: bool) -> None:
        if is_sealed:
            self.as_agent("seal_record_dates", security)
        else:
            self.as_agent("cancel_record_date", security, name)

    @rule(security=securities, ratio=st.sampled_from(((2, 1), (3, 1), (1, 2), (3, 2))))
    def split(self, security: str, ratio: tuple[int, int]) -> None:
        new, old = ratio
        order = SplitOrder(security=security, new=new, old=old, document_hash=EVIDENCE)
        self.as_agent("pause", security, "a split")
        self.as_agent("split", order)
        self.as_agent("resume", security)

    # --- securities ---

    @rule(security=securities, is_paused=st.booleans())
    def pause(self, security: str, *, is_paused: bool) -> None:
        if is_paused:
            self.as_agent("pause", security, "a reason")
        else:
            self.as_agent("resume", security)

    @rule(security=securities, cap=st.none() | st.integers(min_value=280, max_value=400))
    def cap(self, security: str, cap: int | None) -> None:
        self.as_agent("set_cap", security, cap)
