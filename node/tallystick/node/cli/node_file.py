"""The settings file of a node, whichever kind of node it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.membership.certificates import load_certificate, organizational_units
from tallystick.node.membership.errors import CertificateError
from tallystick.node.settings import (
    NodeSettings,
    OrdererSettings,
    PeerSettings,
    SettingsError,
    SettingsT,
    load_settings,
)

ORDERER_UNIT = "orderer"

_KINDS: Final[Mapping[str, type[NodeSettings]]] = {"peer": PeerSettings, "orderer": OrdererSettings}


class UnlikeAnyNodeError(LedgerError):
    """A settings file is neither a peer's nor an orderer's.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, as_peer: SettingsError, as_orderer: SettingsError) -> None:
        super().__init__(f"as a peer's settings, {as_peer}\nas an orderer's settings, {as_orderer}")
        self.path = path


class OtherKindOfNodeError(LedgerError):
    """A settings file is that of the other kind of node.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, *, kind: str) -> None:
        wanted = "orderer" if kind == "peer" else "peer"
        super().__init__(
            f"{path} has settings for the {kind} of an organisation, not for its {wanted}: start it"
            f" with `tally {kind} start --config {path}`"
        )
        self.path = path


def load_settings_as(wanted: type[SettingsT], path: Path) -> SettingsT:
    """Return the settings of a node of one kind.

    Raises:
        OtherKindOfNodeError: They are those of the other kind.
        SettingsError: They cannot be used.
    """
    try:
        return load_settings(wanted, path)
    except SettingsError as error:
        for kind, settings_type in _KINDS.items():
            if settings_type is not wanted and _would_do(settings_type, path):
                raise OtherKindOfNodeError(path, kind=kind) from error
        raise


def load_node_settings(path: Path) -> PeerSettings | OrdererSettings:
    """Return the settings in a file; one that would do for both is its certificate's kind.

    Raises:
        UnlikeAnyNodeError: It is neither a peer's nor an orderer's.
        SettingsError: It cannot be used, whichever it is.
    """
    try:
        peer = load_settings(PeerSettings, path)
    except SettingsError as as_peer:
        try:
            return load_settings(OrdererSettings, path)
        except SettingsError as as_orderer:
            if as_peer.problems == as_orderer.problems:
                raise as_peer from None
            raise UnlikeAnyNodeError(path, as_peer, as_orderer) from as_peer
    try:
        orderer = load_settings(OrdererSettings, path)
    except SettingsError:
        return peer
    return orderer if _is_orderer(peer.msp.directory) else peer


def _would_do(settings_type: type[NodeSettings], path: Path) -> bool:
    try:
        load_settings(settings_type, path)
    except SettingsError:
        return False
    return True


def _is_orderer(msp: Path) -> bool:
    for path in sorted((msp / "signcerts").glob("*")):
        try:
            return ORDERER_UNIT in organizational_units(load_certificate(path.read_bytes()))
        except (OSError, CertificateError):
            continue  # whoever needs the certificate says what is wrong with it
    return False
