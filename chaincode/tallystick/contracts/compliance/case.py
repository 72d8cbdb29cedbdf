"""The facts on which a decision about a movement rests.

They are values, so that a decision can be recorded with them and worked out again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from tallystick.contracts.book import Account, Position
from tallystick.contracts.compliance.classes import classes_of
from tallystick.contracts.compliance.counts import Counted, HolderCounts
from tallystick.contracts.compliance.histories import Invested, Raised, Sale
from tallystick.contracts.compliance.reported import TradedInWeek
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import Lot
from tallystick.contracts.models import Model
from tallystick.contracts.parties import Profile, Standing
from tallystick.contracts.reasons import Finding
from tallystick.contracts.timelines import Timeline

RESIDENCE = "residence"
"""Topic of the claims that say where a holder resides, as ISO 3166 alpha-2."""


class Holder(Model):
    """One holder of one security, as rules see it.

    Attributes:
        profile: Who it is; None when the ledger knows no such identity.
        lacks: What the identity contract holds against it: claims, screening.
        stop: Why it may neither send nor receive; None when it may.
        before: Its position as it is.
        after: Its position at the end of the whole instruction.
        elsewhere: Units of the same person in accounts that the instruction does not touch.
        accepts: Whether it has said that it wants the security; False when no rule asks.
        counted: As what the person is counted among the holders; None when it is not, or when no
            rule asks and the person neither comes nor goes.
        sold: What it has given away lately, if a rule asks.
        invested: What the person has paid in offerings lately, if a rule asks.
    """

    security: str
    holder: str
    profile: Profile | None
    lacks: tuple[Finding, ...] = ()
    stop: str | None = None
    before: Position
    after: Position
    elsewhere: int = 0
    accepts: bool = False
    counted: Counted | None = None
    sold: tuple[Sale, ...] = ()
    invested: tuple[Invested, ...] = ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes that parameters and counts may name."""
        return classes_of(self.profile)

    @property
    def person(self) -> str:
        """Who counts as the holder."""
        return self.holder if self.profile is None else self.profile.person

    @property
    def residences(self) -> tuple[str, ...]:
        """The countries that live claims name."""
        if self.profile is None:
            return ()
        claims = self.profile.attested
        return tuple(
            each.value for each in claims if each.topic == RESIDENCE and each.value is not None
        )


class Leg(Model):
    """One movement of the instruction.

    Attributes:
        sender: None when the units come into being.
        receiver: None when they cease to be.
        lots: Where the units come from, as the sender has them; of an issue, as they come into
            being.
    """

    security: str
    sender: str | None
    receiver: str | None
    quantity: int
    lots: tuple[Lot, ...] = ()

    @property
    def exemption(self) -> str | None:
        """The exemption under which the units of an issue come into being, or None."""
        return self.lots[0].exemption if self.lots else None

    @property
    def is_between_holders(self) -> bool:
        """Whether units change hands, rather than come into being or cease to be."""
        return self.sender is not None and self.receiver is not None


class Disclosed(Model):
    """A document of a security that a rule asks about.

    Attributes:
        is_there: Whether a version of it counts now.
        next_due_at: When the next version must be there; None when none must.
    """

    document: str
    is_there: bool
    next_due_at: Instant | None = None


class SecurityFacts(Model):
    """What rules know of a security.

    Attributes:
        rule_set: Version of the rules that are bound to it; zero when none ever were.
        is_open: Whether anything at all says to whom it may go.
        pause: Why it does not move; None when it does.
        home: Jurisdiction of the issuer.
        unit_price: What a unit costs in its offering, in minor units of money; zero when there is
            none.
        supply: Units in being before the instruction, if a rule asks.
        counts: Its holders before the instruction, if a rule asks.
        raised: What was raised in offerings lately, for each question that rules ask.
        disclosed: The documents that rules ask about.
        risk_class: Its class of risk in the catalogue, if a rule asks; None when it has none.
        traded: What venues reported of the weeks that rules ask about.
        placed: Exemptions of whose offerings what holders sell is part, if that is approved.
    """

    security: str
    rule_set: int = 0
    is_open: bool = True
    pause: str | None = None
    home: str | None = None
    unit_price: int = 0
    supply: int | None = None
    counts: HolderCounts | None = None
    raised: tuple[Raised, ...] = ()
    disclosed: tuple[Disclosed, ...] = ()
    risk_class: int | None = None
    traded: tuple[TradedInWeek, ...] = ()
    placed: tuple[str, ...] = ()


class Acceptance(Model):
    """Row ``acceptance (security, holder)``: the holder wants the security; gone when it does not.

    Attributes:
        since: From when on.
    """

    since: Instant


class PairApproval(Model):
    """What was approved beforehand for a sender and a receiver of a security, and by whom.

    Attributes:
        quantity: At most so many units, in one movement.
        approvers: MSPs of those who approved, sorted.
        waives: Names of rules that do not stand against the movement.
        exemption: Under which the sender sells in the issuer's offering; None when it does not.
        evidence_hash: SHA-256 of the document that explains it.
        as_of: The turn of the security's timeline since which the row was not written.
    """

    security: str
    sender: str
    receiver: str
    quantity: int
    expires_at: Instant
    approvers: tuple[str, ...]
    waives: tuple[str, ...] = ()
    exemption: str | None = None
    evidence_hash: str
    as_of: int = 0

    def brought_up(self, timeline: Timeline) -> "PairApproval":
        """Return what is approved now, rounded down at each split."""
        quantity = timeline.scaled(self.quantity, self.as_of)
        return self.model_copy(update={"quantity": quantity, "as_of": timeline.turns})


@dataclass(frozen=True, slots=True)
class Offered:
    """What an instruction issues or places of one security for money, under one exemption.

    Attributes:
        amount: What all of it costs, in minor units of money.
        by_person: What each person pays of it.
        receivers: Who gets units, leg by leg.
        sold: What holders sell of it, and for how much, leg by leg.
    """

    amount: int
    by_person: Mapping[str, int]
    receivers: tuple[Holder, ...]
    sold: tuple[tuple[Holder, int], ...] = ()


NOTHING_OFFERED = Offered(0, MappingProxyType({}), ())


@dataclass(frozen=True)  # Without slots: sums over all legs are worked out once, not for each leg.
class Case:
    """All that a decision about one instruction rests on, at one moment.

    Rules judge the end state of the whole instruction: ``holders`` has everybody's position after
    all legs.

    Attributes:
        moment: Of the transaction.
        basis: By what right the units move.
        legs: The movements.
        holders: Everybody whom the legs touch.
        securities: What moves, by its id.
        venue: The standing of the venue where it was agreed, or None.
        approvals: Those for the senders and receivers of the legs, if a rule asks.
    """

    moment: Instant
    basis: Basis
    legs: Sequence[Leg]
    holders: Mapping[Account, Holder]
    securities: Mapping[str, SecurityFacts]
    venue: Standing | None = None
    approvals: Sequence[PairApproval] = field(default=())

    def sender(self, leg: Leg) -> Holder | None:
        """Return who gives in a leg, or None when the units come into being."""
        return None if leg.sender is None else self.holders[Account(leg.security, leg.sender)]

    def receiver(self, leg: Leg) -> Holder | None:
        """Return who gets in a leg, or None when the units cease to be."""
        return None if leg.receiver is None else self.holders[Account(leg.security, leg.receiver)]

    def price_of(self, leg: Leg) -> int:
        """Return what the receiver pays in an offering, in minor units; zero outside of one."""
        is_issue = leg.sender is None and self.basis is Basis.ISSUE
        is_offered = is_issue or self._placed_under(leg) is not None
        return leg.quantity * self.securities[leg.security].unit_price if is_offered else 0

    def exemption_of(self, leg: Leg) -> str | None:
        """Return the exemption under which a leg's units are offered, or None."""
        return leg.exemption if leg.sender is None else self._placed_under(leg)

    def _placed_under(self, leg: Leg) -> str | None:
        """Return the exemption under which a holder sells in the issuer's offering, or None."""
        if not self.approvals or not leg.is_between_holders:
            return None
        approval = self.covering(leg)
        placed = self.securities[leg.security].placed
        return approval.exemption if approval and approval.exemption in placed else None

    @cached_property
    def offered(self) -> Mapping[tuple[str, str], Offered]:
        """What is offered for money, by security and exemption."""
        amounts: dict[tuple[str, str], dict[str, int]] = {}
        receivers: dict[tuple[str, str], list[Holder]] = {}
        sold: dict[tuple[str, str], list[tuple[Holder, int]]] = {}
        for leg in self.legs:
            price, receiver, exemption = self.price_of(leg), self.receiver(leg), None
            if price and receiver is not None:
                exemption = self.exemption_of(leg)
            if receiver is None or exemption is None:
                continue
            place = (leg.security, exemption)
            persons = amounts.setdefault(place, {})
            persons[receiver.person] = persons.get(receiver.person, 0) + price
            receivers.setdefault(place, []).append(receiver)
            if (seller := self.sender(leg)) is not None:
                sold.setdefault(place, []).append((seller, price))
        return {
            place: Offered(
                sum(persons.values()),
                persons,
                tuple(receivers[place]),
                tuple(sold.get(place, ())),
            )
            for place, persons in amounts.items()
        }

    def units_of(self, security: str, person: str) -> tuple[int, int]:
        """Return what a person holds in all its accounts, before and after the instruction."""
        before = after = elsewhere = 0
        for each in self._accounts.get((security, person), ()):
            before += each.before.quantity
            after += each.after.quantity
            elsewhere = max(elsewhere, each.elsewhere)
        return elsewhere + before, elsewhere + after

    @cached_property
    def _accounts(self) -> Mapping[tuple[str, str], Sequence[Holder]]:
        """The accounts of each person in each security that the legs touch."""
        accounts: dict[tuple[str, str], list[Holder]] = {}
        for each in self.holders.values():
            accounts.setdefault((each.security, each.person), []).append(each)
        return accounts

    def approval(self, leg: Leg) -> PairApproval | None:
        """Return the approval for the sender and receiver of a leg that is live, or None."""
        pair = (leg.security, leg.sender, leg.receiver)
        for each in self.approvals:
            if (each.security, each.sender, each.receiver) == pair:
                return each if self.moment < each.expires_at else None
        return None

    def covering(self, leg: Leg) -> PairApproval | None:
        """Return the live approval of all that goes between the sides of a leg, or None."""
        approval = self.approval(leg)
        if approval is None or self.between(leg) > approval.quantity:
            return None
        return approval

    @property
    def used_approvals(self) -> tuple[PairApproval, ...]:
        """The approvals that cover what goes between their sender and receiver, now."""
        return tuple(
            each for each in self.approvals if any(self.covering(leg) is each for leg in self.legs)
        )

    def at(self, moment: Instant) -> "Case":
        """Return the case as it is at a later moment, were nothing to happen until then.

        Claims end meanwhile; those that fulfil a security's requirements are taken to be renewed.
        """
        holders = {
            account: each.model_copy(update={"profile": _surviving(each.profile, moment)})
            for account, each in self.holders.items()
        }
        return replace(self, moment=moment, holders=holders)

    def between(self, leg: Leg) -> int:
        """Return how many units go from the sender of a leg to its receiver, in all legs."""
        pair = (leg.security, leg.sender, leg.receiver)
        return sum(
            each.quantity
            for each in self.legs
            if (each.security, each.sender, each.receiver) == pair
        )

    def sending(self, leg: Leg, quantity: int) -> tuple["Case", Leg]:
        """Return the case, and its leg, as they would be were ``quantity`` sent in that leg."""
        more = quantity - leg.quantity
        changed = leg.model_copy(update={"quantity": quantity})
        holders = dict(self.holders)
        for name, gain in ((leg.sender, -more), (leg.receiver, more)):
            if name is not None:
                account = Account(leg.security, name)
                old = holders[account]
                after = old.after.model_copy(update={"quantity": old.after.quantity + gain})
                holders[account] = old.model_copy(update={"after": after})
        legs = tuple(changed if each is leg else each for each in self.legs)
        return replace(self, legs=legs, holders=holders), changed


def _surviving(profile: Profile | None, moment: Instant) -> Profile | None:
    if profile is None:
        return None
    attested = tuple(each for each in profile.attested if moment < each.valid_until)
    return profile.model_copy(update={"attested": attested})
