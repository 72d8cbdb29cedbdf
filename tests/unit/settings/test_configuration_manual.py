"""docs/configuration.md and the annotated examples say what the models of the settings say."""

from pathlib import Path

import pytest
from tests.configuration_manual import EXAMPLES, keys, uncommented, written

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
