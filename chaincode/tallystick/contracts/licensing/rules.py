"""When a licence counts, and when two functions conflict. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

from tallystick.contracts.instants import Instant
from tallystick.contracts.licensing.models import Conflicts, Licence, LicenceClass
from tallystick.contracts.parties import Exercised
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, LicenceReason


def licence_finding(organization: str, licence: Licence, moment: Instant) -> Finding | None:
    """Return why a licence does not count at a moment, or None when it does."""
    facts = {"organization": organization, "licence_class": licence.licence_class}
    if licence.suspension is not None:
        return LicenceReason.LICENCE_SUSPENDED.finding(**facts, reason=licence.suspension)
    if moment < licence.valid_from:
        return LicenceReason.LICENCE_NOT_YET_VALID.finding(**facts, valid_from=licence.valid_from)
    if moment >= licence.valid_until:
        return LicenceReason.LICENCE_EXPIRED.finding(**facts, valid_until=licence.valid_until)
    return None


def live_licences(licences: Sequence[Licence], moment: Instant) -> Iterator[Licence]:
    """Yield the licences that count at a moment."""
    for licence in licences:
        if licence_finding("", licence, moment) is None:
            yield licence


def power_findings(
    wanted: Exercised,
    licences: Sequence[Licence],
    classes: Mapping[str, LicenceClass],
    moment: Instant,
) -> list[Finding]:
    """Return why an organisation may not exercise what it wants to; nothing when it may.

    Args:
        wanted: Who, and the powers of which it needs one; none means that any licence will do.
        licences: Those of the organisation.
        classes: The classes of those licences, by name; not looked at without powers.
        moment: Now.
    """
    findings = []
    for licence in licences:
        if wanted.powers and not _conveys(classes[licence.licence_class], wanted.powers):
            continue
        finding = licence_finding(wanted.organization, licence, moment)
        if finding is None:
            return []
        findings.append(finding)
    if findings:
        return findings
    powers = " or ".join(f"'{power}'" for power in wanted.powers) or "of any class"
    return [LicenceReason.LICENCE_MISSING.finding(organization=wanted.organization, powers=powers)]


def conflicting(
    exercised: Sequence[Exercised], conflicts: Conflicts
) -> Iterator[tuple[str, Power, Power]]:
    """Yield each organisation that exercises two powers that conflict, with the pair as listed."""
    for one, other in combinations(exercised, 2):
        if one.organization != other.organization:
            continue
        for pair in conflicts.pairs:
            if _is_pair(one.powers, other.powers, pair.first, pair.second):
                yield one.organization, pair.first, pair.second


def _conveys(licence_class: LicenceClass, powers: Collection[Power]) -> bool:
    return not set(powers).isdisjoint(licence_class.powers)


def _is_pair(one: Collection[Power], other: Collection[Power], first: Power, second: Power) -> bool:
    return (first in one and second in other) or (second in one and first in other)
