"""The peers of three organisations, as the tests of endorsement have them."""

from tests.unit.endorsement.conftest import keys, world

__all__ = ["keys", "world"]
