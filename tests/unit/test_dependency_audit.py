"""What the audit of dependencies lets pass, and what it says of what it could not see."""

from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from packaging.version import Version
from tests import dependency_audit
from tests.dependency_audit import (
    LOCK,
    Advisory,
    Affected,
    Outcome,
    Snapshot,
    audit_npm,
    audit_python,
    judged,
    locked,
    snapshot_of,
    verdict,
)

TODAY = date(2026, 11, 29)
RECORD = """
id: PYSEC-1
details: "It crashes. Upgrade."
affected:
- package: {ecosystem: PyPI, name: left}
  ranges:
  - {type: GIT, events: [{introduced: "0"}]}
  - type: ECOSYSTEM
    events: [{introduced: "1.2"}, {fixed: 1.4.1}, {introduced: 2.0.0}]
"""


def snapshot(day: date = TODAY) -> Snapshot:
    spans = [Affected(introduced="1.2", fixed="1.4.1"), Affected(introduced="2.0.0")]
    advisory = Advisory(id="PYSEC-1", package="left", affected=spans, summary="It crashes")
    return Snapshot(source="a test", day=day, packages=["left", "right"], advisories=[advisory])


def answering(code: int, stdout: str = "", stderr: str = "") -> dependency_audit.Run:
    return lambda command, _: CompletedProcess(command, code, stdout, stderr)


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.1", False),
        ("1.2", True),
        ("1.4", True),
        ("1.4.1", False),
        ("1.10", False),
        ("2.0.0rc1", False),
        ("3.0", True),
    ],
)
def test_a_version_between_introduction_and_repair_is_affected(
    version: str, *, affected: bool
) -> None:
    outcome = judged({"left": [Version(version)]}, snapshot(), TODAY)
    assert bool(outcome.problems) == affected
    assert ("is affected by PYSEC-1: It crashes" in "".join(outcome.problems)) == affected


def test_a_snapshot_is_made_from_the_database(tmp_path: Path) -> None:
    (tmp_path / "vulns" / "left").mkdir(parents=True)
    (tmp_path / "vulns" / "left" / "PYSEC-1.yaml").write_text(RECORD)
    (tmp_path / "vulns" / "left" / "PYSEC-2.yaml").write_text(f"withdrawn: 2026-01-01\n{RECORD}")
    assert snapshot_of(tmp_path, ["left", "right"], "a test", TODAY) == snapshot()


def test_packages_that_the_snapshot_does_not_cover_are_named() -> None:
    outcome = judged({"new": [Version("1")], "left": [Version("1")]}, snapshot(), TODAY)
    assert outcome.problems == ()
    assert "does not cover new: NOT audited" in "".join(outcome.warnings)


@pytest.mark.parametrize(("day", "old"), [(date(2026, 11, 1), False), (date(2024, 10, 10), True)])
def test_a_snapshot_says_how_old_it_is(day: date, *, old: bool) -> None:
    (warning,) = judged({}, snapshot(day), TODAY).warnings
    assert f"{(TODAY - day).days} days old" in warning
    assert ("older than 30 days" in warning) == old


def test_the_last_line_claims_no_more_than_was_audited() -> None:
    assert verdict([Outcome(), Outcome()]) == "No dependency has a known vulnerability."
    old = judged({}, snapshot(date(2024, 10, 10)), TODAY)
    no_npm = audit_npm(answering(1), must_be_live=False)
    assert verdict([old, no_npm]) == (
        "No vulnerability found, but what became known of Python packages since 2024-10-10 is NOT"
        " AUDITED; npm packages are NOT AUDITED. Where OSV is reached: TALLY_AUDIT=live make audit"
    )


def test_what_osv_answers_counts() -> None:
    clean = audit_python(answering(0), must_be_live=False, today=TODAY)
    assert clean == Outcome()
    found = audit_python(answering(1, "left 1.3 has 1"), must_be_live=False, today=TODAY)
    assert found.problems == ("left 1.3 has 1",)


def test_where_osv_cannot_be_asked_the_snapshot_judges_and_a_release_fails() -> None:
    unreachable = answering(2, stderr="dns error")
    kept = audit_python(unreachable, must_be_live=False, today=TODAY)
    assert kept.problems == ()
    assert "OSV cannot be reached" in "".join(kept.warnings)
    live = audit_python(unreachable, must_be_live=True, today=TODAY)
    assert "dns error" in "".join(live.problems)


def test_a_vulnerable_version_in_the_lock_would_be_found() -> None:
    content = LOCK.read_text(encoding="utf-8")
    pinned = locked(content)["cryptography"][0]
    former = content.replace(f'version = "{pinned}"', 'version = "41.0.5"')
    kept = Snapshot.model_validate_json(dependency_audit.ADVISORIES.read_bytes())
    assert "cryptography 41.0.5 is affected by PYSEC-2023-254" in "\n".join(
        judged(locked(former), kept, TODAY).problems
    )


@pytest.mark.parametrize(
    ("answer", "problem", "warning"),
    [
        pytest.param('{"auditReportVersion": 2, "vulnerabilities": {}}', "", "", id="clean"),
        pytest.param(
            '{"auditReportVersion": 2, "vulnerabilities": {"left": {"severity": "high"}}}',
            "left: high",
            "",
            id="a vulnerability",
        ),
        pytest.param('{"message": "405"}', "", "NOT audited", id="no service"),
        pytest.param("", "", "NOT audited", id="no answer"),
    ],
)
def test_what_npm_answers_counts(
    monkeypatch: pytest.MonkeyPatch, answer: str, problem: str, warning: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "npm")
    outcome = audit_npm(answering(1, answer), must_be_live=False)
    assert "".join(outcome.problems) == problem
    assert warning in "".join(outcome.warnings)
    assert bool(outcome.warnings) == bool(warning)
