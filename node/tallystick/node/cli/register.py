"""``tally register``."""

import argparse
import json
from collections.abc import Iterable
from itertools import islice
from typing import Final

from tallystick.client.errors import ClientError
from tallystick.client.network import Network
from tallystick.node.cli.register_audit import RegisterAudit
from tallystick.node.cli.session import channel_of, connect
from tallystick.node.errors import LedgerError
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.wire.errors import WireError

FAILURES = (ClientError, WireError)

SCHEMA: Final = "tallystick-register-1"
_SHOWN_FINDINGS: Final = 20


class NoSuchBlockError(LedgerError):
    """The ledger does not have a block yet.

    Attributes:
        number: Its number.
    """

    def __init__(self, number: int, last: int) -> None:
        super().__init__(f"there is no block {number} yet: the last one is {last}")
        self.number = number


class NoSuchSecurityError(LedgerError):
    """A register has no such security, as of some block.

    Attributes:
        security: What was asked for.
    """

    def __init__(self, security: str, block: int, known: Iterable[str]) -> None:
        there = ", ".join(islice(known, _SHOWN_FINDINGS)) or "none at all"
        super().__init__(
            f"after block {block} the register has no security {security!r}: it has {there}"
        )
        self.security = security


async def verify(options: argparse.Namespace) -> int:
    """Compare what events tell with what the state holds; return 1 when they disagree."""
    async with await connect(options) as gateway:
        audit, last = await audited(
            channel_of(gateway, options), options.block, each_block=options.each_block
        )
    findings = list(audit.findings())
    for line in findings[:_SHOWN_FINDINGS]:
        print(line)
    if len(findings) > _SHOWN_FINDINGS:
        print(f"and {len(findings) - _SHOWN_FINDINGS} more")
    if findings:
        print(f"after block {last}, events and state disagree in {len(findings)} places")
        return 1
    holdings, people = len(audit.register.rows), len(audit.directory.rows)
    print(f"after block {last}, events tell all {holdings} rows of token and {people} of identity")
    return 0


async def show(options: argparse.Namespace) -> None:
    """Print the holders of a security as events tell them."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        audit, last = await audited(network, options.block)
    check_security(audit, options.security, last)
    positions = audit.register.positions
    lines = [
        (account.holder, positions.position(account))
        for account in sorted(positions.by_account)
        if account.asset == options.security
    ]
    holdings = [
        {"holder": holder, **position.model_dump(mode="json", exclude={"as_of"})}
        for holder, position in lines
        if position.quantity  # others are stopped only
    ]
    document = {
        "schema": SCHEMA,
        "channel": network.channel_id,
        "block": last,
        "security": options.security,
        "supply": sum(int(each["quantity"]) for each in holdings),
        "holders": len(holdings),
        "holdings": holdings,
    }
    print(json.dumps(document, indent=2, ensure_ascii=False))


async def trace(options: argparse.Namespace) -> None:
    """Print every movement by which units of a holder may have come to it, the newest first."""
    audit = RegisterAudit(traced=options.security)
    async with await connect(options) as gateway:
        _, last = await audited(channel_of(gateway, options), options.block, audit=audit)
    check_security(audit, options.security, last)
    lines = list(audit.trace(options.holder))
    for line in lines or [f"no units of {options.security} ever came to {options.holder!r}"]:
        print(line)


def check_security(audit: RegisterAudit, security: str, block: int) -> None:
    """Refuse a name that no security of the register has.

    Raises:
        NoSuchSecurityError: None has, after the block that the audit ends with.
    """
    known = audit.securities()
    if security not in known:
        raise NoSuchSecurityError(security, block, known)


async def audited(
    network: Network,
    block_number: int | None,
    *,
    each_block: bool = False,
    audit: RegisterAudit | None = None,
) -> tuple[RegisterAudit, int]:
    """Return the audit of a channel, and the number of the block that it ends with.

    Args:
        network: The channel.
        block_number: The last block to be read; None for the newest that the peer has.
        each_block: Whether to compare after every block, and to stop at the first disagreement.
        audit: Of no block yet; a new one by default.

    Raises:
        NoSuchBlockError: The peer does not have that block.
        ClientError: The peer does not answer.
    """
    answer = await network.contract("qscc").evaluate("GetChainInfo", network.channel_id)
    newest = BlockchainInfo.FromString(answer).height - 1
    last = newest if block_number is None else block_number
    if last > newest:
        raise NoSuchBlockError(last, newest)
    audit = audit or RegisterAudit()
    async with network.block_events(start_block=0) as blocks:
        async for block in blocks:
            audit.apply(block)
            number = block.header.number
            if number == last or (each_block and any(audit.findings())):
                return audit, number
    raise AssertionError("a stream of blocks has no end")
