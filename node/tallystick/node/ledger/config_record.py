"""The channel's configuration as a key of the state, where Fabric has it in every ledger.

Here it is in the block that brought it, and beside the blocks if that one is not kept. Source:
hyperledger/fabric core/peer/configtx_processor.go.
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
    if number < ledger.first_block:
        return VersionedValue(ledger.start.config, Version(ledger.start.config_block, 0))
    entry = ledger.block(number).data.data[0]
    envelope = Payload.FromString(Envelope.FromString(entry).payload).data
    return VersionedValue(envelope, Version(number, 0))
