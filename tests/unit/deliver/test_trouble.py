"""A peer that cannot follow says so, and a quiet channel is no trouble."""

from tallystick.node.deliver.trouble import Trouble

PATIENCE_S = 30.0
LOST = "no orderer has given blocks for 40 s; the last one tried: o2: away"


def after_failures() -> Trouble:
    trouble = Trouble()
    trouble.asked(100.0)
    trouble.failed(100.0, "o1: away")
    trouble.asked(105.0)
    trouble.failed(120.0, "o2: away")
    return trouble


def test_trouble_is_told_once_it_has_lasted() -> None:
    trouble = after_failures()
    assert trouble.text(129.9, PATIENCE_S) == ""
    assert trouble.text(140.0, PATIENCE_S) == LOST


def test_trouble_ends_with_the_next_block() -> None:
    trouble = after_failures()
    trouble.over()
    assert trouble.text(140.0, PATIENCE_S) == ""


def test_a_stream_that_was_only_just_opened_proves_nothing() -> None:
    trouble = after_failures()
    trouble.asked(139.0)
    assert trouble.text(140.0, PATIENCE_S) == LOST


def test_a_stream_that_holds_ends_trouble_also_when_the_channel_is_quiet() -> None:
    trouble = after_failures()
    trouble.asked(139.0)
    assert trouble.text(169.1, PATIENCE_S) == ""
