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


def all_orderer_roots(config: ChannelConfig) -> bytes:
    """Return the TLS roots of all organisations that order, of which any orderer must be.

    At an address that is changing, which the configuration does not name yet, or no more, more is
    not known.
    """
    return b"".join(config.tls_root_certificates(each.msp_id) for each in config.orderers)
