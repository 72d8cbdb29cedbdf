"""What is bound to securities and packed: rows, arguments and results about rules."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from tallystick.contracts.compliance.bindings import Bound, Role, Scope, Source
from tallystick.contracts.compliance.catalogue import OWN_LOCKS, bound_rule
from tallystick.contracts.compliance.rules import NEEDS_NOTHING, Needs
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.lots import HolderClass
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex, ShortText

MAX_RULES = 32
MAX_RULE_BYTES = 65_536
"""Of all rules of a security as JSON: every transfer reads them."""

MAX_CLASSES = 16
MAX_PACKS = 16

Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
WrittenParameters = Mapping[str, JsonValue]
ByClass = Annotated[
    Mapping[HolderClass, WrittenParameters | None], Field(min_length=1, max_length=MAX_CLASSES)
]


class Binding(Model):
    """A rule with parameters, as it is given.

    Attributes:
        rule: Its name.
        parameters: By class of the holder judged; ``*`` for all others. A class with None, or
            that nothing names, is not judged.
        provisions: For each parameter, the provision of the law that it comes from.
        roles: Who must be in the pack's jurisdiction for the rule to count; anybody when empty.
    """

    rule: Identifier
    parameters: ByClass
    provisions: Annotated[Mapping[str, ShortText], Field(max_length=32)] = {}
    roles: Annotated[tuple[Role, ...], Field(max_length=4)] = ()

    @property
    def without_provision(self) -> Iterator[str]:
        """The parameters that no provision is named for, each once."""
        named = {name for each in self.parameters.values() if each for name in each}
        yield from sorted(named - set(self.provisions))


Bindings = Annotated[tuple[Binding, ...], Field(max_length=MAX_RULES)]


class BoundRule(Binding):
    """A rule in force.

    Attributes:
        version: Of the rule.
        pack: The pack and its version; nothing for a rule of the security's own.
        jurisdiction: Of the pack; None for a rule of the security's own.
        bound_by: MSP of who bound a rule of the security's own first; nothing for others.
    """

    version: int
    pack: str = ""
    jurisdiction: Jurisdiction | None = None
    bound_by: str = ""

    @property
    def binding(self) -> Binding:
        """The rule as it was given."""
        return Binding.model_construct(
            **{name: value for name, value in self if name in Binding.model_fields}
        )

    def bound(self) -> Bound:
        """Return the rule as something to ask.

        Raises:
            Refusal: RULE_UNKNOWN, or RULE_PARAMETERS_WRONG.
        """
        cited = "; ".join(dict.fromkeys(self.provisions[name] for name in sorted(self.provisions)))
        cites = ": ".join(each for each in (self.pack, cited) if each)
        scope = None
        if self.jurisdiction is not None and self.roles:
            scope = Scope(self.jurisdiction, self.roles)
        source = Source(pack=self.pack, cites=cites, scope=scope)
        return bound_rule(self.rule, self.version, self.parameters, source)


class PackReference(Model):
    """A version of a pack."""

    pack: Identifier
    version: Quantity


class Pack(Model):
    """Row ``pack (pack, version)``: the rules of one exemption, with the law behind each figure.

    Attributes:
        jurisdiction: Whose law it is, ISO 3166 alpha-2.
        exemption: By which units are offered that it is about; None for the law of a place.
        dated: The day as of which the figures are those of the law.
        bars_solicitation: The provision that forbids to advertise such an offering; None without.
        requires_approval: The provision by which an authority approves such an offering before
            anything is sold; None without.
    """

    pack: Identifier
    version: Quantity
    title: ShortText
    jurisdiction: Jurisdiction
    exemption: Identifier | None = None
    dated: Day
    bars_solicitation: ShortText | None = None
    requires_approval: ShortText | None = None
    rules: Annotated[tuple[Binding, ...], Field(min_length=1, max_length=MAX_RULES)]

    @property
    def name(self) -> str:
        """The pack and its version, as findings name them."""
        return f"{self.pack} {self.version}"


class RuleSet(Model):
    """Row ``rules (security, version)``, and part of the security: what is bound to it.

    Attributes:
        version: Raised with every change; zero while nothing was ever bound.
        home: Jurisdiction of the issuer.
        unit_price: What a unit costs in its offering, in minor units; zero when there is none.
        packs: Those whose rules are in force.
        rules: All rules in force, those of the packs first.
        bound_at: When; None while nothing was ever bound.
        bound_by: MSP of who bound them.
    """

    version: int = 0
    home: Jurisdiction | None = None
    unit_price: int = 0
    packs: tuple[PackReference, ...] = ()
    rules: tuple[BoundRule, ...] = ()
    bound_at: Instant | None = None
    bound_by: str = ""

    @cached_property
    def bound(self) -> tuple[Bound, ...]:
        """The rules as something to ask, the locks of lots first."""
        return (OWN_LOCKS, *(each.bound() for each in self.rules))

    @cached_property
    def needs(self) -> Needs:
        """What the rules must be told."""
        needs = NEEDS_NOTHING
        for each in self.bound:
            needs |= each.needs
        return needs


NO_RULES = RuleSet()


class RulesGiven(Model):
    """What shall be bound to a security, in place of what is.

    Attributes:
        rules: The security's own, beside those of the packs.
    """

    security: Identifier
    home: Jurisdiction | None = None
    unit_price: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    packs: Annotated[tuple[PackReference, ...], Field(max_length=MAX_PACKS)] = ()
    rules: Bindings = ()


class VenueRules(Model):
    """Row ``venue-rules (security, venue)``: what a venue asks on top of the security's rules.

    Attributes:
        version: Raised with every change.
    """

    version: int = 0
    rules: tuple[BoundRule, ...] = ()

    @cached_property
    def bound(self) -> tuple[Bound, ...]:
        """The rules as something to ask."""
        return tuple(each.bound() for each in self.rules)


NO_VENUE_RULES = VenueRules()


class TransferApproval(Model):
    """What an approver approves beforehand.

    Attributes:
        waives: Rules that shall not stand against it, by name; who has power ``keep-register``
            says so first.
        exemption: Under which the sender sells its units in the issuer's offering, so that rules
            about offerings count them; likewise. None for a movement that is no part of one.
        evidence_hash: SHA-256 of the document that explains it.
    """

    security: Identifier
    sender: Identifier
    receiver: Identifier
    quantity: Quantity
    expires_at: Instant
    waives: Annotated[tuple[Identifier, ...], Field(max_length=MAX_RULES)] = ()
    exemption: Identifier | None = None
    evidence_hash: Sha256Hex
