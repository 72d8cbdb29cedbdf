"""How far the blocks of a ledger have been looked through for damage, across stops of the node."""

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.varint import read_uvarint, uvarint


class InspectionRecord:
    """The number of the block with which the inspection goes on, in the store of the ledger.

    It goes with the store: whoever makes that anew has all blocks looked through again.
    """

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store

    @property
    def next_block(self) -> int:
        """What was recorded last; 0 if nothing was. The blocks may no longer reach it."""
        encoded = self._store.get(keyspace.INSPECTED_KEY)
        return 0 if encoded is None else read_uvarint(encoded, 0)[0]

    def go_on_at(self, number: int) -> None:
        """Record that the blocks before ``number`` were whole, or that this one is not.

        Raises:
            OSError: The disk is full or failing.
        """
        self._store.write({keyspace.INSPECTED_KEY: uvarint(number)})
