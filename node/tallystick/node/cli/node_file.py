"""The settings file of a node, whichever kind of node it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.membership.certificates import load_certificate, organizational_units
from tallystick.node.membership.directory import SETTINGS_FILE, settings_of
from tallystick.node.membership.errors import CertificateError, MaterialError
from tallystick.node.settings import (
    NodeSettings,
    OrdererSettings,
    PeerSettings,
    SettingsError,
    SettingsT,
    load_settings,
)

_KINDS: Final[Mapping[str, type[NodeSettings]]] = {"peer": PeerSettings, "orderer": OrdererSettings}
"""By the organizational unit that Fabric's tools certify to nodes of the kind."""


class UnlikeAnyNodeError(LedgerError):
    """A settings file is neither a peer's nor an orderer's.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, as_peer: SettingsError, as_orderer: SettingsError) -> None:
        super().__init__(f"as a peer's settings, {as_peer}\nas an orderer's settings, {as_orderer}")
        self.path = path


class OtherKindOfNodeError(LedgerError):
    """A settings file, or the certificate that it names, is that of the other kind of node.

    Attributes:
        path: The settings file.
    """

    def __init__(self, path: Path, *, kind: str, msp: Path | None = None) -> None:
        """Say that the settings are a ``kind``'s, or so is the certificate in ``msp``, if given."""
        wanted = "orderer" if kind == "peer" else "peer"
        what, otherwise = f"{path} has settings", ""
        if msp is not None:
            what = f"the MSP {msp} that {path} names has a certificate"
            otherwise = f", or name the MSP of the {wanted} in it"
        super().__init__(
            f"{what} for the {kind} of an organisation, not for its {wanted}: start it with"
            f" `tally {kind} start --config {path}`{otherwise}"
        )
        self.path = path


def load_settings_as(wanted: type[SettingsT], path: Path) -> SettingsT:
    """Return the settings of a node of one kind.

    Raises:
        OtherKindOfNodeError: They are those of the other kind, or the node's certificate is.
        SettingsError: They cannot be used.
    """
    try:
        settings = load_settings(wanted, path)
    except SettingsError as error:
        for kind, settings_type in _KINDS.items():
            if settings_type is not wanted and _would_do(settings_type, path):
                raise OtherKindOfNodeError(path, kind=kind) from error
        raise
    msp = settings.msp.directory
    certified = _certified_kinds(msp) if _has_node_units(msp) else {}
    if certified and wanted not in certified.values():
        raise OtherKindOfNodeError(path, kind=next(iter(certified)), msp=msp)
    return settings


def load_node_settings(path: Path) -> PeerSettings | OrdererSettings:
    """Return the settings in a file; one that would do for both is its certificate's kind.

    Raises:
        UnlikeAnyNodeError: It is neither a peer's nor an orderer's, and much like both.
        SettingsError: It cannot be used, whichever it is, or as what its keys tell that it is.
    """
    try:
        peer = load_settings(PeerSettings, path)
    except SettingsError as as_peer:
        try:
            return load_settings(OrdererSettings, path)
        except SettingsError as as_orderer:
            if as_peer.problems == as_orderer.problems:
                raise as_peer from None
            raise _meant(path, as_peer, as_orderer) from as_peer
    try:
        orderer = load_settings(OrdererSettings, path)
    except SettingsError:
        return peer
    return orderer if "orderer" in _certified_kinds(peer.msp.directory) else peer


def _meant(
    path: Path, as_peer: SettingsError, as_orderer: SettingsError
) -> SettingsError | UnlikeAnyNodeError:
    """Return what is wrong with a file as the settings of the kind of node that it is for.

    Its keys tell, if it has more than twice as many that only one kind has.
    """
    of_peers = len(as_orderer.unknown - as_peer.unknown)
    of_orderers = len(as_peer.unknown - as_orderer.unknown)
    if of_peers > 2 * of_orderers:
        return as_peer
    if of_orderers > 2 * of_peers:
        return as_orderer
    return UnlikeAnyNodeError(path, as_peer, as_orderer)


def _would_do(settings_type: type[NodeSettings], path: Path) -> bool:
    try:
        load_settings(settings_type, path)
    except SettingsError:
        return False
    return True


def _certified_kinds(msp: Path) -> Mapping[str, type[NodeSettings]]:
    """Return the kinds of node, of those in ``_KINDS``, that the node's certificate names."""
    for path in sorted((msp / "signcerts").glob("*")):
        try:
            units = organizational_units(load_certificate(path.read_bytes()))
        except (OSError, CertificateError):
            continue  # whoever needs the certificate says what is wrong with it
        return {kind: each for kind, each in _KINDS.items() if kind in units}
    return {}


def _has_node_units(msp: Path) -> bool:
    """Return whether organizational units tell what a certificate of this MSP is for."""
    try:
        units = settings_of(msp / SETTINGS_FILE).node_units
    except (OSError, MaterialError):
        return False  # whoever needs the MSP says what is wrong with it
    return units is not None and units.enable
