"""What fuzzing has found stays mended, and a target can fail."""

import importlib
import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz.catalogue import SERVICES, TARGETS
from fuzz.target import CORPUS, TIMEOUT_S, Target

import tallystick.node.peer_program
from tallystick.wire.errors import WireError

MAX_ALLOCATED_BYTES = 64 * 1024 * 1024
"""Above what the process has: the largest input is expanded to less than this."""


NODE = Path(tallystick.node.peer_program.__file__).parent
REGISTERED = re.compile(r"\badd_(\w+)Servicer_to_server\(")
STREAMS_REGISTERED = re.compile(
    r"(?:add_stream_services\(\s*server,|method_handlers_generic_handler\()\s*"
    r'(?:"([\w.]+)"|([A-Z_]+)),'
)


def defective(data: bytes) -> bytes:
    """A decoder that trusts the length in front of a message."""
    if not data:
        raise WireError("empty")
    return bytes(data[1 + index] for index in range(data[0]))


DEFECTIVE = Target("defective", defective, (WireError,))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_everything_in_a_corpus_is_decoded_or_refused_in_time(name: str) -> None:
    target = TARGETS[name]
    inputs = dict(target.inputs())
    assert inputs, "a corpus begins with real messages: python -m fuzz.seeds"
    for data in inputs.values():
        begun = time.perf_counter()
        target.check(data)
        assert time.perf_counter() - begun < TIMEOUT_S


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_real_messages_that_were_damaged_are_decoded_or_refused(name: str) -> None:
    target = TARGETS[name]
    damaged = [each for _, data in target.inputs() if len(data) < 40_000 for each in damages(data)]
    assert damaged
    for data in damaged:
        target.check(data)


def damages(data: bytes) -> Iterator[bytes]:
    """Yield an input cut short, with bytes changed, and with a part twice, at places all over."""
    step = max(1, len(data) // 8)
    for at in range(0, len(data) + 1, step):
        yield data[:at]
        yield data[:at] + bytes(255 - byte for byte in data[at : at + 1]) + data[at + 1 :]
        yield data[: at + step] + data[at:]


def test_no_input_that_is_kept_makes_a_decoder_take_much_memory() -> None:
    tracemalloc.start()
    try:
        for target in (TARGETS["archive"], TARGETS["package"], TARGETS["arguments"]):
            for name, data in target.inputs():
                tracemalloc.reset_peak()
                target.check(data)
                assert tracemalloc.get_traced_memory()[1] < MAX_ALLOCATED_BYTES, name
    finally:
        tracemalloc.stop()


def test_every_corpus_belongs_to_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_what_arrives_at_each_service_of_a_node_is_fuzzed() -> None:
    served = {name for path in NODE.rglob("*.py") for name in services_registered_in(path)}
    assert served == set(SERVICES)
    assert set().union(*SERVICES.values()) <= set(TARGETS)


def services_registered_in(path: Path) -> Iterator[str]:
    """Yield the gRPC services that a module registers, by their names without package."""
    source = path.read_text(encoding="utf-8")
    yield from REGISTERED.findall(source)
    for name, constant in STREAMS_REGISTERED.findall(source):
        module = ".".join(("tallystick.node", *path.relative_to(NODE).with_suffix("").parts))
        full: str = name or getattr(importlib.import_module(module), constant)
        yield full.rpartition(".")[2]


def test_a_documented_refusal_is_no_finding_and_another_error_is_one() -> None:
    DEFECTIVE.check(b"")
    DEFECTIVE.check(b"\x02ab")
    with pytest.raises(IndexError):
        DEFECTIVE.check(b"\x03ab")
