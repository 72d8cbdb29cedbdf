"""Where the orderers of a channel are reached, and whose TLS certificates they show. Pure."""

from collections.abc import Mapping

from tallystick.node.channel.config import ChannelConfig


def orderer_addresses(config: ChannelConfig) -> Mapping[str, bytes]:
    """Return the TLS roots by the address of each orderer.

    Channels from before Fabric 1.4.2 list addresses only, which any of the organisations may have.
    """
    roots = {
        organization: config.tls_root_certificates(organization.msp_id)
        for organization in config.orderers
    }
    by_organization = [
        (endpoint, organization) for organization in roots for endpoint in organization.endpoints
    ]
    if not by_organization:
        return dict.fromkeys(config.orderer_endpoints, b"".join(roots.values()))
    return {
        endpoint: b"".join(roots[each] for named, each in by_organization if named == endpoint)
        for endpoint, _ in by_organization
    }


def orderer_roots(config: ChannelConfig, address: str) -> bytes:
    """Return the TLS roots of the orderer at ``address``.

    An address that is changing is one that the configuration does not name yet, or no more: then
    whoever listens there must be of one of the organisations that order.
    """
    named = orderer_addresses(config).get(address)
    if named is not None:
        return named
    return b"".join(config.tls_root_certificates(each.msp_id) for each in config.orderers)
