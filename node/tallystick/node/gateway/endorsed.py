"""Which transactions a gateway has endorsed and not seen the end of."""

from functools import partial

from tallystick.node.gateway.commit_notifier import CommitNotifier, Expected


class EndorsedTransactions:
    """The outcomes that are expected of what was endorsed, by channel and transaction id.

    A transaction leaves once it is committed, once it is given up, or once whoever expects it
    cancels that. If it is endorsed twice, both ends come together.
    """

    def __init__(self) -> None:
        self._expected: dict[tuple[str, str], Expected] = {}

    def expect(self, channel_id: str, transaction_id: str, notifier: CommitNotifier) -> Expected:
        """Return the outcome of a transaction of the channel that ``notifier`` tells of."""
        key = (channel_id, transaction_id)
        expected = self._expected.get(key)
        if expected is None:
            expected = self._expected[key] = notifier.expect(transaction_id)
            expected.add_done_callback(partial(self._forget, key))
        return expected

    def give_up(self, channel_id: str, transaction_id: str) -> None:
        """Expect no commit of a transaction any more, if that was expected."""
        expected = self._expected.get((channel_id, transaction_id))
        if expected is not None:
            expected.cancel()

    def _forget(self, key: tuple[str, str], _: Expected) -> None:
        del self._expected[key]
