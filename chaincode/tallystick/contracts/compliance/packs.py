"""Packs and rules in force, as one transaction sees and changes them."""

from collections.abc import Iterator, Sequence

from pydantic_core import to_json

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.compliance.catalogue import current_version
from tallystick.contracts.compliance.models import (
    MAX_RULE_BYTES,
    MAX_RULES,
    NO_VENUE_RULES,
    Binding,
    BoundRule,
    Pack,
    RuleSet,
    RulesGiven,
    VenueRules,
)
from tallystick.contracts.compliance.records import rules_key, venue_rules_key
from tallystick.contracts.instants import now
from tallystick.contracts.reasons import ComplianceReason
from tallystick.contracts.rows import load_row


class Packs:
    """Packs, and rules made of them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._state = ctx.state

    def require(self, pack: str, version: int) -> Pack:
        """Return a version of a pack; refuse with PACK_UNKNOWN when there is none."""
        row = load_row(self._state, pack_key(pack, version), Pack)
        if row is None:
            raise ComplianceReason.PACK_UNKNOWN.refusal(pack=pack, version=version)
        return row

    def publish(self, pack: Pack) -> None:
        """Enter a version of a pack; it stays as it is.

        Raises:
            Refusal: PACK_EXISTS, PROVISION_MISSING, RULE_UNKNOWN or RULE_PARAMETERS_WRONG.
        """
        key = pack_key(pack.pack, pack.version)
        if load_row(self._state, key, Pack) is not None:
            raise ComplianceReason.PACK_EXISTS.refusal(pack=pack.pack, version=pack.version)
        for rule in pack.rules:
            for parameter in rule.without_provision:
                raise ComplianceReason.PROVISION_MISSING.refusal(
                    pack=pack.pack, rule=rule.rule, parameter=parameter
                )
        for rule in _of_pack(pack):
            rule.bound()
        self._state.save(key, pack)
        self._ctx.emit(
            events.PackPublished(
                pack=pack.pack, pack_version=pack.version, document=pack.model_dump_json()
            )
        )

    def rule_set(self, given: RulesGiven, before: RuleSet) -> RuleSet:
        """Return the rules that shall be in force from now on, and keep them for recomputations.

        Raises:
            Refusal: PACK_UNKNOWN, RULES_TOO_MANY, RULE_UNKNOWN or RULE_PARAMETERS_WRONG.
        """
        packed = [
            rule for each in given.packs for rule in _of_pack(self.require(each.pack, each.version))
        ]
        rules = (*packed, *self._own_of(given.rules, before))
        _check(given.security, rules)
        rule_set = RuleSet(
            version=before.version + 1,
            home=given.home,
            unit_price=given.unit_price,
            packs=given.packs,
            rules=rules,
            bound_at=now(self._ctx),
            bound_by=self._ctx.client.msp_id,
        )
        self._state.save(rules_key(given.security, rule_set.version), rule_set)
        self._ctx.emit(
            events.RulesBound(
                security=given.security,
                rule_set=rule_set.version,
                document=rule_set.model_dump_json(),
            )
        )
        return rule_set

    def _own_of(self, rules: Sequence[Binding], before: RuleSet) -> Iterator[BoundRule]:
        """Yield rules that a security shall have of its own; one that it had stays its binder's."""
        binders = {to_json(each.binding): each.bound_by for each in before.rules if not each.pack}
        submitter = self._ctx.client.msp_id
        for each in _own(rules):
            binder = binders.get(to_json(each.binding), submitter)
            yield each.model_copy(update={"bound_by": binder})

    def bind_venue_rules(self, security: str, venue: str, rules: Sequence[Binding]) -> None:
        """Set what a venue asks on top of a security's rules.

        Raises:
            Refusal: RULES_TOO_MANY, RULE_UNKNOWN or RULE_PARAMETERS_WRONG.
        """
        key = venue_rules_key(security, venue)
        before = load_row(self._state, key, VenueRules) or NO_VENUE_RULES
        row = VenueRules(version=before.version + 1, rules=tuple(_own(rules)))
        _check(security, row.rules)
        self._state.save(key, row)
        self._state.save(venue_rules_key(security, venue, row.version), row)
        self._ctx.emit(
            events.VenueRulesBound(
                security=security,
                venue=venue,
                rule_set=row.version,
                document=row.model_dump_json(),
            )
        )

    def venue_rules(self, security: str, venue: str) -> VenueRules:
        """Return what a venue asks on top of a security's rules."""
        key = venue_rules_key(security, venue)
        return load_row(self._state, key, VenueRules) or NO_VENUE_RULES

    def require_placement(self, security: str, rules: RuleSet, exemption: str) -> None:
        """Refuse with EXEMPTION_UNKNOWN unless a rule limits what holders sell under an exemption.

        Without one, no sale under it is part of an offering. The rules of venues count as well,
        since the sale may be agreed at any of them.
        """
        if exemption in rules.needs.placed:
            return
        for _, value in self._state.partial("venue-rules", security):
            bound = VenueRules.model_validate_json(value).bound
            if any(exemption in each.needs.placed for each in bound):
                return
        raise ComplianceReason.EXEMPTION_UNKNOWN.refusal(security=security, exemption=exemption)


def pack_key(pack: str, version: int) -> str:
    """Return the key of a version of a pack."""
    return composite_key("pack", pack, str(version))


def _of_pack(pack: Pack) -> Iterator[BoundRule]:
    for each in pack.rules:
        yield BoundRule(
            **dict(each),
            version=current_version(each.rule),
            pack=pack.name,
            jurisdiction=pack.jurisdiction,
        )


def _own(rules: Sequence[Binding]) -> Iterator[BoundRule]:
    for each in rules:
        yield BoundRule(**dict(each), version=current_version(each.rule))


def _check(security: str, rules: Sequence[BoundRule]) -> None:
    if len(rules) > MAX_RULES:
        raise ComplianceReason.RULES_TOO_MANY.refusal(
            security=security, rules=len(rules), limit=MAX_RULES
        )
    size = len(to_json(rules))
    if size > MAX_RULE_BYTES:
        raise ComplianceReason.RULES_TOO_LARGE.refusal(
            security=security, size=size, limit=MAX_RULE_BYTES
        )
    for each in rules:
        each.bound()
