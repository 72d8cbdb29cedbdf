"""What operators write, and what they are told when it is wrong."""

from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.settings import (
    OrdererSettings,
    PeerSettings,
    SettingsError,
    load_settings,
)

ORDERER = """
listen_address = "0.0.0.0:7050"
data_directory = "data"
genesis_blocks = ["genesis/securities.block"]

[msp]
id = "OrdererMSP"
directory = "/etc/tallystick/msp"

[tls]
certificate = "tls/server.crt"
private_key = "tls/server.key"
root_certificates = "tls/ca.crt"
"""

PEER = (
    ORDERER
    + """
[log]
format = "json"

[[orderers]]
address = "orderer.example:7050"

[gateway]
broadcast_timeout_s = 5

[[gateway.peers]]
msp_id = "ATSMSP"
address = "[::1]:7051"
root_certificates = "ats/ca.crt"
"""
)


def write(directory: Path, text: str) -> Path:
    path = directory / "node.toml"
    path.write_text(text)
    return path


def test_relative_paths_are_relative_to_the_file_and_absolute_ones_stay(tmp_path: Path) -> None:
    settings = load_settings(OrdererSettings, write(tmp_path, ORDERER))
    assert settings.data_directory == tmp_path / "data"
    assert settings.genesis_blocks == (tmp_path / "genesis" / "securities.block",)
    assert settings.msp.directory == Path("/etc/tallystick/msp")
    assert settings.tls is not None
    assert settings.tls.private_key == tmp_path / "tls" / "server.key"


def test_a_path_is_told_without_detours(tmp_path: Path) -> None:
    (tmp_path / "orderers").mkdir()
    text = ORDERER.replace('"data"', '"../data/orderer0"')
    settings = load_settings(OrdererSettings, write(tmp_path / "orderers", text))
    assert settings.data_directory == tmp_path / "data" / "orderer0"


def test_a_path_behind_a_symbolic_link_still_leads_to_its_target(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "orderers").mkdir(parents=True)
    (tmp_path / "orderers").symlink_to(tmp_path / "elsewhere" / "orderers")
    text = ORDERER.replace('"data"', '"../data/orderer0"')
    settings = load_settings(OrdererSettings, write(tmp_path / "orderers", text))
    assert settings.data_directory.resolve() == tmp_path / "elsewhere" / "data" / "orderer0"


@pytest.mark.parametrize(
    ("address", "other", "refused"),
    [
        ("127.0.0.1:7051", "127.0.0.1:7051", True),
        ("0.0.0.0:7051", "10.0.0.1:7051", True),
        ("10.0.0.1:7051", "[::]:7051", True),
        ("localhost:7051", "[::1]:7051", True),
        ("10.0.0.1:7051", "10.0.0.2:7051", False),
        ("127.0.0.1:7051", "[::1]:7051", False),
        ("127.0.0.1:7051", "127.0.0.1:7052", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
@pytest.mark.parametrize("table", ["operations", "chaincode.listener"])
def test_two_things_that_would_listen_on_one_port_are_refused(
    tmp_path: Path, address: str, other: str, table: str, *, refused: bool
) -> None:
    text = PEER.replace("0.0.0.0:7050", address) + f'[{table}]\nlisten_address = "{other}"\n'
    path = write(tmp_path, text)
    if refused:
        with pytest.raises(SettingsError, match="are one port"):
            load_settings(PeerSettings, path)
    else:
        assert load_settings(PeerSettings, path).listen_address == address


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(OrdererSettings, write(tmp_path, ORDERER))
    assert settings.store == "leveldb"
    assert settings.queue.max_envelopes == 10_000
    assert settings.connections.deliver_time_window_s == 900
    assert settings.operations.listen_address is None


def test_a_peer_knows_orderers_and_other_peers(tmp_path: Path) -> None:
    settings = load_settings(PeerSettings, write(tmp_path, PEER))
    assert settings.log.format == "json"
    assert [orderer.address for orderer in settings.orderers] == ["orderer.example:7050"]
    (peer,) = settings.gateway.peers
    assert (peer.msp_id, peer.address) == ("ATSMSP", "[::1]:7051")
    assert peer.root_certificates == tmp_path / "ats" / "ca.crt"


def test_tls_is_switched_off_only_by_name(tmp_path: Path) -> None:
    without_tls = ORDERER.partition("[tls]")[0]
    with pytest.raises(SettingsError, match="tls: Field required"):
        load_settings(OrdererSettings, write(tmp_path, without_tls))
    switched_off = write(tmp_path, 'tls = "off"\n' + without_tls)
    assert load_settings(OrdererSettings, switched_off).tls is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param('data_directory = "data"', "", "data_directory: Field required", id="missing"),
        pytest.param(
            "data_directory",
            "data_dir",
            "data_dir: there is no such setting; did you mean data_directory?",
            id="misspelt",
        ),
        pytest.param(
            "[msp]",
            "[connections]\nmax_concurent_calls = 1\n[msp]",
            "; did you mean connections.max_concurrent_calls?",
            id="misspelt in a table",
        ),
        pytest.param("[msp]", "[msp]\nname = 1", "msp.name: there is no such setting", id="nested"),
        pytest.param(
            "0.0.0.0:7050", "7050", "listen_address: an address is host:port", id="no host"
        ),
        pytest.param(
            "0.0.0.0:7050", "a:70500", "listen_address: an address is host:port", id="no such port"
        ),
        pytest.param(
            "[msp]",
            "[queue]\nmax_envelopes = 0\n[msp]",
            "queue.max_envelopes: Input should be greater",
            id="out of range",
        ),
        pytest.param(
            "[tls]",
            "[tls]\nclient_certificate_required = true",
            "tls: client_certificate_required needs client_root_certificates",
            id="mutual TLS without authorities",
        ),
        pytest.param(
            "[msp]",
            '[operations]\nlisten_address = "localhost:7050"\n[msp]',
            "listen_address (0.0.0.0:7050) and operations.listen_address (localhost:7050) are one"
            " port: set one of them to a port other than 7050",
            id="two uses of one port",
        ),
        pytest.param("[msp]", "[msp", "at line", id="not TOML"),
        pytest.param("[msp]", f"a = {'9' * 5_000}\n[msp]", "too long", id="an endless number"),
        pytest.param(
            "[msp]", f"a = {'[' * 5_000}\n[msp]", "nested too deeply", id="endless nesting"
        ),
    ],
)
def test_a_settings_file_with_a_mistake_is_refused_by_file_and_key(
    outcome: Outcome, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    path = write(tmp_path, ORDERER.replace(old, new, 1))
    with outcome.refuses(SettingsError, leaves=files(tmp_path)) as caught:
        load_settings(OrdererSettings, path)
    assert str(caught.value).startswith(f"{path} cannot be used:\n")
    assert problem in str(caught.value)
    assert caught.value.path == path


@pytest.mark.parametrize("listened", ["0.0.0.0:7050", "[::]:7050", "[]:7050"])
def test_an_orderer_that_orders_with_others_tells_them_an_address_of_one_machine(
    tmp_path: Path, listened: str
) -> None:
    etcd = """[etcd]
endpoints = ["localhost:2379"]
certificate = "a"
private_key = "b"
root_certificates = "c"
"""
    alone = ORDERER.replace("0.0.0.0:7050", listened)
    load_settings(OrdererSettings, write(tmp_path, alone))
    problem = r"etcd: other orderers .* set advertised_address to its own"
    with pytest.raises(SettingsError, match=problem):
        load_settings(OrdererSettings, write(tmp_path, alone + etcd))
    for address in ("orderer0.one.example:7050", "10.0.0.1:7050"):
        reached = f'advertised_address = "{address}"\n{alone}{etcd}'
        assert load_settings(OrdererSettings, write(tmp_path, reached)).etcd is not None
    local = alone.replace(listened, "localhost:7050")
    path = write(tmp_path, f'advertised_address = "{listened}"\n{local}{etcd}')
    with pytest.raises(SettingsError, match=problem):
        load_settings(OrdererSettings, path)


def test_a_misspelt_setting_in_a_repeated_table_is_named_with_its_place(
    outcome: Outcome, tmp_path: Path
) -> None:
    text = PEER.replace("msp_id =", "mspid =")
    path = write(tmp_path, text)
    problem = r"did you mean gateway\.peers\.0\.msp_id\?"
    with outcome.refuses(SettingsError, leaves=files(tmp_path), match=problem):
        load_settings(PeerSettings, path)


def test_all_mistakes_of_a_settings_file_are_told_at_once(outcome: Outcome, tmp_path: Path) -> None:
    text = ORDERER.replace("0.0.0.0:7050", "nowhere").replace("data_directory", "data_dir")
    path = write(tmp_path, text)
    with outcome.refuses(SettingsError, leaves=files(tmp_path)) as caught:
        load_settings(OrdererSettings, path)
    keys = {problem.partition(":")[0] for problem in caught.value.problems}
    assert keys == {"listen_address", "data_directory", "data_dir"}


def test_a_settings_file_that_is_not_there_is_named(outcome: Outcome, tmp_path: Path) -> None:
    with outcome.refuses(SettingsError, leaves=files(tmp_path), match=r"gone\.toml cannot be used"):
        load_settings(OrdererSettings, tmp_path / "gone.toml")


def test_the_file_in_the_documentation_is_valid_and_shows_the_defaults(tmp_path: Path) -> None:
    documentation = (Path(__file__).parents[3] / "docs" / "orderer.md").read_text()
    documented = documentation.partition("```toml\n")[2].partition("```")[0]
    shown = load_settings(OrdererSettings, write(tmp_path, documented))
    defaults = load_settings(OrdererSettings, write(tmp_path, ORDERER))
    assert (shown.queue, shown.connections, shown.log, shown.store) == (
        defaults.queue, defaults.connections, defaults.log, defaults.store,
    )  # fmt: skip
