"""``tally demo``: one trade settles before the reader's eyes, and four attempts are refused.

``command`` runs the network, ``story`` and ``refusals`` tell what happens on it, ``stage`` does and
prints each step, ``channel`` and ``wallets`` are the firms' and the investors' sides of the ledger.
"""

from tallystick.client.errors import ClientError
from tallystick.node.cli.demo.command import run, run_demo

FAILURES = (ClientError,)

__all__ = ["FAILURES", "run", "run_demo"]
