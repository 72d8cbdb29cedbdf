"""System chaincodes: part of every peer, not installed, never upgraded.

``lifecycle`` brings chaincode onto a channel, ``query`` answers about blocks and transactions,
``configuration`` about channels. Each is a `SystemChaincode`; ``access`` guards them all.
Source: wire.md §8.2, §16.
"""
