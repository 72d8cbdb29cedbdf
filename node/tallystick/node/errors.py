"""The root of every error that a node raises on purpose.

Three kinds of trouble are kept apart. An expected outcome (a validation code, a policy verdict) is
a value and never an exception. A fault of a caller, a peer or the environment is a ``LedgerError``
whose attributes hold the facts. A broken invariant is an ``assert``: the process stops.
"""


class LedgerError(Exception):
    """Something outside this code is at fault; the message says what happened and what to do next.

    Subclasses live beside the code that raises them and keep the facts as attributes.
    """
