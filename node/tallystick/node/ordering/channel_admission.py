"""The door of one channel: what may be ordered under the configuration in force at the moment."""

import logging

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.governability import ungovernable
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.ordering.admission import (
    Admitted,
    Refused,
    Submission,
    admit,
    read_submission,
)
from tallystick.node.ordering.chain import unavailable
from tallystick.node.ordering.config_admission import EnvelopeAuthor, admit_update
from tallystick.protos.common.common_pb2 import CONFIG_UPDATE

_log = logging.getLogger(__name__)


class ChannelAdmission:
    """Judges envelopes for one channel.

    What was judged before the configuration changed, and is not in a block yet, must be judged
    again. Source: wire.md §7.1.
    """

    def __init__(self, config: ChannelConfig, author: EnvelopeAuthor) -> None:
        """Begin with ``config``; configurations to be ordered are written by ``author``."""
        self._config = config
        self._author = author

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""
        return self._config

    def admit(self, submission: Submission) -> Admitted | Refused:
        """Return whether an envelope for this channel may be ordered, and as what."""
        if submission.header_type == CONFIG_UPDATE:
            try:
                return admit_update(submission, self._config, self._author)
            except SigningFailedError as error:
                return unavailable(str(error))
        return admit(submission, self._config, now_ns=self._author.clock())

    def admit_again(self, admitted: Admitted) -> Admitted | Refused:
        """Judge an envelope once more, under the configuration in force now."""
        if admitted.reconfiguration is not None:
            return self.admit(admitted.reconfiguration.update)
        submission = read_submission(admitted.envelope)
        return submission if isinstance(submission, Refused) else self.admit(submission)

    def adopt(self, config: ChannelConfig) -> None:
        """Let ``config``, the next one in the chain, be in force from now on."""
        assert config.sequence == self._config.sequence + 1, "configurations follow one another"
        before = ungovernable(self._config.config)
        for problem in ungovernable(config.config):
            if problem not in before:
                _log.warning("%s: since this configuration %s", config.channel_id, problem)
        self._config = config
