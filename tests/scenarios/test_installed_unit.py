"""The user, the files and the unit of docs/operations.md, on files that go with the test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.documents import NOT_RUN, ROOT, blocks

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples" / "operations"
TOOLS = ("unshare", "mount", "useradd", "runuser", "systemctl")
STANDS_FOR_TALLY = """#!/bin/sh
# Says who runs it, and whether they may read the settings.
test -r "$3" && echo "$(id -un) runs $*"
"""
SETUP = """
mount --make-rprivate /
mount --bind "$FAKE_ETC" /etc
mount -t tmpfs none /opt
mount -t tmpfs none /var/lib
mkdir -p /opt/tallystick/bin /etc/systemd/system
install --mode 0755 tally /opt/tallystick/bin/tally
"""


def documented() -> list[str]:
    """Return the commands that make the user and place the files, and those that start the node."""
    block, starting = [
        each.text.splitlines()
        for each in blocks("bash")
        if each.document == "docs/operations.md" and "/opt/tallystick" in each.text
    ]
    first = next(n for n, line in enumerate(block) if line.startswith("useradd"))
    placing = [line for line in block[first:] if not line.startswith("systemd-analyze")]
    assert {placing[0], *starting} <= set(NOT_RUN), "no other test runs these"
    # No systemd runs here that would start it.
    return [*placing, *(line.replace("--now", "--root=/") for line in starting)]


def test_the_documented_user_may_read_the_settings_and_the_unit_is_enabled(tmp_path: Path) -> None:
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if os.getuid():
        pytest.skip("only root makes users")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    (tmp_path / "tally").write_text(STANDS_FOR_TALLY, encoding="utf-8")
    for name in ("peer.toml", "tallystick-peer.service"):
        shutil.copy(EXAMPLES / name, tmp_path)
    fake_etc = tmp_path / "etc"
    subprocess.run(["cp", "--archive", "/etc", fake_etc], check=True)
    script = SETUP + "\n".join(documented()) + "\nstat --format %U:%G:%a /etc/tallystick/peer.toml"
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-euc", script],
        env=os.environ | {"FAKE_ETC": str(fake_etc)},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    doctor = "doctor --config /etc/tallystick/peer.toml"
    assert done.stdout.splitlines() == [f"tallystick runs {doctor}", "root:tallystick:640"]
    wanted = fake_etc / "systemd" / "system" / "multi-user.target.wants" / "tallystick-peer.service"
    assert wanted.is_symlink(), "it starts with the machine"
