"""``_lifecycle``: brings chaincode onto peers and channels. Source: wire.md §8.2, §16."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message

from tallystick.node.channel.errors import UnknownResourceError
from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.system.access import AccessControl, AccessDeniedError
from tallystick.node.system.agreement import AgreementFunctions
from tallystick.node.system.definitions import NotDefinedError
from tallystick.node.system.installation import InstallationFunctions, PackageNotInstalledError
from tallystick.node.system.port import (
    NOT_FOUND,
    SystemChannel,
    SystemInvocation,
    failure,
    success,
)
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.wire.errors import WireError

_log = logging.getLogger(__name__)

_ARGUMENTS: Final = 2

_Function = Callable[[bytes, SystemInvocation], Message]


class LifecycleChaincode:
    """Every function takes one message and answers one; it is a `SystemChaincode`."""

    def __init__(
        self,
        channels: Mapping[str, SystemChannel],
        packages: PackageStore,
        access: AccessControl,
    ) -> None:
        """Serve the organisation that ``access`` calls its own.

        Args:
            channels: Channels of this peer by id; they may change at any time.
            packages: Where packages are installed.
            access: Guards every function.
        """
        self._access = access
        installation = InstallationFunctions(channels, packages)
        agreement = AgreementFunctions(access.local_msp_id)
        self._functions: Mapping[str, _Function] = {
            "InstallChaincode": installation.install,
            "QueryInstalledChaincode": installation.query_one,
            "QueryInstalledChaincodes": installation.query_all,
            "GetInstalledChaincodePackage": installation.get_package,
            "ApproveChaincodeDefinitionForMyOrg": agreement.approve,
            "QueryApprovedChaincodeDefinition": agreement.query_approved,
            "QueryApprovedChaincodeDefinitions": agreement.query_all_approved,
            "CheckCommitReadiness": agreement.check_readiness,
            "CommitChaincodeDefinition": agreement.commit,
            "QueryChaincodeDefinition": agreement.query_committed,
            "QueryChaincodeDefinitions": agreement.query_all_committed,
        }

    async def invoke(self, invocation: SystemInvocation) -> Response:
        """Return the answer to one call."""
        return self._invoke(invocation)

    def answer_chaincode(self, invocation: SystemInvocation, entry_chaincode: str) -> Response:
        """Return the answer as a client would get it.

        Writes come to nothing: validation refuses a transaction of another chaincode that writes
        here.
        """
        del entry_chaincode
        return self._invoke(invocation)

    def _invoke(self, invocation: SystemInvocation) -> Response:
        args = invocation.args
        if not args:
            return failure("lifecycle scc must be invoked with arguments")
        if len(args) != _ARGUMENTS:
            return failure(
                f"lifecycle scc operations require exactly two arguments but received {len(args)}"
            )
        name = args[0].decode(errors="replace")
        channel = invocation.channel
        try:
            self._access.check(
                f"{LIFECYCLE_NAMESPACE}/{name}",
                invocation.creator,
                None if channel is None else channel.config,
            )
        except (AccessDeniedError, UnknownResourceError) as error:
            return failure(f"Failed to authorize invocation due to failed ACL check: {error}")
        return self._answer(name, args[1], invocation)

    def _answer(self, name: str, argument: bytes, invocation: SystemInvocation) -> Response:
        function = self._functions.get(name)
        if function is None:  # a channel may have an ACL for anything
            return failure(f"there is no lifecycle function '{name}'")
        try:
            result = function(argument, invocation)
        except (NotDefinedError, PackageNotInstalledError) as error:
            return failure(str(error), NOT_FOUND)
        except (LedgerError, WireError) as error:
            _log.info("refused %s: %s", name, error)
            return failure(f"failed to invoke backing implementation of '{name}': {error}")
        # Some results hold maps, and endorsers must agree on the bytes.
        return success(result.SerializeToString(deterministic=True))
