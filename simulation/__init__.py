"""A whole network in one process, on a clock, a network and disks that one seed decides.

The nodes are those that run in production; what they take from the world is made here. A run
injects faults, audits the ledgers after every block, and is repeated exactly by its seed.
"""
