"""Is a transaction endorsed by those whose say it needs?

Source: wire.md §12; hyperledger/fabric core/common/validation/statebased/.
"""

from collections.abc import Iterable

from tallystick.node.ledger.rwset import NamespaceReadWriteSet
from tallystick.node.ledger.state import StateView
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import valid_identities
from tallystick.node.validation.codes import Rejection
from tallystick.node.validation.demands import (
    PUBLIC,
    Place,
    key_demands,
    metadata_places,
    own_policy,
    written_places,
)
from tallystick.node.validation.endorsement_policies import (
    DefinitionSource,
    EndorsementPolicies,
    EndorsementPolicy,
)
from tallystick.node.validation.structure import ParsedTransaction
from tallystick.protos.peer.transaction_pb2 import ENDORSEMENT_POLICY_FAILURE, INVALID_CHAINCODE

Demands = dict[EndorsementPolicy, Place]
"""The distinct policies that a transaction must satisfy, each with the first key to demand it."""


class EndorsementCheck:
    """Checks the endorsements of one block's transactions, which must come in block order.

    Policies are those of the committed state before the block. When an earlier transaction of the
    block, itself well endorsed, changes the metadata of a key, nobody can tell which policy a later
    writer of the key should have satisfied, so that one fails.
    """

    def __init__(
        self,
        policies: EndorsementPolicies,
        definitions: DefinitionSource,
        checker: SignatureChecker,
        view: StateView,
    ) -> None:
        """Prepare for a block; ``view`` is the state before it."""
        self._policies = policies
        self._definitions = definitions
        self._checker = checker
        self._view = view
        self._changed: set[Place] = set()

    def reject(self, transaction: ParsedTransaction) -> Rejection | None:
        """Return why a transaction is not endorsed as it must be, or None if it is."""
        rejection = self._judge(transaction)
        if rejection is None:
            for namespace in transaction.rwset.namespaces:
                self._changed.update(metadata_places(namespace))
        return rejection

    def _judge(self, transaction: ParsedTransaction) -> Rejection | None:
        written = {
            entry.namespace: entry for entry in transaction.rwset.namespaces if entry.has_writes()
        }
        own_policies: dict[str, EndorsementPolicy] = {}
        for name in (transaction.chaincode, *written):
            policy = own_policy(name, self._policies, self._definitions)
            if policy is None:
                return Rejection(
                    INVALID_CHAINCODE,
                    f"there is no committed definition of chaincode {name!r}",
                    transaction.transaction_id,
                )
            own_policies[name] = policy
        in_flux = self._key_in_flux(written.values())
        if in_flux is not None:
            return Rejection(
                ENDORSEMENT_POLICY_FAILURE,
                f"the policy of {_describe(in_flux)} may have changed earlier in this block",
                transaction.transaction_id,
            )
        demands: Demands = {}
        for name, policy in own_policies.items():
            if name in written:
                for place, demanded, _ in key_demands(
                    written[name], policy, self._policies, self._definitions, self._view
                ):
                    demands.setdefault(demanded, place)
            else:
                demands.setdefault(policy, (name, PUBLIC, ""))
        return self._unsatisfied(transaction, demands)

    def _key_in_flux(self, written: Iterable[NamespaceReadWriteSet]) -> Place | None:
        if not self._changed:
            return None
        places = (place for entry in written for place in written_places(entry))
        return next((place for place in places if place in self._changed), None)

    def _unsatisfied(self, transaction: ParsedTransaction, demands: Demands) -> Rejection | None:
        endorsers = valid_identities(
            transaction.endorsements(), self._policies.channel.msps, self._checker
        )
        for policy, place in demands.items():
            verdict = policy.policy.evaluate(endorsers)
            if not verdict.satisfied:
                signers = ", ".join(str(endorser) for endorser in endorsers) or "nobody"
                return Rejection(
                    ENDORSEMENT_POLICY_FAILURE,
                    f"{policy.name}, needed for {_describe(place)}, is not satisfied:"
                    f" {verdict.reason}; good endorsements are from {signers}",
                    transaction.transaction_id,
                )
        return None


def _describe(place: Place) -> str:
    namespace, collection, key = place
    parts = [namespace, collection, key.hex() if isinstance(key, bytes) else key]
    return "/".join(part for part in parts if part)
