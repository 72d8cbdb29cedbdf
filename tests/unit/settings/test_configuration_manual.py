"""docs/configuration.md and the annotated examples say what the models of the settings say."""

import re
from pathlib import Path

import pytest
from tests.configuration_manual import EXAMPLES, keys, manual, uncommented, written

from tallystick.node.settings import NodeSettings, OrdererSettings, PeerSettings, load_settings

MODELS = pytest.mark.parametrize(
    ("path", "model"), EXAMPLES.items(), ids=lambda each: getattr(each, "stem", "")
)


@pytest.mark.parametrize("path", written(), ids=lambda path: path.name)
def test_what_is_documented_is_what_the_models_say(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == written()[path], "run `make configuration`"


@pytest.mark.parametrize("model", [PeerSettings, OrdererSettings])
def test_every_key_says_what_it_means(model: type[NodeSettings]) -> None:
    silent = [key.name for key in keys(model) if not key.meaning]
    assert not silent, "put a docstring below these keys in settings.py"


def test_a_rate_is_no_time() -> None:
    assert "| `calls_per_s` | number, calls per second |" in manual()
    assert "| `lease_ttl_s` | whole number, seconds |" in manual()


def test_the_key_that_asks_for_client_certificates_names_the_key_that_it_needs() -> None:
    (asking,) = [key for key in keys(PeerSettings) if key.last == "client_certificate_required"]
    assert "`client_root_certificates` must be set" in asking.meaning


def test_a_peer_and_an_orderer_with_the_settings_of_the_examples_fit_on_one_machine() -> None:
    texts = [uncommented(path.read_text(encoding="utf-8")) for path in EXAMPLES]
    listens = re.compile(r'^listen_address = ".*:(\d+)"$', re.MULTILINE)
    ports = [port for text in texts for port in listens.findall(text)]
    assert len(set(ports)) == len(ports) == 6
    data = [load_settings(model, path).data_directory for path, model in EXAMPLES.items()]
    assert len(set(data)) == len(data)


@MODELS
def test_an_example_can_be_loaded_and_changes_no_default(
    path: Path, model: type[NodeSettings]
) -> None:
    loaded = load_settings(model, path)
    assert loaded.model_fields_set == {"listen_address", "data_directory", "msp", "tls"}


@MODELS
def test_an_example_names_every_key_with_a_value_that_is_allowed(
    path: Path, model: type[NodeSettings], tmp_path: Path
) -> None:
    full = tmp_path / "full.toml"
    full.write_text(uncommented(path.read_text(encoding="utf-8")), encoding="utf-8")
    loaded = load_settings(model, full)
    assert loaded.model_fields_set == set(model.model_fields)
    plain = [key for key in keys(model) if not key.required and key.default not in (None, (), {})]
    for key in plain:
        value: object = loaded
        for part in key.name.split("."):
            value = getattr(value, part)
        assert value == key.default, key.name
