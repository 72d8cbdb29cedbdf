"""``tally channel join-orderer``: a client of channel participation. Source: wire.md §7.4."""

import argparse
import json
import ssl
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from tallystick.node.cli.block_file import load_config_block
from tallystick.node.cluster.errors import UnknownMemberError
from tallystick.node.cluster.member_topology import ADMIN
from tallystick.node.cluster.network import Network, open_network
from tallystick.node.cluster.node import Node
from tallystick.node.errors import LedgerError
from tallystick.node.ordering.participation import CHANNELS, CONFIG_BLOCK
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import sha256

TIMEOUT_S: Final = 30.0
ALREADY_ORDERED: Final = "channel already exists"


class OrdererRefusedError(LedgerError):
    """An orderer did not do what its administrator asked.

    Attributes:
        node: The orderer's name.
        reason: Its words, or the transport's.
    """

    def __init__(self, node: str, reason: str) -> None:
        super().__init__(f"{node} did not join the channel: {reason}")
        self.node = node
        self.reason = reason


def join_orderer(options: argparse.Namespace) -> None:
    """Make an orderer join a channel."""
    block, config = load_config_block(options.block)
    network = open_network(options.network)
    node = _orderer(network, options.orderer)
    height = join_to(network, node, block)
    print(f"{node.name} orders {config.channel_id} from height {height}")


def join_to(network: Network, node: Node, block: Block) -> int:
    """Make an orderer join a channel; return how many blocks the channel has there.

    Raises:
        OrdererRefusedError: It did not; the message says why.
    """
    return _join(node, _administrator_tls(network, node), block.SerializeToString())


def _orderer(network: Network, name: str | None) -> Node:
    orderers = [node for node in network.nodes if node.kind == "orderer"]
    if name is None:
        return orderers[0]
    node = network.node(name)
    if node not in orderers:
        raise UnknownMemberError(name, [each.name for each in orderers])
    return node


def _join(node: Node, tls: ssl.SSLContext, block: bytes) -> int:
    """Return how many blocks the channel has at the orderer that joined it."""
    if node.topology.admin_port is None:
        raise OrdererRefusedError(
            node.name, "it has no admin_port in the topology, so channels cannot be joined there"
        )
    boundary = sha256(block).hex()  # occurs in no block that does not contain its own hash
    head = f'Content-Disposition: form-data; name="{CONFIG_BLOCK}"; filename="{CONFIG_BLOCK}"'
    body = f"--{boundary}\r\n{head}\r\n\r\n".encode() + block + f"\r\n--{boundary}--\r\n".encode()
    connection = HTTPSConnection(
        node.host, node.topology.admin_port, context=tls, timeout=TIMEOUT_S
    )
    try:
        content_type = f"multipart/form-data; boundary={boundary}"
        connection.request("POST", CHANNELS, body, {"Content-Type": content_type})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, HTTPException, json.JSONDecodeError) as error:
        raise OrdererRefusedError(node.name, str(error)) from error
    finally:
        connection.close()
    if response.status != HTTPStatus.CREATED:
        raise OrdererRefusedError(node.name, str(answer.get("error", response.reason)))
    return int(answer["height"])


def _administrator_tls(network: Network, node: Node) -> ssl.SSLContext:
    """Return how the administrator of the orderer's organisation connects to it."""
    roots = network.tls_roots(node.member.msp_id).decode()
    context = ssl.create_default_context(cadata=roots)
    tls: Path = network.user_material(node.member.msp_id, ADMIN) / "tls"
    context.load_cert_chain(tls / "client.crt", tls / "client.key")
    return context
