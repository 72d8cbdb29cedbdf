"""All rules by name and version: how what is bound to a security becomes something to ask."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from tallystick.contracts.compliance.basics import ALWAYS, GIVING_UP
from tallystick.contracts.compliance.bindings import Bound, Source, bind
from tallystick.contracts.compliance.disclosure import DisclosedInTime
from tallystick.contracts.compliance.eligibility import (
    FreshlyConfirmed,
    KnownResidence,
    ReceiverAccepts,
    ReceiverClaims,
    SenderClaims,
    Suitable,
    SuitableForClass,
)
from tallystick.contracts.compliance.enforcement import ENFORCED
from tallystick.contracts.compliance.holdings import (
    FullExitOnly,
    HoldersLimited,
    MaximumHolding,
    MinimumHolding,
)
from tallystick.contracts.compliance.lots import LockUp, LotLocks, Resale
from tallystick.contracts.compliance.offerings import (
    InvestmentLimited,
    PurchasersLimited,
    RaisingCap,
    SecondarySalesLimited,
)
from tallystick.contracts.compliance.rules import NoParameters, ParametersT, Rule
from tallystick.contracts.compliance.venues import (
    ApprovedBeforehand,
    AtNamedVenuesOnly,
    AtTradedVenuesOnly,
    AtVenuesOnly,
    VenueIsLicensed,
)
from tallystick.contracts.compliance.volumes import VolumeWindow
from tallystick.contracts.reasons import ComplianceReason

ParametersByClass = Mapping[str, Mapping[str, JsonValue] | None]
"""Parameters as they are written, by class of the holder judged; None: such are not judged."""

Binder = Callable[[ParametersByClass, Source], Bound]

OWN_LOCKS = bind(LotLocks(), NoParameters())
"""What lots say of themselves: it holds for every security, before the rules that are bound."""


def _binder(rule: Rule[ParametersT]) -> tuple[tuple[str, int], Binder]:
    def bound(written: ParametersByClass, source: Source) -> Bound:
        by_class = {
            holder_class: None
            if each is None
            else rule.parameters.model_validate_json(to_json(each))
            for holder_class, each in written.items()
        }
        return bind(rule, by_class, source)

    return (rule.name, rule.version), bound


BINDERS: Mapping[tuple[str, int], Binder] = MappingProxyType(
    dict(
        (
            _binder(SenderClaims()),
            _binder(ReceiverClaims()),
            _binder(ReceiverAccepts()),
            _binder(KnownResidence()),
            _binder(SuitableForClass()),
            _binder(Suitable()),
            _binder(FreshlyConfirmed()),
            _binder(DisclosedInTime()),
            _binder(AtNamedVenuesOnly()),
            _binder(AtTradedVenuesOnly()),
            _binder(AtVenuesOnly()),
            _binder(VenueIsLicensed()),
            _binder(ApprovedBeforehand()),
            _binder(MaximumHolding()),
            _binder(MinimumHolding()),
            _binder(FullExitOnly()),
            _binder(HoldersLimited()),
            _binder(LockUp()),
            _binder(Resale()),
            _binder(VolumeWindow()),
            _binder(RaisingCap()),
            _binder(SecondarySalesLimited()),
            _binder(PurchasersLimited()),
            _binder(InvestmentLimited()),
        )
    )
)
"""The rules that may be bound; a version that was once in force never leaves this table."""

UNBOUND: Mapping[tuple[str, int], Bound] = MappingProxyType(
    {(each.name, each.version): each for each in (*ALWAYS, *GIVING_UP, *ENFORCED, OWN_LOCKS)}
)
"""The rules that need no binding, by name and version."""


def current_version(rule: str) -> int:
    """Return the newest version of a rule; refuse with RULE_UNKNOWN when there is none."""
    versions = [version for name, version in BINDERS if name == rule]
    if not versions:
        raise ComplianceReason.RULE_UNKNOWN.refusal(rule=rule)
    return max(versions)


def bound_rule(rule: str, version: int, parameters: ParametersByClass, source: Source) -> Bound:
    """Return a rule bound to parameters as they are written.

    Raises:
        Refusal: RULE_UNKNOWN, or RULE_PARAMETERS_WRONG.
    """
    binder = BINDERS.get((rule, version))
    if binder is None:
        raise ComplianceReason.RULE_UNKNOWN.refusal(rule=f"{rule} {version}")
    try:
        return binder(parameters, source)
    except ValidationError as error:
        cause = _cause(error)
        raise ComplianceReason.RULE_PARAMETERS_WRONG.refusal(rule=rule, cause=cause) from error


def _cause(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(each) for each in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
