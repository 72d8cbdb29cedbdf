"""Says whether a package that `uv.lock` or the interop tests pin has a known vulnerability.

``make audit`` asks the services that know: OSV, through ``uv audit``, and npm's. Where OSV cannot
be reached, the advisories in ``tests/advisories.json`` judge, and a warning says how old they are;
with ``TALLY_AUDIT=live``, as before a release, that is a failure. ``--refresh FOLDER`` makes the
file from a checkout of PyPA's advisory database.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import yaml
from packaging.version import Version
from pydantic import BaseModel
from tests.documents import ROOT

ADVISORIES: Final = ROOT / "tests" / "advisories.json"
LOCK: Final = ROOT / "uv.lock"
NPM_FOLDER: Final = ROOT / "tests" / "interop"
MAX_AGE_DAYS: Final = 30
LIVE: Final = "TALLY_AUDIT=live make audit"
"""What audits without a gap, or fails."""
TIMEOUT_S: Final = 120


class Affected(BaseModel):
    """Versions of a package: from ``introduced`` on, and before ``fixed`` if there is one."""

    introduced: str
    fixed: str | None = None

    def include(self, version: Version) -> bool:
        """Return whether a version is one of them."""
        begins = self.introduced == "0" or Version(self.introduced) <= version
        return begins and (self.fixed is None or version < Version(self.fixed))


class Advisory(BaseModel):
    """What is known of a vulnerability."""

    id: str
    package: str
    affected: list[Affected]
    summary: str


class Snapshot(BaseModel):
    """All advisories, as of a day, about some packages.

    Attributes:
        packages: About which advisories were looked for; others are not covered.
    """

    source: str
    day: date
    packages: list[str]
    advisories: list[Advisory]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an audit found.

    Attributes:
        problems: What must be mended; none if the audit passes.
        warnings: What the audit could not see.
        gap: The same in a few words; empty if it saw everything.
    """

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gap: str = ""


def locked(content: str) -> Mapping[str, list[Version]]:
    """Return the versions of each package in the text of a lock file, ours left out."""
    found: dict[str, list[Version]] = {}
    for package in tomllib.loads(content)["package"]:
        if "registry" in package.get("source", {}):
            found.setdefault(package["name"], []).append(Version(package["version"]))
    return found


def judged(packages: Mapping[str, list[Version]], snapshot: Snapshot, today: date) -> Outcome:
    """Return what a snapshot says of packages, with a warning of those that it does not cover."""
    problems = [
        f"{name} {version} is affected by {advisory.id}: {advisory.summary}"
        for advisory in snapshot.advisories
        for name, versions in packages.items()
        for version in versions
        if name == advisory.package
        and any(affected.include(version) for affected in advisory.affected)
    ]
    age_days = (today - snapshot.day).days
    warning = (
        f"OSV cannot be reached: judged by {snapshot.source} of {snapshot.day}, {age_days} days"
        " old. What became known since then is NOT seen"
    )
    if age_days > MAX_AGE_DAYS:
        warning += f"; it is older than {MAX_AGE_DAYS} days, so audit again where OSV is reached"
    uncovered = ", ".join(sorted(packages.keys() - set(snapshot.packages)))
    missing = (f"{ADVISORIES.name} does not cover {uncovered}: NOT audited, refresh it",)
    gap = f"what became known of Python packages since {snapshot.day} is NOT AUDITED"
    return Outcome(tuple(problems), (warning, *(missing if uncovered else ())), gap)


Run = Callable[[list[str], Path], "subprocess.CompletedProcess[str]"]


def audit_python(run: Run, *, must_be_live: bool, today: date) -> Outcome:
    """Return what is known of the packages in ``uv.lock``."""
    uv = str(Path(sys.executable).parent / "uv")
    command = [uv, "audit", "--frozen", "--preview-features", "audit-command"]
    done = run(command, ROOT)
    match done.returncode:
        case 0:
            return Outcome()
        case 1:
            return Outcome((done.stdout,))
        case _ if must_be_live:
            return Outcome((f"OSV cannot be asked, and TALLY_AUDIT is live: {done.stderr}",))
        case _:
            snapshot = Snapshot.model_validate_json(ADVISORIES.read_bytes())
            return judged(locked(LOCK.read_text(encoding="utf-8")), snapshot, today)


def audit_npm(run: Run, *, must_be_live: bool) -> Outcome:
    """Return what is known of the packages with which Fabric's client is run in tests."""
    npm = shutil.which("npm")
    if npm is None:
        unseen = "npm is not installed"
    else:
        done = run([npm, "audit", "--package-lock-only", "--json"], NPM_FOLDER)
        report = json.loads(done.stdout or "{}")
        if "auditReportVersion" in report:
            found = report["vulnerabilities"]
            return Outcome(tuple(f"{name}: {found[name]['severity']}" for name in sorted(found)))
        unseen = f"npm's service cannot be asked: {report.get('message', done.stderr)}"
    unseen += "; the npm packages of the interop tests are NOT audited"
    if must_be_live:
        return Outcome((unseen,))
    return Outcome(warnings=(unseen,), gap="npm packages are NOT AUDITED")


def snapshot_of(database: Path, packages: list[str], source: str, day: date) -> Snapshot:
    """Return the advisories about packages in a checkout of PyPA's advisory database."""
    return Snapshot(
        source=source,
        day=day,
        packages=packages,
        advisories=[
            advisory
            for name in packages
            for path in sorted((database / "vulns" / name).glob("*.yaml"))
            for advisory in _read(yaml.safe_load(path.read_bytes()), name)
        ],
    )


def _read(record: Mapping[str, object], name: str) -> Iterator[Advisory]:
    if record.get("withdrawn"):
        return
    entries = record["affected"]
    assert isinstance(entries, list)
    affected = [
        Affected(introduced=str(since), fixed=str(fixed) if fixed else None)
        for entry in entries
        for span in entry.get("ranges", [])
        if span["type"] == "ECOSYSTEM"
        for since, fixed in _spans(span["events"])
    ]
    summary = str(record["details"]).partition(". ")[0].replace("\n", " ")
    yield Advisory(id=str(record["id"]), package=name, affected=affected, summary=summary)


def _spans(events: list[Mapping[str, str]]) -> Iterator[tuple[str, str | None]]:
    introduced: str | None = None
    for event in events:
        if "introduced" in event:
            introduced = event["introduced"]
        elif "fixed" in event and introduced is not None:
            yield introduced, event["fixed"]
            introduced = None
    if introduced is not None:
        yield introduced, None


def verdict(outcomes: Iterable[Outcome]) -> str:
    """Return what an audit that found nothing amounts to: who reads this line reads no warning."""
    gaps = [outcome.gap for outcome in outcomes if outcome.gap]
    if not gaps:
        return "No dependency has a known vulnerability."
    return f"No vulnerability found, but {'; '.join(gaps)}. Where OSV is reached: {LIVE}"


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "UV_HTTP_RETRIES": "1", "UV_PROJECT_ENVIRONMENT": ".venv"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def main() -> int:
    """Audit, or refresh the snapshot; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refresh", type=Path, help="a checkout of pypa/advisory-database")
    folder = parser.parse_args().refresh
    if folder is not None:
        shown = _run(["git", "show", "-s", "--format=%h %cs"], folder).stdout.split()
        packages = sorted(locked(LOCK.read_text(encoding="utf-8")))
        source = f"pypa/advisory-database at {shown[0]}"
        snapshot = snapshot_of(folder, packages, source, date.fromisoformat(shown[1]))
        ADVISORIES.write_text(snapshot.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return 0
    must_be_live = os.environ.get("TALLY_AUDIT") == "live"
    today = datetime.now(UTC).date()
    outcomes = (
        audit_python(_run, must_be_live=must_be_live, today=today),
        audit_npm(_run, must_be_live=must_be_live),
    )
    for outcome in outcomes:
        for warning in outcome.warnings:
            print(f"AUDIT WARNING: {warning}.", file=sys.stderr)
        for problem in outcome.problems:
            print(f"AUDIT FAILED: {problem}", file=sys.stderr)
    failed = any(outcome.problems for outcome in outcomes)
    if not failed:
        print(verdict(outcomes))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
