"""Messages shared by every node: envelopes, blocks, channel configuration and policies."""
