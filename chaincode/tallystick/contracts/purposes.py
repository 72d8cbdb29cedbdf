"""What a key of an identity is for."""

from collections.abc import Container
from enum import StrEnum


class Purpose(StrEnum):
    """What a key may sign. A management key may sign everything."""

    MANAGEMENT = "management"  # keys and mandates
    ACTION = "action"  # transfers, payments, allowances, consents
    CLAIM = "claim"  # claims about others


def serves(purposes: Container[Purpose], wanted: Purpose) -> bool:
    """Return whether a key with these purposes may sign what needs ``wanted``."""
    return wanted in purposes or Purpose.MANAGEMENT in purposes
