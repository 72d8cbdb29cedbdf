"""The channel's configuration as a key of the state, where Fabric has it in every ledger.

Here it is in the block that brought it, unless that block is not kept: a ledger that began with a
snapshot, or was pruned, has the key until the next configuration. Source: hyperledger/fabric
core/peer/configtx_processor.go.
"""

from typing import Final

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import Envelope, Payload

CONFIG_NAMESPACE: Final = ""
CONFIG_KEY: Final = "CHANNEL_CONFIG_ENV_BYTES"


def config_record(ledger: Ledger) -> VersionedValue:
    """Return the configuration in force, ``ConfigEnvelope`` bytes, and the block it came with."""
    number = ledger.last_config_block_number()
    if number >= ledger.first_block:
        entry = ledger.block(number).data.data[0]
        envelope = Payload.FromString(Envelope.FromString(entry).payload).data
        return VersionedValue(envelope, Version(number, 0))
    kept = ledger.state.get(CONFIG_NAMESPACE, CONFIG_KEY)
    assert kept is not None, "whoever gives up a configuration block keeps its configuration"
    return kept
