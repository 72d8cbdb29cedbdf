"""Judging the transactions of a block: structure, endorsement, then conflicts with what was read.

Every peer must give every transaction the code that Fabric's peers give it, since a different code
is a different state from there on. All of it is synchronous and pure but for the loop over a block,
which lets other tasks run now and then. Source: wire.md §12.
"""
