"""The steps of one transaction."""

from tallystick.client import commit as _commit
from tallystick.client import proposal as _proposal
from tallystick.client import transaction as _transaction
from tallystick.client.commit_status import CommitStatus
from tallystick.client.sync.loop_thread import LoopThread


class Commit:
    """A submitted transaction."""

    def __init__(self, thread: LoopThread, commit: _commit.Commit) -> None:
        self._thread = thread
        self._commit = commit
        self.transaction_id = commit.transaction_id
        self.add_signature = commit.add_signature
        self.to_bytes = commit.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._commit.digest

    def status(self) -> CommitStatus:
        """Return the verdict as soon as the transaction is in a block of the peer."""
        return self._thread.run(self._commit.status())


class Transaction:
    """An endorsed transaction."""

    def __init__(self, thread: LoopThread, transaction: _transaction.Transaction) -> None:
        self._thread = thread
        self._transaction = transaction
        self.transaction_id = transaction.transaction_id
        self.add_signature = transaction.add_signature
        self.to_bytes = transaction.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._transaction.digest

    @property
    def result(self) -> bytes:
        """What the chaincode answered; it counts once the transaction is committed as valid."""
        return self._transaction.result

    def submit(self) -> Commit:
        """Hand the transaction to the orderers; return the commit to wait for."""
        return Commit(self._thread, self._thread.run(self._transaction.submit()))


class Proposal:
    """A proposal under its own transaction id."""

    def __init__(self, thread: LoopThread, proposal: _proposal.Proposal) -> None:
        self._thread = thread
        self._proposal = proposal
        self.transaction_id = proposal.transaction_id
        self.add_signature = proposal.add_signature
        self.to_bytes = proposal.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._proposal.digest

    def evaluate(self) -> bytes:
        """Return what the chaincode answers; the ledger does not change."""
        return self._thread.run(self._proposal.evaluate())

    def endorse(self) -> Transaction:
        """Return the transaction that the endorsers agree on."""
        return Transaction(self._thread, self._thread.run(self._proposal.endorse()))
