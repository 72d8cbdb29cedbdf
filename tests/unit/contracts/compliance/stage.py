"""Cases for tests of rules, and a market whose holders have the claims that rules ask about."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from pydantic import JsonValue

from tallystick.contracts.book import Account, Position
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.case import Case, Holder, Leg, SecurityFacts
from tallystick.contracts.compliance.catalogue import current_version
from tallystick.contracts.compliance.models import (
    Binding,
    BoundRule,
    Pack,
    PackReference,
    RulesGiven,
)
from tallystick.contracts.events import Basis
from tallystick.contracts.lots import Lot, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Attested, Profile
from tallystick.contracts.register.models import Verdict
from tallystick.contracts.statements import ClaimMade, UnitsSent
from tallystick.contracts.testing import KYC_HOUSE, Market

TOKEN, IDENTITY = Chaincode.TOKEN, Chaincode.IDENTITY
REGULATOR, AGENT = Participant.REGULATOR, Participant.TRANSFER_AGENT
BROKER = Participant.BROKER_DEALER
PACKS = Path(__file__).parents[4] / "docs" / "packs"
NOW = "2026-06-01T12:00:00Z"

Written = Mapping[str, JsonValue]

# --- cases ---


def attested(topic: str, value: str | None = None, level: int = 1) -> Attested:
    return Attested(
        topic=topic,
        issuer="house",
        version=1,
        level=level,
        value=value,
        valid_from="2026-05-01T00:00:00Z",
        valid_until="2027-05-01T00:00:00Z",
    )


def lot(quantity: int, since: str, exemption: str | None = None) -> Lot:
    return Lot(quantity=quantity, acquired_on=since, held_since=since, exemption=exemption)


def holder(  # noqa: PLR0913 -- what rules look at
    name: str,
    before: int,
    change: int,
    *,
    licences: Sequence[str] = (),
    claims: Sequence[Attested] = (),
    lots: Sequence[Lot] = (),
) -> Holder:
    profile = Profile(
        identity=name,
        person=name,
        kind="person",
        licences=tuple(licences),
        attested=tuple(claims),
    )
    return Holder(
        security="ACME",
        holder=name,
        profile=profile,
        before=Position(quantity=before, lots=tuple(lots)),
        after=Position(quantity=before + change),
    )


def case(  # noqa: PLR0913 -- what rules look at
    sender: Holder | None,
    receiver: Holder | None,
    quantity: int,
    *,
    basis: Basis = Basis.TRANSFER,
    moment: str = NOW,
    facts: SecurityFacts | None = None,
    lots: Sequence[Lot] = (),
) -> tuple[Case, Leg]:
    """Return a case of one leg, and that leg."""
    leg = Leg(
        security="ACME",
        sender=sender and sender.holder,
        receiver=receiver and receiver.holder,
        quantity=quantity,
        lots=tuple(lots),
    )
    holders = {Account("ACME", each.holder): each for each in (sender, receiver) if each}
    return (
        Case(
            moment=moment,
            basis=basis,
            legs=(leg,),
            holders=holders,
            securities={"ACME": facts or SecurityFacts(security="ACME")},
        ),
        leg,
    )


def codes(rule: str, parameters: Written, at: tuple[Case, Leg]) -> list[str]:
    """Return the codes of what a rule says of a case, with these parameters for everybody."""
    version = current_version(rule)
    bound = BoundRule(rule=rule, version=version, parameters={"*": parameters}).bound()
    return [finding.code for finding in bound.findings(*at)]


def most(rule: str, parameters: Written, at: tuple[Case, Leg], at_most: int) -> int:
    version = current_version(rule)
    bound = BoundRule(rule=rule, version=version, parameters={"*": parameters}).bound()
    return bound.most(*at, at_most)


# --- a market ---


def attest(
    market: Market, subject: str, topic: str, value: str | None = None, level: int = 1
) -> None:
    """Let the KYC house claim something about somebody for ten years; it is trusted for all."""
    if KYC_HOUSE not in market.evaluate(IDENTITY, "issuers", topic).load(list[str]):
        if value is not None:
            topic_set: dict[str, JsonValue] = {"topic": topic, "values": _VALUES}
            market.submit(REGULATOR, IDENTITY, "set_topic", topic_set)
        market.submit(REGULATOR, IDENTITY, "trust_issuer", topic, KYC_HOUSE)
    made = ClaimMade(
        subject=subject,
        topic=topic,
        issuer=KYC_HOUSE,
        level=level,
        value=value,
        data_hash=sha256(subject.encode()).hexdigest(),
        valid_from=market.after(timedelta(0)),
        valid_until=market.after(timedelta(days=3650)),
    )
    market.submit(BROKER, IDENTITY, "add_claim", made, market.sign(KYC_HOUSE, made))


def bind(market: Market, *rules: Binding, packs: Sequence[str] = (), unit_price: int = 0) -> None:
    """Bind rules and packs to ACME, packs by the names of their files."""
    references = []
    for each in packs:
        pack = read_pack(each)
        market.submit(REGULATOR, TOKEN, "publish_pack", pack)
        references.append(PackReference(pack=pack.pack, version=pack.version))
    given = RulesGiven(security="ACME", rules=rules, packs=tuple(references), unit_price=unit_price)
    market.submit(AGENT, TOKEN, "bind_rules", given)


def issue(market: Market, to: str, quantity: int, exemption: str) -> None:
    market.submit(AGENT, TOKEN, "issue", "ACME", to, quantity, Origin(exemption=exemption))


class RuledMarket(Market):
    """A market with topics of claims, packs, and rules bound to ACME."""

    def attest(self, subject: str, topic: str, value: str | None = None, *, level: int = 1) -> None:
        """Let the KYC house claim something about somebody."""
        attest(self, subject, topic, value, level)

    def confirm(self, *holders: str) -> None:
        """Renew the KYC claims of holders, which last a year."""
        for each in holders:
            claim = self.claim(each)
            self.submit(BROKER, IDENTITY, "add_claim", claim.statement, claim.intent)

    def bind(self, *rules: Binding, packs: Sequence[str] = (), unit_price: int = 0) -> None:
        """Bind rules and packs to ACME."""
        bind(self, *rules, packs=packs, unit_price=unit_price)

    def ask(self, quantity: int, receiver: str = "bob", sender: str = "alice") -> Verdict:
        """Ask whether units may go."""
        return self.evaluate(TOKEN, "can_transfer", sent(quantity, receiver, sender)).load(Verdict)


_VALUES: list[JsonValue] = ["US", "DE", "FR", "GB"]


def sent(quantity: int, receiver: str = "bob", sender: str = "alice") -> UnitsSent:
    return UnitsSent(security="ACME", sender=sender, receiver=receiver, quantity=quantity)


def rule(name: str, **parameters: JsonValue) -> Binding:
    """Return a rule with the same parameters for everybody."""
    return Binding(rule=name, parameters={"*": parameters})


def read_pack(name: str) -> Pack:
    return Pack.model_validate_json((PACKS / f"{name}.json").read_bytes())
