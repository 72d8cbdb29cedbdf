"""Capabilities: feature levels that every node of a channel must know. Source: wire.md §15.1."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.errors import ChannelConfigError

_CHANNEL_LEVELS: Final = ("V1_1", "V1_3", "V1_4_2", "V1_4_3", "V2_0", "V3_0")
_ORDERER_LEVELS: Final = ("V1_1", "V1_4_2", "V2_0")
_APPLICATION_LEVELS: Final = ("V1_1", "V1_2", "V1_3", "V1_4_2", "V2_0", "V2_5")
# Below this level Fabric's MSPs judge identities by older rules, which this node does not have.
_OLDEST_CHANNEL_LEVEL: Final = "V1_4_3"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The highest level that a channel asks for in each of three areas.

    Attributes:
        channel: At least ``V1_4_3``.
        orderer: Empty if the configuration has no orderer group, or that asks for nothing.
        application: Likewise for the application group.
    """

    channel: str
    orderer: str
    application: str

    @classmethod
    def highest(
        cls,
        channel_id: str,
        *,
        channel: Iterable[str],
        orderer: Iterable[str],
        application: Iterable[str],
    ) -> "Capabilities":
        """Return the highest of the listed levels, by area.

        Raises:
            ChannelConfigError: A level is unknown, so that this node could not tell what it asks of
                it; or the channel is older than the rules of this node.
        """
        found = cls(
            _highest(channel_id, "channel", channel, _CHANNEL_LEVELS),
            _highest(channel_id, "orderer", orderer, _ORDERER_LEVELS),
            _highest(channel_id, "application", application, _APPLICATION_LEVELS),
        )
        if not _reaches(found.channel, _OLDEST_CHANNEL_LEVEL, _CHANNEL_LEVELS):
            raise ChannelConfigError(
                channel_id,
                f"channel capability {found.channel or 'none'} is too old: raise it to "
                f"{_OLDEST_CHANNEL_LEVEL} or later before this node joins",
            )
        return found

    @property
    def ed25519(self) -> bool:
        """Whether identities may have Ed25519 keys."""
        return _reaches(self.channel, "V3_0", _CHANNEL_LEVELS)

    @property
    def bft(self) -> bool:
        """Whether orderers may vote on blocks, and are named by their organisations only."""
        return _reaches(self.channel, "V3_0", _CHANNEL_LEVELS)

    @property
    def new_lifecycle(self) -> bool:
        """Whether chaincodes are defined through ``_lifecycle``."""
        return _reaches(self.application, "V2_0", _APPLICATION_LEVELS)

    @property
    def purge_private_data(self) -> bool:
        """Whether contracts may purge private data."""
        return _reaches(self.application, "V2_5", _APPLICATION_LEVELS)


def _highest(channel_id: str, area: str, listed: Iterable[str], known: tuple[str, ...]) -> str:
    names = set(listed)
    if unknown := sorted(names.difference(known)):
        raise ChannelConfigError(
            channel_id,
            f"{area} capability {', '.join(unknown)} is unknown to this node, which knows "
            f"{', '.join(known)}: upgrade the node",
        )
    return max(names, key=known.index, default="")


def _reaches(level: str, wanted: str, known: tuple[str, ...]) -> bool:
    return level != "" and known.index(level) >= known.index(wanted)
