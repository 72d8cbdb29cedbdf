"""What the doctor says of what it sees: one row for each finding."""

import errno
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallystick.node.cli.doctor.certificates import Expected, judge_certificate
from tallystick.node.cli.doctor.clocks import judge_clock, judge_newest_block
from tallystick.node.cli.doctor.command import examine
from tallystick.node.cli.doctor.disk import DiskFacts, judge_disk
from tallystick.node.cli.doctor.files import credentials
from tallystick.node.cli.doctor.findings import Finding, State
from tallystick.node.cli.doctor.keys import judge_key
from tallystick.node.cli.doctor.ledgers import BlockFiles, LedgerFacts, judge_ledgers
from tallystick.node.cli.doctor.ports import Port, judge_port, operations_port
from tallystick.node.cli.doctor.reachability import judge_reach
from tallystick.node.cli.doctor.surroundings import ports, reach_collector
from tallystick.node.cli.doctor.versions import (
    floors,
    judge_etcd,
    judge_extra,
    judge_packages,
    judge_python,
)
from tallystick.node.cli.node_file import load_node_settings
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.ports import free_ports
from tallystick.node.cluster.topology import default_topology
from tallystick.node.observability.operations import Operations, serving_operations
from tallystick.node.settings import AdminSettings, EtcdSettings, OrdererSettings, TelemetrySettings
from tallystick.node.transport.server import new_server, serving

OK, WARNING, FAILED = State.OK, State.WARNING, State.FAILED
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
MIB = 1024 * 1024


@dataclass(frozen=True)
class Node:
    """Files of a peer, as they are made."""

    certificate: bytes
    key: bytes
    authority: bytes
    tls: bytes
    tls_authority: bytes
    other_key: bytes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    founding = Founding(int(NOW.timestamp() * 1e9), b"n" * 24)
    return create_network(default_topology(), tmp_path_factory.mktemp("n") / "network", founding)


@pytest.fixture(scope="module")
def node(network: Network) -> Node:
    peer = network.node_material(network.peer_of("ATSMSP"))
    other = network.node_material(network.peer_of("ClearingMSP"))

    def read(folder: Path) -> bytes:
        return next(folder.iterdir()).read_bytes()

    return Node(
        certificate=read(peer / "msp" / "signcerts"),
        key=read(peer / "msp" / "keystore"),
        authority=read(peer / "msp" / "cacerts"),
        tls=(peer / "tls" / "server.crt").read_bytes(),
        tls_authority=(peer / "tls" / "ca.crt").read_bytes(),
        other_key=read(other / "msp" / "keystore"),
    )


def check(findings: Iterable[Finding], state: State, text: str) -> None:
    """Fail unless there is one finding of this state with this text, and advice if it is bad."""
    found = list(findings)
    assert [each.state for each in found] == [state], found
    assert text in found[0].text
    assert bool(found[0].advice) is (state is not OK)


@pytest.mark.parametrize(
    ("key", "mode", "state", "text"),
    [
        ("key", 0o100600, OK, "belongs to its certificate"),
        ("key", 0o100640, FAILED, "others than its owner may use it (mode 0640)"),
        ("other_key", 0o100600, FAILED, "belongs to another certificate"),
        ("certificate", 0o100600, FAILED, "holds no key that can be read"),
    ],
)
def test_keys(node: Node, key: str, mode: int, state: State, text: str) -> None:
    check(judge_key("key.pem", getattr(node, key), mode, node.certificate), state, text)


Case = Callable[[Node], Iterable[Finding]]


def identity(node: Node, *, unit: str = "peer", after_days: float = 0) -> Iterable[Finding]:
    expected = Expected(node.authority, unit=unit)
    return judge_certificate("c", node.certificate, expected, NOW + timedelta(days=after_days))


def server(node: Node, host: str, authorities: bytes | None = None) -> Iterable[Finding]:
    expected = Expected(node.tls_authority if authorities is None else authorities, [host])
    return judge_certificate("c", node.tls, expected, NOW)


@pytest.mark.parametrize(
    ("judged", "state", "text"),
    [
        (identity, OK, "is believed, says what it must, and is valid until 2036"),
        (lambda node: identity(node, after_days=3650 - 10), WARNING, "expires in"),
        (lambda node: identity(node, after_days=4000), FAILED, "expired on 2036"),
        (lambda node: identity(node, after_days=-10), FAILED, "is valid from 2026"),
        (lambda node: identity(node, unit="orderer"), FAILED, "orderer is not among them"),
        (lambda node: server(node, "localhost"), OK, "is believed"),
        (lambda node: server(node, "0.0.0.0"), OK, "is believed"),
        (lambda node: server(node, "elsewhere.example"), FAILED, "is not valid for elsewhere"),
        (lambda node: server(node, "localhost", node.authority), FAILED, "not among the author"),
        (lambda node: server(node, "localhost", b""), FAILED, "not among the authorities"),
        (
            lambda _: judge_certificate("c", b"junk", Expected(b""), NOW),
            FAILED,
            "no PEM block",
        ),
    ],
)
def test_certificates(node: Node, judged: Case, state: State, text: str) -> None:
    check(judged(node), state, text)


def settings_of_a_peer(network: Network, folder: Path, *replaced: tuple[str, str]) -> Path:
    """Return a settings file in ``folder`` of ATSMSP's peer, with some of its text replaced."""
    text = network.settings_file(network.peer_of("ATSMSP")).read_text(encoding="utf-8")
    path = folder / "peer.toml"
    text = text.replace("../data/peer0.ats.example", str(folder / "data"))
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text.replace('"../', f'"{network.directory}/'))
    return path


@pytest.mark.parametrize("msp_id", ["ClearingMSP", "UnheardOfMSP"])
async def test_a_node_with_a_certificate_of_another_organisation_is_told_whose_it_is(
    network: Network, tmp_path: Path, msp_id: str
) -> None:
    path = settings_of_a_peer(network, tmp_path, ('id = "ATSMSP"', f'id = "{msp_id}"'))
    (found,) = (each for each in await examine(path) if each.advice.startswith("set msp.id"))
    check([found], FAILED, "is one of ATSMSP on channel securities, and msp.id in the settings is")
    assert found.advice == f'set msp.id = "ATSMSP", or take a certificate that {msp_id} issued'


async def test_a_certificate_of_a_later_authority_is_not_held_against_a_node(
    network: Network, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    founding = Founding(int(NOW.timestamp() * 1e9), b"n" * 24)
    other = create_network(default_topology(), tmp_path_factory.mktemp("o") / "network", founding)
    first = network.genesis_block
    path = settings_of_a_peer(other, tmp_path, ('"../genesis.block"', f'"{first}"'))
    assert not [each for each in await examine(path) if "msp.id" in each.text]


async def test_a_peer_on_no_channel_is_told_how_it_gets_onto_one(
    network: Network, tmp_path: Path
) -> None:
    path = settings_of_a_peer(network, tmp_path, ('"../genesis.block"', ""))
    (found,) = (each for each in await examine(path) if "no channel" in each.text)
    check([found], WARNING, "this peer is on no channel")
    assert "tally channel join FILE" in found.advice
    path = settings_of_a_peer(network, tmp_path)
    assert not [each for each in await examine(path) if "no channel" in each.text]


async def test_a_port_of_operations_that_another_node_holds_is_not_taken_for_ours(
    network: Network, tmp_path: Path
) -> None:
    async with serving_operations("127.0.0.1:0", Operations({}, version="0.1.0")) as port:
        settings = load_node_settings(settings_of_a_peer(network, tmp_path))
        operations = settings.operations.model_copy(update={"listen_address": f"127.0.0.1:{port}"})
        free = f"127.0.0.1:{next(free_ports(1))}"
        changes = {"operations": operations, "listen_address": free}
        found = await ports(settings.model_copy(update=changes))
    assert [port for _, port in found.values()][:2] == [Port.FREE, Port.FOREIGN]


@pytest.mark.parametrize(
    ("listen", "answers_as_node", "held_by"),
    [
        (Port.OURS, True, Port.OURS),
        (Port.OURS, False, Port.FOREIGN),
        (Port.UNKNOWN, True, Port.UNKNOWN),
        (Port.FREE, True, Port.FOREIGN),
        (Port.FOREIGN, True, Port.FOREIGN),
    ],
)
def test_operations_are_ours_where_the_node_itself_is(
    listen: Port, held_by: Port, *, answers_as_node: bool
) -> None:
    assert operations_port(listen, answers_as_node=answers_as_node) is held_by


def refuse_to_read(unreadable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_bytes = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == unreadable:
            raise PermissionError(errno.EACCES, "words of the system")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read)


@pytest.mark.parametrize("name", ["msp/signcerts", "msp/keystore", "msp/cacerts", "tls/ca.crt"])
def test_a_credential_that_cannot_be_read_hides_no_other_finding(
    network: Network, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings = load_node_settings(network.settings_file(network.peer_of("ATSMSP")))
    place = settings.msp.directory.parent / name
    (unreadable,) = place.iterdir() if place.is_dir() else [place]
    refuse_to_read(unreadable, monkeypatch)
    found = {each.subject: each for each in credentials(settings, NOW)}
    check([found.pop(str(unreadable))], FAILED, "cannot be read: words of the system")
    assert {each.state for each in found.values()} == {OK}
    believed = ["is believed" in each.text for each in found.values()]
    assert believed.count(True) == (2 if name == "msp/keystore" else 1)


async def test_block_files_and_authorities_of_others_that_cannot_be_read_hide_no_other_finding(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = tmp_path / "data" / "channels" / "securities" / "blocks" / "000000.blocks"
    blocks.parent.mkdir(parents=True)
    blocks.write_bytes(b"not empty")
    roots = tmp_path / "roots.pem"
    path = settings_of_a_peer(network, tmp_path)
    orderer = f'[[orderers]]\naddress = "localhost:1"\nroot_certificates = "{roots}"\n'
    path.write_text(path.read_text(encoding="utf-8") + orderer, encoding="utf-8")
    refuse_to_read(blocks, monkeypatch)
    found = await examine(path)
    unread = [each for each in found if "cannot be read" in each.text]
    assert [each.check for each in unread] == ["clocks", "reachability"]
    assert {each.check for each in found} >= {"keys", "certificates", "disk", "ledgers"}


@pytest.mark.parametrize(
    ("found", "state", "text"),
    [
        (judge_clock("m", 1000.0, 1001.0, 60), OK, "agrees"),
        (judge_clock("m", 1000.0, 1010.0, 60), WARNING, "10 s behind"),
        (judge_clock("m", 1040.0, 1000.0, 60), FAILED, "40 s ahead of it; 60 s are refused"),
        (judge_clock("m", 1000.0, None, 60), WARNING, "does not tell its time"),
        (judge_newest_block("c", 1000.0, 900.0, 60), OK, "not from the future"),
        (judge_newest_block("c", 1000.0, 1010.0, 60), WARNING, "10 s in this machine's future"),
        (judge_newest_block("c", 1000.0, 1040.0, 60), FAILED, "40 s in this machine's future"),
    ],
)
def test_clocks(found: Finding, state: State, text: str) -> None:
    check([found], state, text)


@pytest.mark.parametrize(
    ("port", "state", "text"),
    [
        (Port.FREE, OK, "is free"),
        (Port.OURS, OK, "held by this node"),
        (Port.UNKNOWN, WARNING, "by whom cannot be told"),
        (Port.FOREIGN, FAILED, "another node or program"),
        (Port.NO_SUCH_HOST, FAILED, "no address of this machine"),
    ],
)
def test_ports(port: Port, state: State, text: str) -> None:
    check([judge_port("listen_address", "a:1", port)], state, text)


GOOD_DISK = DiskFacts(free_bytes=1000 * MIB, free_files=None, problem="", sync_s=0.001)


@pytest.mark.parametrize(
    ("facts", "states", "text"),
    [
        (GOOD_DISK, [OK, OK], "1000 MiB are free"),
        (replace(GOOD_DISK, free_bytes=150 * MIB), [WARNING, OK], "150 MiB are free"),
        (replace(GOOD_DISK, free_bytes=MIB), [FAILED, OK], "1 MiB are free, and 100 MiB are"),
        (replace(GOOD_DISK, free_files=5), [OK, FAILED, OK], "only 5 more files"),
        (replace(GOOD_DISK, problem="Read-only"), [OK, FAILED], "cannot be written: Read-only"),
        (replace(GOOD_DISK, sync_s=0.2), [OK, WARNING], "takes 200 ms"),
    ],
)
def test_disks(facts: DiskFacts, states: list[State], text: str) -> None:
    found = list(judge_disk("/data", facts, 100 * MIB))
    assert [each.state for each in found] == states
    assert any(text in each.text for each in found)
    assert all(each.advice for each in found if each.state is not OK)


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "words of OpenSSL"
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (certificate_error(10), "has expired"),
        (certificate_error(9), "is not valid yet"),
        (certificate_error(20), "not trusted here"),
        (certificate_error(62), "for another host"),
        (certificate_error(23), "is refused: words of OpenSSL"),
        (tls_error("WRONG_VERSION_NUMBER"), "speaks without TLS"),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "refuses our certificate"),
        (tls_error("NO_CIPHERS"), "TLS fails: NO_CIPHERS"),
        (TimeoutError(), "does not answer"),
        (ConnectionRefusedError(), "nothing listens"),
        (socket.gaierror(), "peer.example has no address"),
        (ConnectionResetError(), "hung up"),
        (EOFError(), "hung up"),
        (OSError("no route to host"), "no route to host"),
    ],
)
def test_what_keeps_a_node_from_being_reached(error: Exception, text: str) -> None:
    check([judge_reach("peer", "peer.example:7051", error)], FAILED, text)


def test_a_node_that_answers_is_reached() -> None:
    check([judge_reach("peer", "peer.example:7051", None)], OK, "answers")


async def test_a_collector_of_traces_is_asked_whether_it_speaks(tmp_path: Path) -> None:
    server = new_server()
    async with serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port:
        there = TelemetrySettings(address=f"127.0.0.1:{port}", tls=False)
        check([await reach_collector(there)], OK, "answers")
    check([await reach_collector(there)], FAILED, "nothing listens there")
    without_roots = TelemetrySettings(address=there.address, root_certificates=tmp_path / "ca.crt")
    check([await reach_collector(without_roots)], FAILED, "cannot be used: [Errno 2] No such file")


@pytest.mark.parametrize(
    ("found", "state", "text"),
    [
        ([judge_python((3, 12))], OK, "3.12"),
        ([judge_python((3, 13))], FAILED, "3.13"),
        (judge_packages({"grpcio": "1.90.0"}, {"grpcio": "1.85.1"}), OK, "1.90.0"),
        (judge_packages({"grpcio": "1.9.0"}, {"grpcio": "1.85.1"}), FAILED, "1.9.0 is too old"),
        (judge_packages({"plyvel": None}, {}), FAILED, "is not installed"),
        ([judge_extra("telemetry", "sdk", "1.45.2")], OK, "1.45.2"),
        (
            [judge_extra("telemetry", "sdk", None)],
            FAILED,
            "the settings need it",
        ),
        ([judge_etcd("a:1", "3.4.23")], OK, "3.4.23"),
        ([judge_etcd("a:1", "3.5.1")], FAILED, "3.5.0 to 3.5.2 can lose data"),
        ([judge_etcd("a:1", "3.3.0")], FAILED, "3.4 is the oldest"),
        ([judge_etcd("a:1", "")], FAILED, "cannot be told"),
    ],
)
def test_versions(found: Iterable[Finding], state: State, text: str) -> None:
    check(found, state, text)


def test_floors_are_those_of_the_package_itself() -> None:
    lines = ["grpcio>=1.85.1", "plyvel>=1.5.1; platform_system == 'Linux'", "pytest>=9"]
    assert floors(lines, ["grpcio", "plyvel"]) == {"grpcio": "1.85.1", "plyvel": "1.5.1"}


def seen(
    files: Sequence[tuple[str, Sequence[int]]],
    leftovers: Sequence[str],
    *,
    locked: bool | None,
    listening: bool,
) -> LedgerFacts:
    return LedgerFacts(locked, listening, [BlockFiles(*each) for each in files], leftovers)


@pytest.mark.parametrize(
    ("facts", "state", "text"),
    [
        (seen([("c", [0, 1])], [], locked=True, listening=True), OK, "2 block files without a gap"),
        (seen([("c", [0])], [], locked=None, listening=False), OK, "1 block files"),
        (
            seen([("c", [0, 2])], [], locked=False, listening=False),
            FAILED,
            "are gone: 000001.blocks",
        ),
        (
            LedgerFacts(
                locked=None,
                listening=False,
                block_files=[BlockFiles("c", [2, 3], first=2)],
                leftovers=[],
            ),
            OK,
            "2 block files without a gap",
        ),
        (
            LedgerFacts(
                locked=None,
                listening=False,
                block_files=[],
                leftovers=[],
                damaged=["start.json is damaged: restore it"],
            ),
            FAILED,
            "start.json is damaged",
        ),
        (seen([], [], locked=True, listening=False), FAILED, "does not listen as this node"),
        (seen([], [], locked=False, listening=True), FAILED, "nothing holds a store here"),
        (seen([], ["d/joined.draft"], locked=None, listening=False), WARNING, "was interrupted"),
    ],
)
def test_ledgers(facts: LedgerFacts, state: State, text: str) -> None:
    check(judge_ledgers("/data", facts), state, text)


def test_what_an_orderer_shows_to_etcd_and_to_administrators_is_judged(
    network: Network, node: Node, tmp_path: Path
) -> None:
    for name in ("etcd", "admin"):
        (tmp_path / f"{name}.crt").write_bytes(node.certificate)
        (tmp_path / f"{name}.key").write_bytes(node.key)
        (tmp_path / f"{name}.key").chmod(0o644)
    roots = tmp_path / "roots.crt"
    roots.write_bytes(node.tls_authority)
    settings = with_etcd_and_admin(network, tmp_path)

    def said(now: datetime) -> dict[str, Finding]:
        found = {each.subject: each for each in credentials(settings, now)}
        return {Path(name).name: each for name, each in found.items() if str(tmp_path) in name}

    found = said(NOW)
    assert sorted(found) == ["admin.crt", "admin.key", "etcd.crt", "etcd.key", "roots.crt"]
    assert "mode 0644" in found["etcd.key"].text
    assert "mode 0644" in found["admin.key"].text
    assert [found[f"{name}.crt"].state for name in ("admin", "etcd", "roots")] == [OK] * 3
    late = said(NOW + timedelta(days=4000))
    for name in ("admin.crt", "etcd.crt", "roots.crt"):
        check([late[name]], FAILED, "expired on 2036")
    roots.write_bytes(b"junk")
    check([said(NOW)["roots.crt"]], FAILED, "holds no authority that can be read")
    roots.unlink()
    check([said(NOW)["roots.crt"]], FAILED, "cannot be read: No such file")


async def test_an_orderer_that_others_cannot_reach_is_told_to_set_its_address(
    network: Network, tmp_path: Path
) -> None:
    (orderer,) = [each for each in network.nodes if each.kind == "orderer"]
    text = network.settings_file(orderer).read_text(encoding="utf-8")
    path = tmp_path / "orderer.toml"
    etcd = (
        '[etcd]\nendpoints = ["a:1"]\ncertificate = ""\nprivate_key = ""\nroot_certificates = ""\n'
    )
    everywhere = text.replace(orderer.address, f"0.0.0.0:{orderer.topology.port}", 1)
    path.write_text(everywhere + etcd, encoding="utf-8")
    check(await examine(path), FAILED, "set advertised_address to its own")


def test_a_pair_that_serves_several_uses_is_judged_once(network: Network) -> None:
    settings = with_etcd_and_admin(network, None)
    subjects = [each.subject for each in credentials(settings, NOW)]
    assert len(set(subjects)) == len(subjects)


def with_etcd_and_admin(network: Network, directory: Path | None) -> OrdererSettings:
    """Return settings with pairs for etcd and administrators in a folder, or with those of TLS."""
    (orderer,) = [each for each in network.nodes if each.kind == "orderer"]
    settings = load_node_settings(network.settings_file(orderer))
    assert isinstance(settings, OrdererSettings)
    assert settings.tls is not None
    pair = {name: getattr(settings.tls, name) for name in ("certificate", "private_key")}
    pairs = {
        name: {"certificate": directory / f"{name}.crt", "private_key": directory / f"{name}.key"}
        if directory is not None
        else pair
        for name in ("etcd", "admin")
    }
    roots = settings.tls.root_certificates if directory is None else directory / "roots.crt"
    etcd = {**pairs["etcd"], "root_certificates": roots, "endpoints": ["localhost:2379"]}
    admin = {
        **pairs["admin"],
        "client_root_certificates": [roots],
        "listen_address": "localhost:7053",
    }
    update = {
        "etcd": EtcdSettings.model_validate(etcd),
        "admin": AdminSettings.model_validate(admin),
    }
    return settings.model_copy(update=update)
