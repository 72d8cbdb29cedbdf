"""Checks signatures of blocks that wait, in another process, while a peer commits earlier ones.

Signatures are half of what validation costs, and need no state. ``signatures`` is what the other
process does with a block, ``program`` the process, ``process`` the peer's end of it. Nothing is
decided there: the validator judges every transaction, and finds good signatures remembered.
"""
