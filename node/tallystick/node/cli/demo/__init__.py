"""``tally demo``: one trade settles before the reader's eyes, and six attempts are refused.

``command`` runs the network; ``given``, ``story``, ``refusals`` and ``netting`` tell what happens
on it. ``services`` are the three that the story is about, ``stage`` does and prints each step,
``channel`` and ``wallets`` are the firms' and the investors' sides of the ledger.
"""

from tallystick.client.errors import ClientError
from tallystick.node.cli.demo.command import run, run_demo

FAILURES = (ClientError,)

__all__ = ["FAILURES", "run", "run_demo"]
