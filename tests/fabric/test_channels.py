"""Fabric's ``peer channel``, ``osnadmin`` and ``configtxgen``: wire.md §6, §7.4, §8.1."""

import json
import re
from typing import TYPE_CHECKING

import pytest

from tallystick.protos.common.common_pb2 import Block

if TYPE_CHECKING:
    from tests.fabric.conftest import Finished, Site


def test_a_peer_tells_where_its_channel_stands(site: "Site") -> None:
    assert site.channel_id in site.peer("channel", "list").succeeded().out
    info = site.peer("channel", "getinfo", "-c", site.channel_id).succeeded().out
    fetch = ("channel", "fetch", "newest", "newest.block", "-c", site.channel_id)
    site.peer(*fetch).succeeded()
    newest = Block.FromString((site.fabric.workplace / "newest.block").read_bytes())
    assert 1 < json.loads(info.partition(": ")[2])["height"] <= newest.header.number + 1
    site.peer("channel", "getinfo", "-c", "nope").failed("Invalid chain ID, nope")


@pytest.mark.parametrize("wanted", ["oldest", "newest", "2", "config"])
def test_a_block_is_fetched_from_peer_and_orderer_alike(site: "Site", wanted: str) -> None:
    fetch = ("channel", "fetch", wanted)
    site.peer(*fetch, "peer.block", "-c", site.channel_id).succeeded()
    site.peer(*fetch, "orderer.block", "-c", site.channel_id, *site.to_orderer).succeeded()
    blocks = [
        Block.FromString((site.fabric.workplace / f"{node}.block").read_bytes())
        for node in ("peer", "orderer")
    ]
    assert blocks[0].header == blocks[1].header
    assert blocks[0].data == blocks[1].data

    shown = site.fabric.run("configtxgen", "-inspectBlock", "orderer.block").succeeded().out
    assert json.loads(shown)["header"]["number"] == (str(blocks[1].header.number) or "0")


def test_what_is_not_there_cannot_be_fetched(site: "Site") -> None:
    for channel, number in ((site.channel_id, "9999"), ("nope", "newest")):
        words = ("channel", "fetch", number, "none.block", "-c", channel)
        site.peer(*words, *site.to_orderer).failed("NOT_FOUND")
    refused = site.peer("channel", "fetch", "newest", "none.block", "-c", "nope").failed()
    assert "NOT_FOUND" in refused.err


def test_only_an_administrator_joins_and_only_once(site: "Site") -> None:
    join = ("channel", "join", "-b", str(site.network.genesis_block))
    site.peer(*join).failed("ledger [securities] already exists with state [ACTIVE]")
    site.peer(*join, user="client").failed("access denied for [JoinChain][securities]")
    assert site.channel_id in site.peer("channel", "list", user="client").succeeded().out
    site.peer("channel", "list", msp_id="BankMSP").failed("access denied: channel []")


def test_snapshots_are_asked_for_listed_and_withdrawn(site: "Site") -> None:
    status = site.peer("channel", "joinbysnapshotstatus").succeeded()
    assert "No joinbysnapshot operation is in progress" in status.err + status.out
    site.peer("channel", "joinbysnapshot", "--snapshotpath", "/nowhere").failed("cannot be read")
    node = site.network.peer_of("ATSMSP")
    to_peer = ("--peerAddress", node.address, "--tlsRootCertFile", site.tls_root("ATSMSP"))

    def ask(*words: str) -> "Finished":
        return site.peer("snapshot", *words, "-c", site.channel_id, *to_peer)

    ask("submitrequest", "-b", "100000").succeeded()
    assert "100000" in ask("listpending").succeeded().out
    ask("submitrequest", "-b", "100000").failed("duplicate snapshot request")
    ask("cancelrequest", "-b", "100000").succeeded()
    assert "100000" not in ask("listpending").succeeded().out


def test_an_orderer_is_administered_over_its_own_interface(site: "Site") -> None:
    listed = site.osnadmin("channel", "list").succeeded().out
    assert "Status: 200" in listed
    assert f"/participation/v1/channels/{site.channel_id}" in listed
    shown = site.osnadmin("channel", "list", "-c", site.channel_id).succeeded().out
    assert '"consensusRelation": "consenter"' in shown
    assert '"status": "active"' in shown
    assert "channel does not exist" in site.osnadmin("channel", "list", "-c", "nope").out
    again = ("-c", site.channel_id, "-b", site.network.genesis_block)
    assert re.search(
        "Status: 405.*channel already exists",
        site.osnadmin("channel", "join", *again).out,
        re.DOTALL,
    )
    fetched = ("-c", site.channel_id, "-b", "oldest", "-f", "admin.block")
    assert "Status: 200" in site.osnadmin("channel", "fetch", *fetched).succeeded().out
    block = Block.FromString((site.fabric.workplace / "admin.block").read_bytes())
    assert block.data == Block.FromString(site.network.genesis_block.read_bytes()).data
