"""Random acts under rules: what is bound, approved, refused on record, published and closed."""

from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule
from pydantic import JsonValue
from tests.models.register_acts import (
    CLEARING,
    INVESTORS,
    SECURITIES,
    RegisterActs,
    investors,
    quantities,
    securities,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Binding, RulesGiven, TransferApproval
from tallystick.contracts.compliance.reported import VolumeReport, week_of
from tallystick.contracts.custody.models import Cover
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import DocumentVersion, Product
from tallystick.contracts.statements import (
    AllowanceScope,
    AllowanceWithdrawn,
    SecurityAccepted,
    UnitsAllowed,
    UnitsSent,
)
from tallystick.contracts.testing import EVIDENCE

TOKEN = Chaincode.TOKEN
ATS, REGULATOR, BROKER = Participant.ATS, Participant.REGULATOR, Participant.BROKER_DEALER
LOCK_DAYS = 2

Written = dict[str, int]
"""Figures of a rule by the names of its parameters; those of a lock-up are always the same."""


def bindings(name: str, *choices: Written) -> st.SearchStrategy[tuple[str, Written] | None]:
    """Return a rule with one of these parameters, or without it."""
    return st.none() | st.sampled_from([(name, each) for each in choices])


BESIDE: dict[str, dict[str, JsonValue]] = {
    "lock-up": {"lines": [{"period": f"P{LOCK_DAYS}D"}]},
    "volume-window": {"window": "P1D"},
}
"""What some rules ask for beside figures."""

rule_sets = st.tuples(
    bindings("maximum-holding", {"units": 120}, {"units": 160}, {"share": 4000}),
    bindings("holder-limit", {"most": 2}, {"most": 3}),
    bindings("lock-up", {}),
    bindings("minimum-holding", {"units": 15}),
    bindings("volume-window", {"units": 60}, {"units": 60, "weeks": 2}),
    st.none() | st.sampled_from([("venue-only", {}), ("receiver-accepts", {})]),
)


class RuledActs(RegisterActs):
    """Acts about rules; a machine that inherits them says what must hold."""

    bound: dict[str, dict[str, Written]]
    """By security, the rules in force with their parameters for everybody."""

    closed: int
    """How many securities were opened, closed and ended beside the others."""

    # --- rules and what they say ---

    @rule(security=securities, chosen=rule_sets)
    def bind_rules(self, security: str, chosen: tuple[tuple[str, Written] | None, ...]) -> None:
        rules = dict(each for each in chosen if each is not None)
        given = RulesGiven(security=security, rules=written(rules))
        if self.act(partial(self.submit, Participant.TRANSFER_AGENT, TOKEN, "bind_rules", given)):
            self.bound[security] = rules

    @rule(security=securities, units=st.none() | st.sampled_from((110, 200)))
    def bind_venue_rules(self, security: str, units: int | None) -> None:
        rules = {} if units is None else {"maximum-holding": {"units": units}}
        given: list[JsonValue] = [each.model_dump(mode="json") for each in written(rules)]
        self.act(partial(self.submit, ATS, TOKEN, "bind_venue_rules", security, given))

    @rule(
        security=securities,
        sides=st.permutations(INVESTORS),
        quantity=quantities,
        waived=st.sampled_from(((), ("lock-up",), ("venue-only", "maximum-holding"))),
        is_withdrawn=st.sampled_from((True, False, False)),
    )
    def approve_transfer(
        self,
        security: str,
        sides: list[str],
        quantity: int,
        waived: tuple[str, ...],
        *,
        is_withdrawn: bool,
    ) -> None:
        """Approve a transfer that rules may forbid, and use or withdraw the approval."""
        sender, receiver, _ = sides
        approval = TransferApproval(
            security=security,
            sender=sender,
            receiver=receiver,
            quantity=quantity,
            expires_at=self.market.after(timedelta(hours=9)),
            waives=waived,
            evidence_hash=EVIDENCE,
        )
        self.as_agent("approve_transfer", approval)
        self.act(partial(self.submit, REGULATOR, TOKEN, "approve_transfer", approval))
        if is_withdrawn:
            self.as_agent("withdraw_approval", security, sender, receiver)
        else:
            sent = UnitsSent(security=security, sender=sender, receiver=receiver, quantity=quantity)
            self.as_broker(sent)

    @rule(security=securities, holder=investors, accepts=st.booleans())
    def accept_security(self, security: str, holder: str, *, accepts: bool) -> None:
        accepted = SecurityAccepted(security=security, holder=holder, accepts=accepts)
        intent = self.market.sign(holder, accepted)
        self.act(partial(self.submit, BROKER, TOKEN, "accept_security", accepted, intent))

    @rule(
        security=securities,
        sides=st.permutations(INVESTORS),
        quantity=st.sampled_from((5, 90, 10_000)),
        recording=st.sampled_from(
            ((ATS, "record_refusal"), (CLEARING, "record_refused_draw")),
        ),
        is_asked=st.booleans(),
    )
    def record_refusal(
        self,
        security: str,
        sides: list[str],
        quantity: int,
        recording: tuple[Participant, str],
        *,
        is_asked: bool,
    ) -> None:
        """Let the venue, or who draws, record what cannot be; the regulator says what it thinks."""
        sender, receiver, _ = sides
        sent = UnitsSent(security=security, sender=sender, receiver=receiver, quantity=quantity)
        recorded: list[str] = []
        who, by = recording
        ask = partial(self.submit, who, TOKEN, by, sent)
        if not self.act(lambda: recorded.append(ask().transaction_id)):
            return
        function, *note = ("query_decision", EVIDENCE) if is_asked else ("acknowledge",)
        (name,) = recorded
        assert self.act(partial(self.submit, REGULATOR, TOKEN, function, security, name, *note))

    @rule(security=securities, weeks_ago=st.integers(0, 3), quantity=quantities)
    def report_volume(self, security: str, weeks_ago: int, quantity: int) -> None:
        """Let the venue say what was traded in a week: in less than a rule about it names."""
        day = self.market.ledger.now.date() - timedelta(weeks=weeks_ago)
        said = VolumeReport(security=security, week=week_of(day.isoformat()), quantity=quantity)
        happened = self.act(partial(self.submit, ATS, TOKEN, "report_volume", said))
        assert weeks_ago or not happened, "a week is reported when it is over"

    @rule(security=securities)
    def recount(self, security: str) -> None:
        persons: list[JsonValue] = list(INVESTORS)
        self.as_agent("recount", security, persons)

    # --- allowances and redemptions ---

    @rule(security=securities, holder=investors, quantity=quantities)
    def allow_and_revoke(self, security: str, holder: str, quantity: int) -> None:
        """Let the clearing firm draw, and take that back."""
        said = {"security": security, "holder": holder, "spender": CLEARING}
        until, scope = self.market.after(timedelta(hours=9)), AllowanceScope(tranche="b")
        self.as_broker(
            UnitsAllowed.model_validate(
                {**said, "quantity": quantity, "expires_at": until, "scope": scope}
            )
        )
        self.as_broker(AllowanceWithdrawn.model_validate({**said, "scope": scope}))

    @rule(security=securities, quantities=st.tuples(quantities, quantities))
    def redeem_from_two(self, security: str, quantities: tuple[int, int]) -> None:
        redemptions: list[JsonValue] = [
            {"holder": holder, "quantity": quantity}
            for holder, quantity in zip(INVESTORS, quantities, strict=False)
        ]
        self.as_agent("redeem_from_many", security, redemptions, EVIDENCE)

    # --- what is said of a security, and its end ---

    @rule(security=securities, is_removed=st.booleans())
    def publish(self, security: str, *, is_removed: bool) -> None:
        document = DocumentVersion(
            security=security, name="statutes", uri="https://x.example", document_hash=EVIDENCE
        )
        self.as_agent("publish_document", document)
        if is_removed:
            self.as_agent("remove_document", security, "statutes")

    @rule(security=securities, risk=st.integers(1, 7))
    def list_product(self, security: str, risk: int) -> None:
        product = Product(
            security=security, risk_class=risk, category="SHARE", summary_hash=EVIDENCE
        )
        self.as_agent("list_product", product)

    @rule(limit=quantities)
    def insure(self, limit: int) -> None:
        cover = Cover(
            insurer="an insurer",
            policy_hash=EVIDENCE,
            currency="USD",
            limit=limit,
            valid_from=self.market.after(timedelta(0)),
            valid_until=self.market.after(timedelta(days=9)),
        )
        self.act(partial(self.submit, REGULATOR, TOKEN, "record_cover", BROKER, cover))

    @rule(steps=st.permutations(("close_issuance", "renounce_enforcement", "deactivate")))
    def open_and_end_security(self, steps: list[str]) -> None:
        """Issue a security of its own, and take from it, in any order, what never comes back."""
        self.closed += 1
        security = f"GAMMA-{self.closed}"
        create = partial(self.market.create_security, security)
        assert self.act(create)
        self.as_agent("issue", security, "alice", 10)
        left = 10
        for number, step in enumerate(steps):
            self.as_agent(step, security, *(["an end"] if step == "deactivate" else []))
            taken = steps[: number + 1]
            issued = self.act(partial(self.market.issue, "bob", 1, security))
            assert issued == (taken == ["renounce_enforcement"])
            self.as_agent("redeem", security, "alice", 1, EVIDENCE)
            left -= "renounce_enforcement" not in taken
            assert self.market.units("alice", security) == left


def written(rules: dict[str, Written]) -> tuple[Binding, ...]:
    """Return rules with the same parameters for everybody."""
    return tuple(
        Binding(rule=name, parameters={"*": {**BESIDE.get(name, {}), **each}})
        for name, each in rules.items()
    )


def nothing_bound() -> dict[str, dict[str, Written]]:
    return {security: {} for security in SECURITIES}
