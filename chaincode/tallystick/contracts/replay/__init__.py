"""The registers rebuilt from events alone: what a cap table provider runs, and an auditor compares.

Feed them the events of valid transactions, in ledger order, and at every height they hold what the
state of the chaincodes holds at that height: ``Replay`` who has how much, ``Register`` every row of
the token contract, ``Money`` every row of the cash contract, ``Directory`` who is who and who may
do what. ``differences`` compares.
"""

from tallystick.contracts.replay.comparison import Difference, count_differences, differences
from tallystick.contracts.replay.compliance import miscounted
from tallystick.contracts.replay.decisions import Decisions
from tallystick.contracts.replay.directory import Directory
from tallystick.contracts.replay.money import Money, Occasion
from tallystick.contracts.replay.positions import Positions, Replay
from tallystick.contracts.replay.register import REGISTER_EVENTS, Register

__all__ = [
    "REGISTER_EVENTS",
    "Decisions",
    "Difference",
    "Directory",
    "Money",
    "Occasion",
    "Positions",
    "Register",
    "Replay",
    "count_differences",
    "differences",
    "miscounted",
]
