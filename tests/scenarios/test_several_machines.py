"""Three organisations found a network as docs/operations.md says; none has a key of another."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.documents import Block, Reader, blocks
from tests.scenarios.small_network import NOTES

from tallystick.node.cluster.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

READY_WITHIN_S = 30
TOPOLOGY, SETTINGS, PROFILE, *SCRIPTS = [
    block
    for language in ("toml", "json", "bash")
    for block in blocks(language)
    if block.run_by == "scenarios/test_several_machines.py"
]
MAKE_KEYS, ADD_ORDERERS, UNPACK, GENESIS, LOOK, START, EXAMINE, APPROVE, COMMIT = SCRIPTS
ONE: dict[str, str] = {}
TWO = {"OneMSP": "TwoMSP", "one.example": "two.example", "7051": "8051", "7052": "8052"}
ORDERER = {
    "OneMSP": "OrdererMSP",
    "one.example": "orderer.example",
    "peer": "orderer",
    "7051": "7050",
    "7052": "7060",
}
PORTS = ("7050", "7051", "7052", "7060", "8051", "8052")


@dataclass
class Organization:
    """Follows the manual on a machine of its own, which here is a folder.

    Attributes:
        reader: Who types there.
        words: What this organisation reads for what the manual says of OneMSP.
        ports: The ports here, by those of the manual.
    """

    reader: Reader
    words: dict[str, str]
    ports: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def own(self, text: str) -> str:
        """Return what the manual says of OneMSP, said of this organisation."""
        if self.words:
            text = re.sub("|".join(self.words), lambda found: self.words[found[0]], text)
        return self.here(text)

    def here(self, text: str) -> str:
        """Return a text with hosts and ports of this machine."""
        text = re.sub(r"nodes\.\w+\.example", "localhost", text)
        return re.sub("|".join(PORTS), lambda found: self.ports[found[0]], text)

    def follow(self, block: Block) -> str:
        return self.reader.run(self.own(block.script))

    @property
    def folder(self) -> Path:
        return self.reader.folder

    def write_profiles(self) -> None:
        msp_id, text = self.own("OneMSP"), self.own(PROFILE.text)
        self.reader.save(f"profiles/{msp_id}-admin.json", text)
        self.reader.save(f"profiles/{msp_id}.json", text.replace("admin", "client"))

    def start(self) -> None:
        """Start the node, which ends with the test."""
        self.running.append(
            subprocess.Popen(
                self.own(START.script).split(),
                cwd=self.folder,
                env=self.reader.environment,
                stderr=subprocess.DEVNULL,
            )
        )

    def wait_until_healthy(self) -> None:
        ends_s = time.monotonic() + READY_WITHIN_S
        while not is_healthy(self.own("http://localhost:7052/healthz")):
            assert time.monotonic() < ends_s, self.own("OneMSP")
            time.sleep(0.1)


def is_healthy(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:
            status: int = answer.status
    except OSError:  # of which an answer that is no success is one, too
        return False
    return status == 200


@pytest.fixture
def organizations(tmp_path: Path) -> Iterator[list[Organization]]:
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    folders = []
    for name, words in (("one", ONE), ("two", TWO), ("orderer", ORDERER)):
        (tmp_path / name).mkdir()
        folders.append(Organization(Reader(tmp_path / name), words, ports))
    with ExitStack() as always:
        for each in folders:
            always.callback(stop, each)
        yield folders


def stop(organization: Organization) -> None:
    for process in organization.running:
        process.terminate()
        process.wait()


def hand_round(name: str, sender: Organization, organizations: list[Organization]) -> None:
    for each in organizations:
        (each.folder / name).write_bytes((sender.folder / name).read_bytes())


def owners_of_keys(material: Path) -> set[str]:
    """Return the organisations of which a private key is in a folder."""
    keys = [*material.rglob("priv_sk"), *material.rglob("*.key")]
    return {path.relative_to(material).parts[0] for path in keys}


def found(organizations: list[Organization]) -> None:
    """Make keys, exchange what is not secret, and make the first block, which all compare."""
    for each in organizations:
        each.reader.save("market.toml", each.here(TOPOLOGY.text))
        each.follow(MAKE_KEYS)
    first, *_, orderer = organizations
    orderer.reader.run(ADD_ORDERERS.script)
    for each in organizations:
        hand_round(each.own("OneMSP.tar"), each, organizations)
    for each in organizations:
        each.follow(UNPACK)
        assert owners_of_keys(each.folder / "crypto") == {each.own("OneMSP")}
    first.follow(GENESIS)
    hand_round("market.block", first, organizations)
    assert len({each.follow(LOOK) for each in organizations}) == 1


def start(organizations: list[Organization]) -> None:
    """Start all nodes, with which the doctors of all are content."""
    for each in organizations:
        each.reader.save(each.own("peer.toml"), each.own(SETTINGS.text))
        each.start()
    for each in organizations:
        each.wait_until_healthy()
    for each in organizations:
        assert "0 warning, 0 failed" in each.follow(EXAMINE)


def test_organisations_that_share_no_key_found_a_network(
    organizations: list[Organization],
) -> None:
    found(organizations)
    start(organizations)
    one, two, _ = organizations
    one.reader.save("src/notes.py", NOTES)
    package = "tally chaincode package notes:Notes --source src --label notes_1.0"
    one.reader.run(f"{package} --output notes.tar.gz")
    hand_round("notes.tar.gz", one, organizations)
    for member in (one, two):
        member.write_profiles()
        member.follow(APPROVE)
    assert "committed in block" in one.follow(COMMIT)
    asked = two.own("tally query notes get greeting --profile profiles/OneMSP.json")
    ends_s = time.monotonic() + READY_WITHIN_S
    while two.reader.run(asked) != "hello\n":  # its peer commits the block a moment later
        assert time.monotonic() < ends_s
