"""What an endorser does with the private results of a transaction. Source: wire.md §13."""

from typing import Protocol

from tallystick.node.endorsement.channel import EndorserChannel


class PrivateResultsKeeper(Protocol):
    """Keeps private results safe before anybody sees the endorsement that depends on them."""

    async def keep(
        self, channel: EndorserChannel, transaction_id: str, private_results: bytes
    ) -> None:
        """Keep ``TxPvtReadWriteSet`` bytes until their transaction commits.

        Raises:
            CollectionError: Fewer members than a collection requires keep a copy.
            NotKeptError: This peer cannot keep its own.
        """
