"""All policies of a channel, by their paths."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tallystick.node.membership.identity import Identity
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.evaluate import (
    Policy,
    SignaturePolicyEvaluator,
    SignedData,
    Verdict,
    valid_identities,
)
from tallystick.node.policies.implicit_meta import ImplicitMetaEvaluator
from tallystick.protos.common import policies_pb2
from tallystick.protos.common.configtx_pb2 import ConfigGroup
from tallystick.protos.common.policies_pb2 import ImplicitMetaPolicy, SignaturePolicyEnvelope
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

ROOT_PATH: Final = "/Channel"


class RejectingPolicy:
    """What stands at a path where there is no policy: nobody satisfies it."""

    def __init__(self, path: str) -> None:
        self._verdict = Verdict(satisfied=False, reason=f"no such policy: '{path}'")

    def evaluate(self, identities: Sequence[Identity]) -> Verdict:  # noqa: ARG002 - see Policy
        """Return that the policy does not exist."""
        return self._verdict


class PolicyTree:
    """The policies of one channel configuration. Immutable.

    Paths are absolute: ``/Channel/Application/Writers``.
    """

    def __init__(self, root: ConfigGroup, msps: MspRegistry, checker: SignatureChecker) -> None:
        """Prepare every policy of ``root``, the channel group, and of the groups below.

        Args:
            root: The ``channel_group`` of a configuration.
            msps: The MSPs of the same configuration.
            checker: The node's memory of good signatures.

        Raises:
            MalformedPolicyError: A policy cannot be read; the message has its path.
        """
        self._msps = msps
        self._checker = checker
        self._policies: dict[str, Policy] = {}
        self._add(ROOT_PATH, root)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of all policies, sorted."""
        return tuple(sorted(self._policies))

    def get(self, path: str) -> Policy:
        """Return the policy at ``path``; where there is none, one that rejects and says so.

        A path without a leading slash counts from the channel group: ``Application/Writers``. A
        definition may refer to its policy so, and what it refers to must be the same on every peer.
        """
        absolute = path if path.startswith("/") else f"{ROOT_PATH}/{path}"
        return self._policies.get(absolute) or RejectingPolicy(path)

    def evaluate_signed(self, path: str, signed: Iterable[SignedData]) -> Verdict:
        """Return whether the good ones among ``signed`` satisfy the policy at ``path``."""
        return self.get(path).evaluate(valid_identities(signed, self._msps, self._checker))

    def _add(self, path: str, group: ConfigGroup) -> Mapping[str, Policy]:
        """Add the policies of ``group`` and everything below; return those of the group by name."""
        # Maps have no order on the wire; sorted, failures read the same on every peer.
        below = [
            (f"{path}/{name}", self._add(f"{path}/{name}", group.groups[name]))
            for name in sorted(group.groups)
        ]
        policies: dict[str, Policy] = {}
        for name, entry in group.policies.items():
            try:
                policies[name] = self._policy(entry.policy, below)
            except (MalformedPolicyError, MalformedMessageError) as error:
                raise MalformedPolicyError(f"{path}/{name}: {error}") from error
            self._policies[f"{path}/{name}"] = policies[name]
        return policies

    def _policy(
        self, message: policies_pb2.Policy, below: Sequence[tuple[str, Mapping[str, Policy]]]
    ) -> Policy:
        match message.type:
            case policies_pb2.Policy.SIGNATURE:
                return SignaturePolicyEvaluator(
                    decode(SignaturePolicyEnvelope, message.value), self._msps
                )
            case policies_pb2.Policy.IMPLICIT_META:
                meta = decode(ImplicitMetaPolicy, message.value)
                name = meta.sub_policy
                children = {
                    f"{path}/{name}": policies.get(name) or RejectingPolicy(f"{path}/{name}")
                    for path, policies in below
                }
                return ImplicitMetaEvaluator(meta, children)
            case _:
                raise MalformedPolicyError(
                    f"type {message.type} is neither SIGNATURE nor IMPLICIT_META"
                )
