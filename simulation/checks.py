"""What is checked in every run. A defect in ``tests/simulation/test_defects.py`` fails each."""

from enum import Enum


class Check(Enum):
    """What must hold; the words say what it means that it does."""

    BLOCKS = "every node has the same header and content in each block"
    LINKS = "each block follows the one before, and names its own content"
    VERDICTS = "peers give the same codes and the same commit hash"
    READS = "no valid transaction has read what had changed"
    CONFLICTS = "no transaction is refused for a conflict that it does not have"
    IDS = "no transaction id is valid twice"
    STATE = "peers at the same height hold the same state"
    ROWS = "that state is what the blocks say"
    SECRETS = "peers hold private values of their own collections only, and those that were hashed"
    MEMBERS = "members come to hold every private value"
    MONEY = "accounts add up to what they were opened with"
    UNITS = "holders in the register have what was issued"
    TOLD = "what clients are told of a commit is what the blocks say"
    KEPT = "nothing that was acknowledged is lost"
    REFUSALS = "orderers refuse what is not signed"
    SURVIVAL = "no node ends by itself, unless its disk is full"
    SERVICES = "no service fails otherwise than with an answer"
    TASKS = "nothing fails unheard in the background"
    CONVERGENCE = "once all faults have ended, every node serves and all come to one height"
    PROGRESS = "after that, every desk gets a transaction through"


class ViolationError(AssertionError):
    """Something happened that must never happen.

    Attributes:
        check: What does not hold.
    """

    def __init__(self, check: Check, found: str) -> None:
        super().__init__(found)
        self.check = check
