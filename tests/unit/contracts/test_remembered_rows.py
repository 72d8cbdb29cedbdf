"""Rows that are parsed once, as long as what is remembered of them takes little."""

import pytest

from tallystick.chaincode import State
from tallystick.chaincode.testing.clients import make_client
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.models import Model
from tallystick.contracts.rows import load_row

KIB = 1024


class Note(Model):
    text: str


@pytest.mark.parametrize(
    ("size_bytes", "is_remembered"),
    [
        pytest.param(KIB, True, id="short"),
        pytest.param(16 * KIB, True, id="long"),
        pytest.param(16 * KIB + 1, False, id="too long to be kept by the thousand"),
    ],
)
def test_a_row_is_parsed_once_unless_it_is_long(size_bytes: int, *, is_remembered: bool) -> None:
    empty_bytes = len(Note(text="").model_dump_json())
    note = Note(text="x" * (size_bytes - empty_bytes))
    stub = MemoryStub.alone(make_client("ATSMSP"))
    state = State(stub)
    state.save("note", note)
    state.flush()
    stub.commit()
    first, second = (load_row(State(stub), "note", Note) for _ in range(2))
    assert first == second == note
    assert (first is second) == is_remembered
