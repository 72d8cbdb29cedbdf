"""Contracts as a program of their own, for peers elsewhere: ``tally chaincode serve``."""

import argparse

from tallystick.chaincode.shim.command import FAILURES, serve
from tallystick.node.errors import LedgerError


class ServingError(LedgerError):
    """Contracts cannot be served as asked."""


def serve_contracts(options: argparse.Namespace) -> None:
    """Serve contracts until SIGTERM or SIGINT; see ``tallystick.chaincode.shim.command.serve``.

    Raises:
        ServingError: Something is missing, cannot be imported, or contradicts itself.
    """
    try:
        serve(options)
    except FAILURES as error:
        raise ServingError(str(error)) from error
