"""Whether Fabric's programs are there at all."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fabric.conftest import Fabric


@pytest.mark.parametrize("program", ["peer", "osnadmin", "configtxgen", "configtxlator"])
def test_a_program_runs(fabric: "Fabric", program: str) -> None:
    words = ("-version",) if program == "configtxgen" else ("--help",)
    assert program in fabric.run(program, *words).succeeded().everything
