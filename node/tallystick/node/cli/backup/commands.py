"""``tally backup`` and ``tally restore``."""

import argparse
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tallystick.client.errors import ClientError
from tallystick.node.cli.backup.chains import add_newer_blocks, opened_heights
from tallystick.node.cli.backup.errors import LonelyOrdererError, NotAloneError, OtherNodeError
from tallystick.node.cli.backup.files import (
    DATA,
    Manifest,
    check_new,
    check_outside_backups,
    copy_data,
    digests,
    read_manifest,
    write_manifest,
)
from tallystick.node.cli.backup.keys import copy_keys, keys_to_put_back, put_back_keys
from tallystick.node.cli.backup.places import (
    check_apart,
    check_restorable,
    emptied_on_failure,
    holding_place,
    putting_back,
)
from tallystick.node.cli.node_file import load_node_settings
from tallystick.node.settings import OrdererSettings, PeerSettings

FAILURES = (ClientError,)


def backup(options: argparse.Namespace) -> None:
    """Copy the data of a node, which may be running, and its keys if a place for them is named."""
    settings = load_node_settings(options.config)
    places = {"--to": options.to, "--keys": options.keys}
    named = {name: path for name, path in places.items() if path is not None}
    check_apart({**named, "data_directory": settings.data_directory})
    check_outside_backups(named)
    check_new(options.to)
    now = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - a command is its own root
    with ExitStack() as written:
        for place in named.values():
            written.enter_context(emptied_on_failure(place))
        if options.keys is not None:
            copy_keys(settings, options.keys)
        copy_data(settings.data_directory, options.to / DATA)
        manifest = Manifest(
            kind=_kind(settings),
            msp_id=settings.msp.id,
            address=settings.listen_address,
            version=version("tallystick"),
            taken_at=now.isoformat(timespec="seconds"),
            files=digests(options.to),
        )
        write_manifest(options.to, manifest)
    if options.keys is not None:
        print(f"keys and certificates are in {options.keys}: keep them apart from the rest")
    print(f"{options.to} holds {manifest.node} at {manifest.address}: {len(manifest.files)} files")


async def restore(options: argparse.Namespace) -> None:
    """Make the data of a node from a backup; its folder must be empty."""
    settings = load_node_settings(options.config)
    alone = isinstance(settings, OrdererSettings) and settings.etcd is None
    if not alone:
        _check_nothing_lonely(settings, options)
    target, copy = settings.data_directory, options.source / DATA
    check_restorable(copy, target)
    manifest = read_manifest(options.source)
    wanted = f"the {_kind(settings)} of {settings.msp.id}"
    if manifest.node != wanted:
        raise OtherNodeError(options.source, held=manifest.node, wanted=wanted)
    if alone and not options.profile and not options.newest:
        raise LonelyOrdererError
    if options.keys is not None:
        keys_to_put_back(settings, options.keys)  # else all is copied before this is refused
    with holding_place(target), putting_back(copy, target) as draft:
        heights = await _completed(settings, draft, options.profile)
        if options.keys is not None:  # before the data: with those there, nothing is tried again
            put_back_keys(settings, options.keys)
    if options.keys is not None:
        print(f"keys and certificates are back from {options.keys}")
    print(f"{target} is {manifest.node} as of {manifest.taken_at}:")
    for channel_id, height in heights.items():
        print(f"  channel {channel_id}: {height} blocks")
    print(f"Next: tally {manifest.kind} start --config {options.config}")


def _check_nothing_lonely(
    settings: PeerSettings | OrdererSettings, options: argparse.Namespace
) -> None:
    """Return if a node that does not order alone is told nothing about what it ordered.

    Peers may be asked for the blocks of any orderer: etcd may have less of them.

    Raises:
        NotAloneError: It is.
    """
    lonely = {"--newest": options.newest}
    if isinstance(settings, PeerSettings):
        lonely["--profile"] = options.profile
    for option, given in lonely.items():
        if given:
            raise NotAloneError(option, options.config, kind=_kind(settings))


async def _completed(
    settings: PeerSettings | OrdererSettings, data: Path, profiles: Sequence[Path] | None
) -> Mapping[str, int]:
    """Return how many blocks each channel has that is put back, with those that peers have."""
    if isinstance(settings, OrdererSettings) and profiles:
        for channel_id, count in (await add_newer_blocks(settings, data, profiles)).items():
            print(f"channel {channel_id}: {count} newer blocks from peers")
    return opened_heights(settings, data)


def _kind(settings: PeerSettings | OrdererSettings) -> str:
    return "orderer" if isinstance(settings, OrdererSettings) else "peer"
