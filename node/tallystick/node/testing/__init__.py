"""For those who test what runs on a ledger: a whole network in one process, without ports.

``LocalNetwork`` is that network, `tallystick.node.testing.plugin` makes it a pytest fixture. For a
contract alone, without any network, there is ``MemoryLedger`` in `tallystick.chaincode.testing`.
"""

from tallystick.node.testing.local_network import LocalNetwork

__all__ = ["LocalNetwork"]
