"""What an operator is told where the kernel cannot confine a contract."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tallystick.chaincode.package import build_package, parse_package
from tallystick.node.runtime.confinement import ConfinementError, confine

if TYPE_CHECKING:
    from pathlib import Path

# As on a kernel without Landlock: its first call fails, for this process and all that it starts.
KERNEL = """
import ctypes, platform, struct, sys
number = 444
program = b"".join(struct.pack("HBBI", *one) for one in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | int(sys.argv[1])),
    (0x06, 0, 0, 0x7FFF0000),
])
buffer = ctypes.create_string_buffer(program, len(program))
libc = ctypes.CDLL(None)
zero = ctypes.c_ulong(0)
assert libc.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
described = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
assert libc.prctl(22, ctypes.c_ulong(2), described, zero, zero) == 0
"""
PEER = """
import asyncio
import sys
from pathlib import Path
from tallystick.chaincode.package import parse_package
from tallystick.node.runtime.process import ProcessEndpoint, ProcessRules

async def main():
    package = parse_package(Path(sys.argv[2]).read_bytes())
    async with ProcessEndpoint(package, ProcessRules()).open() as reached:
        print(await reached.ended())

asyncio.run(main())
"""
CONTRACT = """
from tallystick.chaincode import Context, Contract, transaction

class Plain(Contract):
    name = "plain"

    @transaction
    def go(self, ctx: Context) -> None:
        ctx.state.put("k", b"v")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(errno.ENOSYS, "this kernel has no Landlock (it came with Linux 5.13)"),
        pytest.param(
            errno.EOPNOTSUPP,
            "this kernel has Landlock switched off (add landlock to its parameter lsm=)",
        ),
        pytest.param(errno.EACCES, "this kernel does not offer Landlock (Permission denied)"),
    ],
    ids=["older than Landlock", "built without, or switched off", "for any other reason"],
)
def test_a_kernel_without_landlock_starts_no_contract_and_the_peer_says_why(
    tmp_path: Path, error: int, told: str
) -> None:
    (tmp_path / "acme.py").write_text(CONTRACT)
    package = build_package("plain", "acme:Plain", tmp_path)
    assert parse_package(package).entry
    (tmp_path / "package").write_bytes(package)

    done = subprocess.run(
        [sys.executable, "-c", KERNEL + PEER, str(error), str(tmp_path / "package")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == (
        f"its process ended with status 1: the chaincode is not started: {told}, so contracts "
        "could read the peer's files; set [chaincode] confined = false to accept that\n"
    )


def test_a_machine_whose_system_calls_nobody_listed_confines_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")

    with pytest.raises(ConfinementError, match="no filter of system calls for riscv64") as raised:
        confine(readable=[])

    assert "confined = false" in str(raised.value)


READER = """
import importlib
from tallystick.chaincode import Contract
try:
    importlib.import_module("io").open({path!r})
    print("it reads the key", flush=True)
except PermissionError:
    print("it does not read the key", flush=True)
importlib.import_module("os")._exit(7)
"""


@pytest.mark.slow
@pytest.mark.parametrize("words", [("peer.py",), ("-m", "peer")], ids=" ".join)
def test_a_contract_does_not_read_the_folder_where_its_peer_was_started(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    key = tmp_path / "server.key"
    key.write_text("secret")
    (tmp_path / "peer.py").write_text(PEER.replace("argv[2]", "argv[1]"))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "acme.py").write_text(READER.format(path=str(key)))
    package = build_package("reader", "acme:Reader", tmp_path / "source")
    (tmp_path / "package").write_bytes(package)

    done = subprocess.run(
        [sys.executable, *words, "package"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "its process ended with status 7: it does not read the key\n"


@pytest.mark.slow
def test_a_contract_ends_with_its_peer_however_that_ends(tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text("while True:\n    pass\n")
    (tmp_path / "package").write_bytes(build_package("endless", "acme:Endless", tmp_path))
    started = [sys.executable, "-c", PEER, "", str(tmp_path / "package")]
    with subprocess.Popen(started) as peer:
        contract = wait_for_child(psutil.Process(peer.pid))

        peer.kill()
        peer.wait()

    contract.wait(timeout=30)
    assert not contract.is_running()


def wait_for_child(process: psutil.Process) -> psutil.Process:
    """Return the contract of a peer once its code runs."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in process.children():
            if child.cpu_times().user > 1:
                return child
        time.sleep(0.02)
    raise AssertionError("it has not been started")


@pytest.mark.slow
def test_a_contract_is_not_started_for_a_peer_that_has_gone_already() -> None:
    settings = {"directory": "/", "parent": 1, "limits": {}, "confined": True}
    settings["limits"] = dict.fromkeys(("memory_bytes", "cpu_s", "open_files", "file_bytes"), 0)

    done = subprocess.run(
        [sys.executable, "-m", "tallystick.node.runtime.confined", json.dumps(settings)],
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
