"""The registers rebuilt from events alone: what a cap table provider runs, and an auditor compares.

Feed them the events of valid transactions, in ledger order, and at every height they hold what the
state of the chaincodes holds at that height: ``Replay`` who has how much, ``Directory`` who is who
and who may do what.
"""

from tallystick.contracts.replay.directory import Directory
from tallystick.contracts.replay.positions import Positions, Replay

__all__ = ["Directory", "Positions", "Replay"]
