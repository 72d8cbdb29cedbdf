"""A node does not start with private keys that others can read."""

import logging
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.key_files import ExposedKeyError, check_key_files
from tallystick.node.settings import OrdererSettings, load_settings

SETTINGS = """
listen_address = "127.0.0.1:7050"
data_directory = "data"
tls = {{ certificate = "tls.crt", private_key = "tls.key", root_certificates = "ca.crt" }}
{extra}

[msp]
id = "OneMSP"
directory = "msp"
pkcs11 = {{ library = "l.so", token = "one", pin_file = "pin" }}

[admin]
listen_address = "127.0.0.1:7053"
certificate = "admin.crt"
private_key = "admin.key"
client_root_certificates = ["ca.crt"]

[etcd]
endpoints = ["127.0.0.1:2379"]
certificate = "etcd.crt"
private_key = "etcd.key"
root_certificates = "ca.crt"
"""
KEYS = ("msp/keystore/priv_sk", "tls.key", "admin.key", "etcd.key", "pin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an orderer has its keys, which are its owner's only."""
    (tmp_path / "msp" / "keystore").mkdir(parents=True)
    for name in KEYS:
        (tmp_path / name).touch(mode=0o600)
    return tmp_path


def settings(folder: Path, extra: str = "") -> OrdererSettings:
    (folder / "orderer.toml").write_text(SETTINGS.format(extra=extra))
    return load_settings(OrdererSettings, folder / "orderer.toml")


def test_keys_of_their_owner_alone_are_fine(folder: Path) -> None:
    assert check_key_files(settings(folder)) == ()
    (folder / "tls.key").chmod(0o400)
    assert check_key_files(settings(folder)) == ()


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644], ids=oct)
def test_a_key_that_others_may_use_keeps_the_node_from_starting(
    outcome: Outcome, folder: Path, name: str, mode: int
) -> None:
    (folder / name).chmod(mode)
    given = settings(folder)
    told = f"chmod 600 {folder / name}"
    with outcome.refuses(ExposedKeyError, leaves=files(folder), match=told) as refused:
        check_key_files(given)
    assert refused.value.paths == (folder / name,)


def test_all_exposed_keys_are_told_at_once(outcome: Outcome, folder: Path) -> None:
    for name in KEYS:
        (folder / name).chmod(0o644)
    given = settings(folder)
    with outcome.refuses(ExposedKeyError, leaves=files(folder)) as refused:
        check_key_files(given)
    assert len(refused.value.paths) == len(KEYS)


def test_a_node_may_be_told_to_warn_only(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "tls.key").chmod(0o640)
    with caplog.at_level(logging.WARNING):
        exposed = check_key_files(settings(folder, 'exposed_keys = "warn"'))
    assert exposed == (folder / "tls.key",)
    assert f"chmod 600 {folder / 'tls.key'}" in caplog.text


def test_a_file_that_is_not_there_is_left_to_who_reads_it(folder: Path) -> None:
    (folder / "tls.key").unlink()
    (folder / "msp" / "keystore" / "priv_sk").unlink()
    assert check_key_files(settings(folder)) == ()
