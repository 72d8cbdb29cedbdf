"""Serves contracts: ``python -m tallystick.chaincode.shim MODULE:CLASS``."""

import sys

from tallystick.chaincode.shim.command import main

sys.exit(main())
