"""The licences of all organisations, as one transaction sees them."""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import State, composite_key
from tallystick.contracts.instants import Instant
from tallystick.contracts.licensing.models import (
    Conflicts,
    LicenceClass,
    Organization,
    Waiver,
)
from tallystick.contracts.licensing.rules import conflicting, live_licences, power_findings
from tallystick.contracts.licensing.standard import (
    FOUNDER,
    FOUNDING_REGULATOR,
    STANDARD_CLASSES,
    STANDARD_CONFLICTS,
)
from tallystick.contracts.parties import Exercised, LiveLicence, Standing
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, LicenceReason
from tallystick.contracts.rows import load_row

_NOBODY = Organization()


class Licences:
    """Organisations, classes of licence, conflicts and waivers."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- rows ---

    def organization(self, organization: str) -> Organization:
        """Return an organisation; without licences when there is no row."""
        row = load_row(self._state, organization_key(organization), Organization)
        if row is not None:
            return row
        return FOUNDER if organization == FOUNDING_REGULATOR else _NOBODY

    def save_organization(self, organization: str, row: Organization) -> None:
        """Write an organisation."""
        self._state.save(organization_key(organization), row)

    def licence_class(self, name: str) -> LicenceClass:
        """Return a class; refuse with LICENCE_CLASS_UNKNOWN when there is none."""
        found = self.find_class(name)
        if found is None:
            raise LicenceReason.LICENCE_CLASS_UNKNOWN.refusal(licence_class=name)
        return found

    def find_class(self, name: str) -> LicenceClass | None:
        """Return a class, or None."""
        row = load_row(self._state, composite_key("class", name), LicenceClass)
        return row or STANDARD_CLASSES.get(name)

    def save_class(self, row: LicenceClass) -> None:
        """Write a class."""
        self._state.save(composite_key("class", row.licence_class), row)

    def classes(self) -> Iterator[LicenceClass]:
        """Yield all classes, by name."""
        rows = [
            LicenceClass.model_validate_json(value) for _, value in self._state.partial("class")
        ]
        known = {**STANDARD_CLASSES, **{row.licence_class: row for row in rows}}
        yield from (known[name] for name in sorted(known))

    def conflicts(self) -> Conflicts:
        """Return the pairs of powers that conflict."""
        return load_row(self._state, composite_key("conflicts"), Conflicts) or STANDARD_CONFLICTS

    def save_conflicts(self, row: Conflicts) -> None:
        """Write the pairs of powers that conflict, in place of all earlier ones."""
        self._state.save(composite_key("conflicts"), row)

    def waiver(self, organization: str, first: Power, second: Power) -> Waiver | None:
        """Return the waiver of an organisation for a pair, in whichever order, or None."""
        return load_row(self._state, waiver_key(organization, first, second), Waiver)

    def save_waiver(self, organization: str, first: Power, second: Power, row: Waiver) -> None:
        """Write a waiver."""
        self._state.save(waiver_key(organization, first, second), row)

    def delete_waiver(self, organization: str, first: Power, second: Power) -> None:
        """Remove a waiver."""
        self._state.delete(waiver_key(organization, first, second))

    # --- judgements ---

    def findings(self, exercised: Sequence[Exercised], moment: Instant) -> list[Finding]:
        """Return what stands against organisations exercising these powers on the same act."""
        findings: list[Finding] = []
        for wanted in exercised:
            licences = self.organization(wanted.organization).licences
            names = {each.licence_class for each in licences} if wanted.powers else set()
            classes = {name: self.licence_class(name) for name in sorted(names)}
            findings += power_findings(wanted, licences, classes, moment)
        if len({each.organization for each in exercised}) < len(exercised):
            findings += self._conflicts_among(exercised, moment)
        return findings

    def live_classes(self, organization: str, moment: Instant) -> tuple[str, ...]:
        """Return the classes of the licences that an organisation has at a moment, sorted."""
        licences = self.organization(organization).licences
        return tuple(sorted({each.licence_class for each in live_licences(licences, moment)}))

    def standing(self, organization: str, moment: Instant) -> Standing:
        """Return what an organisation is at a moment."""
        row = self.organization(organization)
        return Standing(
            organization=organization,
            licences=tuple(
                LiveLicence(licence_class=each.licence_class, jurisdiction=each.jurisdiction)
                for each in live_licences(row.licences, moment)
            ),
            category=row.category,
            rulebook_hash=row.rulebook_hash,
        )

    def _conflicts_among(
        self, exercised: Sequence[Exercised], moment: Instant
    ) -> Iterator[Finding]:
        for organization, first, second in conflicting(exercised, self.conflicts()):
            waiver = self.waiver(organization, first, second)
            if waiver is None or moment >= waiver.valid_until:
                yield LicenceReason.FUNCTIONS_NOT_SEPARATE.finding(
                    organization=organization, first=first, second=second
                )


def organization_key(organization: str) -> str:
    """Return the key of an organisation's row."""
    return composite_key("organization", organization)


def waiver_key(organization: str, first: Power, second: Power) -> str:
    """Return the key of a waiver: the same for both orders of the pair."""
    return composite_key("waiver", organization, *sorted((first, second)))
