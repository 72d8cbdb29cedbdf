"""Channels: what their configuration says, and the block in which a new one begins.

A configuration is a tree of groups, values and policies; `ChannelConfig` is what nodes read in it.

Source: wire.md §15, §8.3.
"""
