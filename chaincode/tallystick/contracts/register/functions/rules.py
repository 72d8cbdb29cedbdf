"""The part of the token contract that binds rules to securities and records refusals."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.compliance.counters import Counters
from tallystick.contracts.compliance.models import Bindings, RuleSet, RulesGiven, VenueRules
from tallystick.contracts.compliance.packs import Packs
from tallystick.contracts.compliance.periods import end_of
from tallystick.contracts.compliance.reported import ReportedVolumes, VolumeReport
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier
from tallystick.contracts.parties import check_parties
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import ComplianceReason
from tallystick.contracts.register.functions.movements import move_of
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import Security
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.securities import Securities
from tallystick.contracts.statements import UnitsSent


class RuleFunctions(MarketContract):
    """Rules in force, what venues report for them, and refusals."""

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE, Power.ISSUE_SECURITIES)
    def bind_rules(self, ctx: Context, given: RulesGiven) -> None:
        """Set the rules of a security, in place of all that it had.

        Its issuer may do so too, as long as packs, home, price and what others have bound stay: it
        lifts nothing but its own.
        """
        securities = Securities(ctx.state)
        row = securities.require(given.security)
        if self.licence_findings(ctx, (Power.KEEP_REGISTER, Power.OVERSEE)):
            _check_issuer(ctx.client.msp_id, row, given)
        rules = Packs(ctx).rule_set(given, row.rules)
        securities.save(row.model_copy(update={"rules": rules}))

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def bind_venue_rules(self, ctx: Context, security: Identifier, rules: Bindings) -> None:
        """Set what the submitting venue asks, on top of a security's rules, of who trades there."""
        Securities(ctx.state).require(security)
        Packs(ctx).bind_venue_rules(security, ctx.client.msp_id, rules)

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def record_refusal(self, ctx: Context, sent: UnitsSent) -> None:
        """Record why a movement that was asked for at the submitting venue is refused.

        It is judged as the settlement of a trade; ``record_refused_draw`` is for draws.
        """
        venue = ctx.client.msp_id
        instruction = Instruction((move_of(sent),), Basis.SETTLEMENT, exercised=(), venue=venue)
        Movements(ctx).record_refusal(instruction)

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def report_volume(self, ctx: Context, reported: VolumeReport) -> None:
        """Say what was traded in a security at the submitting venue, in a week that is over.

        In place of what it said of that week before; the last year of weeks is kept.
        """
        Securities(ctx.state).require(reported.security)
        if end_of(reported.week, "P7D") > now(ctx):
            raise ComplianceReason.WEEK_NOT_OVER.refusal(
                security=reported.security, week=reported.week
            )
        venue = ctx.client.msp_id
        (standing,) = check_parties(ctx, exercised=(), organizations=(venue,)).organizations
        told = events.VolumeReported(
            **reported.model_dump(),
            venue=venue,
            classes=tuple(sorted({each.licence_class for each in standing.licences})),
        )
        Counters(ctx.state, ctx.transaction_id).note_volume(told)
        ctx.emit(told)

    @query
    def volumes(self, ctx: Context, security: str, venue: str) -> ReportedVolumes:
        """Return what a venue reported of a security, in units of now."""
        return Counters(ctx.state, ctx.transaction_id).reported(security, venue)

    @query
    def rules(self, ctx: Context, security: str) -> RuleSet:
        """Return the rules in force for a security."""
        return Securities(ctx.state).require(security).rules

    @query
    def venue_rules(self, ctx: Context, security: str, venue: str) -> VenueRules:
        """Return what a venue asks on top of a security's rules."""
        return Packs(ctx).venue_rules(security, venue)


def _check_issuer(actor: str, row: Security, given: RulesGiven) -> None:
    security = row.terms.security
    if actor != row.terms.issuer:
        raise ComplianceReason.NOT_THE_ISSUER.refusal(actor=actor, security=security)
    before = row.rules
    changes = {
        "home": given.home != before.home,
        "unit price": given.unit_price != before.unit_price,
        **{f"pack {each.pack}": each not in given.packs for each in before.packs},
        **{
            f"rule {each.rule} of {each.bound_by}": each.binding not in given.rules
            for each in before.rules
            if not each.pack and each.bound_by != actor
        },
    }
    for part, is_changed in changes.items():
        if is_changed:
            raise ComplianceReason.LAW_MUST_STAY.refusal(actor=actor, security=security, part=part)
