"""``tally chaincode collections``: what a definition says, in words."""

import json
from pathlib import Path

from tallystick.node.cli.collections import described
from tallystick.node.cluster.collections import load_collections
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage

COLLECTIONS = [
    {
        "name": "prices",
        "policy": "OR('ATSMSP.member', 'ClearingMSP.member')",
        "requiredPeerCount": 1,
        "maxPeerCount": 2,
        "blockToLive": 100,
        "memberOnlyRead": True,
        "endorsementPolicy": {"signaturePolicy": "AND('ATSMSP.peer', 'ClearingMSP.peer')"},
    },
    {
        "name": "notes",
        "policy": "OR('ATSMSP.member')",
        "maxPeerCount": 0,
        "memberOnlyWrite": True,
        "endorsementPolicy": {"channelConfigPolicy": "/Channel/Application/Admins"},
    },
    {"name": "plain", "policy": "OR('ATSMSP.member')"},
]
IMPLICIT = "besides, each organisation has _implicit_org_<MSP_ID>, for its own peers alone"


def test_each_collection_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "collections.json"
    file.write_text(json.dumps(COLLECTIONS))
    assert (
        "\n".join(described(load_collections(file)))
        == f"""\
prices
  members        OR('ATSMSP.member', 'ClearingMSP.member')
  copies         1 required at other members' peers, 2 at most
  values live    100 blocks
  read for       clients of members
  written for    whoever the chaincode lets
  endorsed by    AND('ATSMSP.peer', 'ClearingMSP.peer')
notes
  members        OR('ATSMSP.member')
  copies         0 required at other members' peers, 0 at most
  values live    forever
  read for       whoever the chaincode lets
  written for    clients of members
  endorsed by    /Channel/Application/Admins
plain
  members        OR('ATSMSP.member')
  copies         0 required at other members' peers, 1 at most
  values live    forever
  read for       whoever the chaincode lets
  written for    whoever the chaincode lets
  endorsed by    the chaincode's rule
{IMPLICIT}"""
    )


def test_a_chaincode_without_collections_says_so() -> None:
    assert list(described(CollectionConfigPackage())) == ["it defines no collections", IMPLICIT]
