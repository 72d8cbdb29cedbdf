"""Who may use what on a peer. Source: wire.md §8.3."""

from typing import Final

from tallystick.node.channel.acl import LOCAL_ADMIN_RESOURCES, LOCAL_MEMBER_RESOURCES
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.errors import LedgerError
from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.registry import MspRegistry
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, MSPRole

_ADMINS: Final = "Admins"
_MEMBERS: Final = "Members"


class AccessDeniedError(LedgerError):
    """An identity may not use a resource.

    Attributes:
        resource: Such as ``qscc/GetChainInfo``.
    """

    def __init__(self, resource: str, reason: str) -> None:
        super().__init__(reason)
        self.resource = resource


class AccessControl:
    """Judges identities that have proved to be who they say, for one peer.

    Resources of a channel are guarded by the channel's policies. Those of the peer itself are for
    its own organisation.

    Attributes:
        local_msp_id: The peer's own organisation.
        local_msps: A registry of the peer's own MSP alone.
    """

    def __init__(self, local_msps: MspRegistry, local_msp_id: str) -> None:
        self.local_msps = local_msps
        self.local_msp_id = local_msp_id
        self._principals = {
            _ADMINS: _role(MSPRole(msp_identifier=local_msp_id, role=MSPRole.ADMIN)),
            _MEMBERS: _role(MSPRole(msp_identifier=local_msp_id, role=MSPRole.MEMBER)),
        }

    def check(self, resource: str, creator: bytes, config: ChannelConfig | None) -> None:
        """Return if the identity in ``creator`` may use ``resource``.

        Args:
            resource: Of a channel or of the peer.
            creator: ``SerializedIdentity`` bytes of somebody whose signature is good.
            config: Of the channel in question; None if there is none.

        Raises:
            AccessDeniedError: It may not.
            UnknownResourceError: Nothing is known of this resource.
        """
        if resource in LOCAL_ADMIN_RESOURCES:
            self._check_local(resource, creator, _ADMINS)
        elif resource in LOCAL_MEMBER_RESOURCES:
            self._check_local(resource, creator, _MEMBERS)
        elif config is None:
            raise AccessDeniedError(resource, "Failed to get policy manager for channel []")
        else:
            try:
                identity = config.msps.identity(creator)
            except IdentityError as error:
                raise AccessDeniedError(resource, str(error)) from error
            check_channel_access(resource, identity, config)

    def _check_local(self, resource: str, creator: bytes, group: str) -> None:
        try:
            identity = self.local_msps.identity(creator)
            allowed = self.local_msps.satisfies(identity, self._principals[group])
            reason = f"The identity is not one of the {group} of {self.local_msp_id}"
        except IdentityError as error:
            allowed, reason = False, str(error)
        if not allowed:
            raise AccessDeniedError(
                resource,
                "Failed verifying that proposal's creator satisfies local MSP principal during "
                f"channelless check policy with policy [{group}]: [{reason}]",
            )


def check_channel_access(resource: str, identity: Identity, config: ChannelConfig) -> None:
    """Return if ``identity``, of that channel, satisfies the policy that guards ``resource``.

    Raises:
        AccessDeniedError: It does not.
        UnknownResourceError: No policy of the channel guards it.
    """
    verdict = config.policies.get(config.acl(resource)).evaluate([identity])
    if not verdict.satisfied:
        raise policy_not_satisfied(resource, config, verdict.reason)


def policy_not_satisfied(resource: str, config: ChannelConfig, reason: str) -> AccessDeniedError:
    """Return the refusal of somebody whom the policy that guards ``resource`` does not admit.

    ``reason`` is what the policy said.
    """
    path = config.acl(resource)
    if resource in config.acls:
        check = f"failed evaluating policy on signed data during check policy [{path}]"
    else:
        check = (
            "Failed evaluating policy on signed data during check policy on channel "
            f"[{config.channel_id}] with policy [{path}]"
        )
    return AccessDeniedError(resource, f"{check}: [{reason}]")


def _role(role: MSPRole) -> MSPPrincipal:
    return MSPPrincipal(
        principal_classification=MSPPrincipal.ROLE, principal=role.SerializeToString()
    )
