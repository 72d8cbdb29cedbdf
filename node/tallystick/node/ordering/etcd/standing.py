"""Whether an orderer's organisation still orders the channel."""

import logging

from tallystick.node.ordering.etcd.roles import Progress
from tallystick.node.ordering.sequencer import OrderingRules

_log = logging.getLogger(__name__)


class Standing:
    """What the configuration in force says of an orderer's organisation.

    The others reach, and believe, only orderers of organisations that order the channel: led by
    another one, nothing that they are given would be ordered.
    """

    def __init__(self, rules: OrderingRules, msp_id: str) -> None:
        self._rules = rules
        self._msp_id = msp_id

    @property
    def problem(self) -> str:
        """Why this orderer must not lead; empty while its organisation orders the channel."""
        config = self._rules.config
        if self._msp_id in config.orderer_msp_ids:
            return ""
        return (
            f"{self._msp_id}, of which this orderer is, does not order the channel by the newest"
            " configuration here, so it does not lead, and hands envelopes on while it can. If it"
            " was taken out, remove the channel here with `osnadmin channel remove --channelID"
            f" {config.channel_id}` (docs/orderer.md). If it is to come in, let `tally channel"
            " add-orderer-org` name it, and the next block be ordered (docs/etcd.md)"
        )

    async def tell(self, progress: Progress) -> None:
        """Log the problem whenever it comes to be, until cancelled."""
        told = ""
        while True:
            problem = self.problem
            if problem and not told:
                _log.error("%s", problem)
            told = problem
            await progress.change()
