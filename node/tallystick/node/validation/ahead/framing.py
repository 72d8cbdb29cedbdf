"""How messages are told apart between a peer and the process that checks signatures."""

import struct
from typing import Final

LENGTH: Final = struct.Struct(">I")
"""Before each message: its length in bytes."""
