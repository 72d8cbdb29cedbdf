"""The ``tally`` command.

``commands`` lists what there is, ``main`` finds and runs it. A command's own module is imported
only when the command runs: help is quick, and a node's process holds nothing but the node.
"""

from tallystick.node.cli.main import main

__all__ = ["main"]
