"""The consortium that endorsement is tested with."""

from tests.unit.endorsement.conftest import keys, world

__all__ = ["keys", "world"]
