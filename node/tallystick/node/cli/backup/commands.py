"""``tally backup`` and ``tally restore``."""

import argparse
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tallystick.client.errors import ClientError
from tallystick.node.cli.backup.chains import add_newer_blocks, opened_heights
from tallystick.node.cli.backup.errors import LonelyOrdererError, OtherNodeError
from tallystick.node.cli.backup.files import (
    DATA,
    Manifest,
    check_vacant,
    copy_data,
    digests,
    put_back_data,
    read_manifest,
    write_manifest,
)
from tallystick.node.cli.backup.keys import copy_keys, put_back_keys
from tallystick.node.cli.node_file import load_node_settings
from tallystick.node.durable import sync, sync_tree
from tallystick.node.settings import OrdererSettings, PeerSettings

FAILURES = (ClientError,)


def backup(options: argparse.Namespace) -> None:
    """Copy the data of a node, which may be running, and its keys if a place for them is named."""
    settings = load_node_settings(options.config)
    check_vacant(options.to)
    if options.keys is not None:
        copy_keys(settings, options.keys)
        print(f"keys and certificates are in {options.keys}: keep them apart from the rest")
    now = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - a command is its own root
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
    print(f"{options.to} holds {manifest.node} at {manifest.address}: {len(manifest.files)} files")


async def restore(options: argparse.Namespace) -> None:
    """Make the data of a node from a backup; its folder must be empty."""
    settings = load_node_settings(options.config)
    target = settings.data_directory
    check_vacant(target)
    manifest = read_manifest(options.source)
    wanted = f"the {_kind(settings)} of {settings.msp.id}"
    if manifest.node != wanted:
        raise OtherNodeError(options.source, held=manifest.node, wanted=wanted)
    alone = isinstance(settings, OrdererSettings) and settings.etcd is None
    if alone and not options.profile and not options.newest:
        raise LonelyOrdererError
    if options.keys is not None:
        put_back_keys(settings, options.keys)
        print(f"keys and certificates are back from {options.keys}")
    draft = target.with_name(f"{target.name}.restoring")
    put_back_data(options.source / DATA, draft)
    if isinstance(settings, OrdererSettings) and options.profile:
        for channel_id, count in (await add_newer_blocks(settings, draft, options.profile)).items():
            print(f"channel {channel_id}: {count} newer blocks from peers")
    heights = opened_heights(settings, draft)
    _replace(target, draft)
    print(f"{target} is {manifest.node} as of {manifest.taken_at}:")
    for channel_id, height in heights.items():
        print(f"  channel {channel_id}: {height} blocks")
    print(f"Next: tally {manifest.kind} start --config {options.config}")


def _replace(target: Path, draft: Path) -> None:
    """Let ``draft`` be ``target``, whole, whenever the machine crashes."""
    sync_tree(draft)
    if target.is_dir():
        target.rmdir()  # empty, as was checked
    draft.rename(target)
    sync(target.parent)


def _kind(settings: PeerSettings | OrdererSettings) -> str:
    return "orderer" if isinstance(settings, OrdererSettings) else "peer"
