"""Consenter metadata of channels that real Fabric orderers run on raft."""
