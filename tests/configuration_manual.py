"""Writes docs/configuration.md and the annotated examples from the models of the settings.

``make configuration`` runs it; ``tests/unit/settings/test_configuration_manual.py`` compares.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from tests.documents import ROOT

from tallystick.node import settings, settings_parts
from tallystick.node.settings import NodeSettings, OrdererSettings, PeerSettings
from tallystick.node.settings_parts import Settings, table_of

MANUAL: Final = ROOT / "docs" / "configuration.md"
EXAMPLES: Final[dict[Path, type[NodeSettings]]] = {
    ROOT / "examples" / "operations" / "peer.toml": PeerSettings,
    ROOT / "examples" / "operations" / "orderer.toml": OrdererSettings,
}

_UNITS: Final = {
    "calls_per_s": "calls per second",
    "_s": "seconds",
    "_bytes": "bytes",
    "_blocks": "blocks",
}
"""By how the name of a key ends; the first that fits."""
_BOUNDS: Final = (
    ("gt", "more than {}"),
    ("ge", "at least {}"),
    ("le", "at most {}"),
    ("min_length", "{} or more"),
)
_SHOWN: Final = {
    "listen_address": "0.0.0.0:7051",
    "operations.listen_address": "127.0.0.1:7052",
    "telemetry.address": "collector.one.example:4317",
    "telemetry.root_certificates": "tls/collector-ca.crt",
    "advertised_address": "peer0.one.example:7051",
    "checked_packages": "checked-packages",
    "data_directory": "/var/lib/tallystick/data",
    "genesis_blocks": ["genesis.block"],
    "msp.id": "OneMSP",
    "msp.directory": "msp",
    "msp.pkcs11.library": "/usr/lib/softhsm/libsofthsm2.so",
    "msp.pkcs11.token": "one",
    "msp.pkcs11.label": "peer0",
    "msp.pkcs11.id": "a1b2",
    "msp.pkcs11.pin_file": "pin",
    "tls.certificate": "tls/server.crt",
    "tls.private_key": "tls/server.key",
    "tls.root_certificates": "tls/ca.crt",
    "tls.client_root_certificates": ["tls/ca.crt"],
    "admin.listen_address": "127.0.0.1:7070",
    "admin.certificate": "tls/server.crt",
    "admin.private_key": "tls/server.key",
    "admin.client_root_certificates": ["tls/ca.crt"],
    "etcd.endpoints": ["etcd0.orderer.example:2379"],
    "etcd.certificate": "tls/server.crt",
    "etcd.private_key": "tls/server.key",
    "etcd.root_certificates": "tls/etcd-ca.crt",
    "etcd.begin_at": {"market": 1000},
    "etcd.ignore_heights_of": ["orderer0.two.example:7050"],
    "orderers.address": "orderer0.orderer.example:7050",
    "orderers.root_certificates": "tls/orderer-ca.crt",
    "gateway.peers.msp_id": "TwoMSP",
    "gateway.peers.address": "peer0.two.example:7051",
    "gateway.peers.root_certificates": "tls/two-ca.crt",
    "chaincode.listener.listen_address": "127.0.0.1:7054",
}
"""Values for keys without a default, and for those whose default is nothing."""
_SHOWN_OF_ORDERER: Final = _SHOWN | {
    "listen_address": "0.0.0.0:7050",
    "operations.listen_address": "127.0.0.1:7060",
    "telemetry.address": "collector.orderer.example:4317",
    "advertised_address": "orderer0.orderer.example:7050",
    "data_directory": "/var/lib/tallystick-orderer/data",
    "msp.id": "OrdererMSP",
    "msp.pkcs11.token": "orderer",
    "msp.pkcs11.label": "orderer0",
}
"""The same for an orderer: another node, which may run beside a peer."""

_INTRODUCTION: Final = """\
# Configuration

A node reads one TOML file when it starts: `tally peer start --config peer.toml`, or
`tally orderer start --config orderer.toml`. Relative paths are relative to the file. A key that
does not exist is refused, with the nearest one that does; so is a value of another type or outside
its range, and the node does not start. A changed file counts from the next start.

`make configuration` writes this page, [a peer's example](../examples/operations/peer.toml) and
[an orderer's](../examples/operations/orderer.toml) from the models in `settings.py`, and a test
compares them. `tally doctor --config FILE` checks that what a file names is there and fits
together.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a settings file.

    Attributes:
        name: With its tables, such as ``tls.certificate``.
        field: What the model says about it.
        meaning: Its docstring.
        listed: Whether its table may be repeated.
    """

    name: str
    field: FieldInfo
    meaning: str
    listed: bool

    @property
    def table(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def default(self) -> object:
        return self.field.get_default(call_default_factory=True)

    @property
    def required(self) -> bool:
        return self.default is PydanticUndefined


def keys(model: type[Settings], table: str = "", *, listed: bool = False) -> Iterator[Key]:
    """Yield the keys of a table and of the tables in it, a table's own keys first."""
    meanings = _meanings(model)
    inner: list[tuple[str, type[Settings], bool]] = []
    for name, field in model.model_fields.items():
        path = f"{table}.{name}".removeprefix(".")
        below = table_of(field.annotation)
        if below is None:
            yield Key(path, field, meanings.get(name, ""), listed)
        else:
            inner.append((path, below, get_origin(field.annotation) is tuple))
    for path, below, repeated in inner:
        yield from keys(below, path, listed=listed or repeated)


def tables(model: type[Settings], table: str = "") -> Iterator[tuple[str, str]]:
    """Yield each table in a table, with what the key that holds it means."""
    meanings = _meanings(model)
    for name, field in model.model_fields.items():
        below = table_of(field.annotation)
        if below is not None:
            path = f"{table}.{name}".removeprefix(".")
            heading = f"[[{path}]]" if get_origin(field.annotation) is tuple else f"[{path}]"
            yield heading, " ".join(filter(None, (_about(below), meanings.get(name, ""))))
            yield from tables(below, path)


def manual() -> str:
    """Return docs/configuration.md."""
    peer, orderer = ({key.name: key for key in keys(m)} for m in (PeerSettings, OrdererSettings))
    about = {**dict(tables(PeerSettings)), **dict(tables(OrdererSettings))}
    parts = [_INTRODUCTION]
    shared = {
        name
        for name, key in peer.items()
        if name in orderer and orderer[name].meaning == key.meaning
    }
    own = [
        ("Peers and orderers", [peer[name] for name in peer if name in shared]),
        ("Peers", [key for name, key in peer.items() if name not in shared]),
        ("Orderers", [key for name, key in orderer.items() if name not in shared]),
    ]
    for title, group in own:
        parts.append(f"## {title}\n")
        for table in dict.fromkeys(key.table for key in group):
            inside = [key for key in group if key.table == table]
            heading = f"[[{table}]]" if inside[0].listed else f"[{table}]"
            if table:
                parts.append(f"### `{heading}`\n")
                parts.append(f"{about[heading]}\n" if about[heading] else "")
            parts.append(_table(inside))
    return "\n".join(part for part in parts if part)


def example(model: type[Settings]) -> str:
    """Return a settings file with every key: what must be set is, the rest shows its default."""
    about = dict(tables(model))
    lines = [
        "# Every key of this file; docs/configuration.md has the ranges. A key behind # is not"
    ]
    lines += ["# set: where it has a default, that is the value shown.", ""]
    table = ""
    shown = _SHOWN_OF_ORDERER if issubclass(model, OrdererSettings) else _SHOWN
    required = {key.table for key in keys(model) if key.required}
    optional = {name.strip("[]") for name in about} - {"msp", "tls"}
    for key in keys(model):
        off = "# " if key.table in optional else ""
        if key.table != table:
            table = key.table
            heading = f"[[{table}]]" if key.listed else f"[{table}]"
            lines += ["", *_comment(about[heading]), f"{off}{heading}"]
        hidden = off or ("" if key.required else "# ")
        lines += [*_comment(key.meaning), f"{hidden}{key.last} = {_toml(_value(key, shown))}"]
    assert required <= {"", "msp", "tls"} | optional
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, 98, break_on_hyphens=False)]


def uncommented(text: str) -> str:
    """Return an example in which every key is set."""
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)


def _table(inside: list[Key]) -> str:
    rows = ["| key | type | default | range | means |", "|---|---|---|---|---|"]
    for key in inside:
        default = "**must be set**" if key.required else _default(key)
        cells = (f"`{key.last}`", _type(key), default, _range(key), key.meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _default(key: Key) -> str:
    return "" if key.default in (None, (), {}) else f"`{_toml(key.default)}`"


def _type(key: Key) -> str:
    text = str(key.field.annotation)
    plain = (
        ("dict", "table of numbers"),
        ("Literal", "text"),
        ("Path", "path"),
        ("bool", "true or false"),
        ("float", "number"),
        ("int", "whole number"),
    )
    name = next((name for part, name in plain if part in text), "text")
    if _is_address(key):
        name = "host:port"
    if text.startswith("tuple"):
        name = f"list of {name}"
    if "number" not in name:
        return name
    unit = next((unit for end, unit in _UNITS.items() if key.last.endswith(end)), "")
    return f"{name}, {unit}" if unit else name


def _is_address(key: Key) -> bool:
    return key.last in ("address", "endpoints") or key.last.endswith("_address")


def _range(key: Key) -> str:
    if get_origin(key.field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(key.field.annotation))
    found = [
        words.format(value)
        for constraint in key.field.metadata
        for name, words in _BOUNDS
        if (value := getattr(constraint, name, None)) is not None
    ]
    return ", ".join(found)


def _value(key: Key, shown: Mapping[str, object]) -> object:
    return shown[key.name] if key.required or key.default in (None, (), {}) else key.default


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _about(model: type[Settings]) -> str:
    """Return a model's first line without the table's name, which the heading says."""
    line = inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("``", "`")
    text = re.sub(r"^(One of )?`\[.*?\]`[.:,]?\s*", "", line.replace("\n", " "))
    return text[:1].upper() + text[1:]


def _meanings(model: type[Settings]) -> dict[str, str]:
    """Return the docstrings below the keys of a model and of those that it extends."""
    found: dict[str, str] = {}
    trees = [ast.parse(inspect.getsource(module)) for module in (settings_parts, settings)]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    bodies = {node.name: node.body for node in classes}
    for kind in reversed(model.__mro__):
        body = bodies.get(kind.__name__, [])
        for key, text in pairwise(body):
            match key, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(doc))),
                ):
                    found[name] = " ".join(doc.replace("``", "`").split())
                case _:
                    pass
    return found


def write() -> None:
    """Write the page and the examples."""
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")


def written() -> dict[Path, str]:
    """Return what is to stand in each file."""
    return {MANUAL: manual(), **{path: example(model) for path, model in EXAMPLES.items()}}


if __name__ == "__main__":
    write()
