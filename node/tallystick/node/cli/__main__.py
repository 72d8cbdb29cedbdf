"""Runs ``python -m tallystick.node.cli`` as ``tally``."""

import sys

from tallystick.node.cli.main import main

sys.exit(main())
