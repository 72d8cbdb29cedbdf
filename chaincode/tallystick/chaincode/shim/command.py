"""Serves contracts, as a program: ``python -m tallystick.chaincode.shim``."""

import argparse
import asyncio
import importlib
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

from tallystick.chaincode.contract import Contract
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.errors import ContractDefinitionError
from tallystick.chaincode.loading import import_failure, making_failure
from tallystick.chaincode.shim.client import stay_registered
from tallystick.chaincode.shim.errors import ShimSettingsError
from tallystick.chaincode.shim.server import serving
from tallystick.chaincode.shim.settings import PeerSettings, ServerSettings
from tallystick.chaincode.shim.stream import Host
from tallystick.chaincode.shim.workers import Workers

FAILURES: Final = (ShimSettingsError, ContractDefinitionError)
DEFAULT_THREADS: Final = 64

_HASH_SEED: Final = "PYTHONHASHSEED"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, by default those of the process."""
    options = _parser().parse_args(argv)
    try:
        serve(options)
    except FAILURES as error:
        print(f"chaincode: {error}", file=sys.stderr)  # noqa: T201 -- this is the program
        return 1
    return 0


def serve(options: argparse.Namespace) -> None:
    """Serve contracts until SIGTERM or SIGINT.

    Raises:
        ShimSettingsError: Neither or both modes are asked for, the package id is missing, or TLS
            files or the entry cannot be used.
    """
    if os.environ.get(_HASH_SEED) != "0":
        # A contract that iterates over a set must do the same in the process of every organisation.
        os.execve(  # noqa: S606 -- this very program again
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, _HASH_SEED: "0"}
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    environment = _environment(options)
    server = options.address or environment.get("CHAINCODE_SERVER_ADDRESS", "")
    peer = options.peer or environment.get("CORE_PEER_ADDRESS", "")
    chaincode_id = options.id or _first_set("CHAINCODE_ID", "CORE_CHAINCODE_ID_NAME")
    if not chaincode_id:
        raise ShimSettingsError("name the package id: --id, CHAINCODE_ID or CORE_CHAINCODE_ID_NAME")
    host = Host(
        load_contracts(options.entry, options.source), chaincode_id, Workers(options.threads)
    )
    # Fabric's builders set the address of the peer also for a chaincode that is to be dialled.
    if server and not options.peer:
        asyncio.run(_serve_peers(host, ServerSettings.read(server, environment)))
    elif peer:
        asyncio.run(_serve_peer(host, PeerSettings.read(peer, environment)))
    else:
        raise ShimSettingsError("give --address to be dialled by peers, or --peer to dial one")


def _environment(options: argparse.Namespace) -> Mapping[str, str]:
    """Return the environment, in which TLS files given as options stand for the variables."""
    files: dict[str, Path | None] = {
        "CHAINCODE_TLS_CERT": options.tls_certificate,
        "CHAINCODE_TLS_KEY": options.tls_key,
        "CHAINCODE_TLS_CLIENT_CACERT": options.tls_roots,
        "CORE_TLS_CLIENT_CERT_FILE": options.tls_certificate,
        "CORE_TLS_CLIENT_KEY_FILE": options.tls_key,
        "CORE_PEER_TLS_ROOTCERT_FILE": options.tls_roots,
    }
    given = {name: str(path) for name, path in files.items() if path is not None}
    if not given:
        return os.environ
    switches = {"CHAINCODE_TLS_DISABLED": "false", "CORE_PEER_TLS_ENABLED": "true"}
    return {**os.environ, **switches, **given}


def load_contracts(entries: Sequence[str], source: Path | None) -> ContractChaincode:
    """Return the chaincode of contract classes ``module:Class``, the first of them the default.

    A single entry may also be a ``ContractChaincode`` object.

    Args:
        entries: One or more.
        source: Folder that holds the modules, if they are not importable.

    Raises:
        ShimSettingsError: An entry cannot be imported or made, or is no contract.
    """
    if source is not None:
        sys.path.insert(0, str(source.resolve()))
    targets = [_imported(entry) for entry in entries]
    if len(targets) == 1 and isinstance(targets[0], ContractChaincode):
        return targets[0]
    contracts: list[Contract] = []
    for entry, target in zip(entries, targets, strict=True):
        if not (isinstance(target, type) and issubclass(target, Contract)):
            raise ShimSettingsError(f"{entry} is not a Contract class")
        contracts.append(_made(entry, target))
    return ContractChaincode(*contracts)


def _imported(entry: str) -> object:
    path, _, name = entry.partition(":")
    try:
        module = importlib.import_module(path)
    except (Exception, SystemExit) as error:
        raise ShimSettingsError(
            f"{entry!r} cannot be imported as module:Class: {import_failure(path, error)}"
        ) from error
    if not hasattr(module, name):
        raise ShimSettingsError(
            f"{entry!r} cannot be imported as module:Class: module {path} has no {name}"
        )
    return getattr(module, name)


def _made(entry: str, contract: type[Contract]) -> Contract:
    try:
        return contract()
    except ContractDefinitionError:
        raise
    except Exception as error:
        raise ShimSettingsError(making_failure(entry, error)) from error


def _first_set(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")


async def _serve_peers(host: Host, settings: ServerSettings) -> None:
    async with serving(host, settings) as port:
        logging.getLogger(__name__).info("%s serves on port %d", host.chaincode_id, port)
        await _stop_signal()


async def _serve_peer(host: Host, settings: PeerSettings) -> None:
    async with asyncio.TaskGroup() as tasks:
        registered = tasks.create_task(stay_registered(host, settings, random=Random()))  # noqa: S311
        await _stop_signal()
        registered.cancel()


async def _stop_signal() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tallystick.chaincode.shim", description="Serve contracts to Fabric's peers."
    )
    parser.add_argument("entry", nargs="+", metavar="MODULE:CLASS", help="the contracts")
    parser.add_argument("--source", type=Path, metavar="DIRECTORY", help="folder of the modules")
    parser.add_argument("--address", metavar="HOST:PORT", help="where peers dial in")
    parser.add_argument("--peer", metavar="HOST:PORT", help="peer to dial")
    parser.add_argument(
        "--id", metavar="ID", help="package id under which peers know the chaincode"
    )
    parser.add_argument(
        "--tls-certificate", type=Path, metavar="FILE", help="its TLS certificate, PEM"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the key of that, PEM")
    parser.add_argument(
        "--tls-roots",
        type=Path,
        metavar="FILE",
        help="authorities of the peers, PEM; as a server it then demands certificates of them",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=DEFAULT_THREADS,
        metavar="N",
        help="how many transactions run at the same time",
    )
    return parser
