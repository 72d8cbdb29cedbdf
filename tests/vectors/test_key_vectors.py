"""Keys of the state that chaincode and peers must agree on: wire.md §9.3, §10, Appendix B9."""

import json
from pathlib import Path

from tallystick.chaincode.keys import composite_key, partial_range, split_composite_key
from tallystick.node.runtime.initialization import INITIALIZED_KEY

GROUPS = {
    group["section"]: group["cases"]
    for group in json.loads(Path(__file__).with_name("keys.json").read_text(encoding="utf-8"))
}


def test_a_composite_key_is_delimited_by_the_least_character() -> None:
    """§9.3, B9."""
    for case in GROUPS["B9 composite key"]:
        key = composite_key(case["kind"], *case["parts"])
        assert key.encode().hex() == case["key"]
        assert split_composite_key(key) == (case["kind"], tuple(case["parts"]))


def test_the_scan_of_a_partial_key_ends_at_the_greatest_character() -> None:
    """§9.3, B9."""
    for case in GROUPS["B9 composite key"]:
        start, end = partial_range(case["kind"], *case["parts"])
        assert (start.encode().hex(), end.encode().hex()) == (case["key"], case["scan_end"])


def test_the_marker_of_an_initialised_chaincode_lies_beside_composite_keys() -> None:
    """§10, B9."""
    assert [INITIALIZED_KEY.encode().hex()] == [case["key"] for case in GROUPS["B9 init marker"]]
