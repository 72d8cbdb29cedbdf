"""The settings files of a network's nodes. Their paths are relative: the folder can be moved."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from tallystick.node.cluster.member_topology import OrganizationTopology
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.topology import Topology

ETCD_AUTHORITIES: Final = "etcd-authorities.pem"
CHECKED_PACKAGES: Final = "run/checked-packages"


def settings_text(topology: Topology, node: Node, genesis_blocks: Sequence[str]) -> str:
    """Return the TOML settings of a peer or an orderer.

    Args:
        topology: What the network consists of.
        node: The node.
        genesis_blocks: The files of its channels' first blocks, in the network's directory.
    """
    material = f"../crypto/{node.member.msp_id}/{node.kind}s/{node.topology.name}"
    tls: dict[str, object] = {
        "certificate": f"{material}/tls/server.crt",
        "private_key": f"{material}/tls/server.key",
        "root_certificates": f"{material}/tls/ca.crt",
    }
    if topology.mutual_tls:
        tls["client_certificate_required"] = True
        tls["client_root_certificates"] = [_tls_root(node.member)]  # channels add their members'
    tables: dict[str, Mapping[str, object]] = {
        "": {
            "listen_address": node.address,
            "data_directory": f"../data/{node.name}",
            "store": topology.store,
            "genesis_blocks": [f"../{name}" for name in genesis_blocks],
        },
        "msp": {"id": node.member.msp_id, "directory": f"{material}/msp"},
        "tls": tls,
        "operations": {"listen_address": node.operations_address},
    }
    if node.kind == "peer":
        tables[""] = {**tables[""], "checked_packages": f"../{CHECKED_PACKAGES}"}
    if node.kind == "orderer" and node.topology.admin_port is not None:
        tables["admin"] = {
            "listen_address": f"{node.host}:{node.topology.admin_port}",
            "certificate": tls["certificate"],
            "private_key": tls["private_key"],
            "client_root_certificates": [_tls_root(node.member)],
        }
    if node.kind == "orderer" and topology.etcd_organizations:
        tables["etcd"] = {
            "endpoints": _etcd_endpoints(topology, node),
            "certificate": tls["certificate"],
            "private_key": tls["private_key"],
            "root_certificates": f"../crypto/{ETCD_AUTHORITIES}",
        }
    return "\n".join(_toml_table(name, values) for name, values in tables.items())


def _etcd_endpoints(topology: Topology, node: Node) -> list[str]:
    """Return the addresses of all members of etcd, those beside the orderer first."""
    members = sorted(topology.etcd_organizations, key=lambda member: member != node.member)
    return [f"{topology.host_of(each)}:{etcd.port}" for each in members for etcd in each.etcd]


def _tls_root(member: OrganizationTopology) -> str:
    """Return the authority of an organisation's TLS certificates, as settings files name it."""
    return f"../crypto/{member.msp_id}/msp/tlscacerts/tlsca.{member.domain}-cert.pem"


def _toml_table(name: str, values: Mapping[str, object]) -> str:
    header = f"[{name}]\n" if name else ""
    # Every JSON string, boolean and list of strings is TOML too.
    return header + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
