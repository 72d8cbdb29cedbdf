"""Which signatures something had, and which it needed, in lines for people. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_update import RefusedUpdate, signed_update
from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.ledger.committed import recorded_codes
from tallystick.node.ledger.past_state import PastState, Places
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import SignedData
from tallystick.node.policies.explain import explain, explain_signatures, name_of
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.node.runtime.lifecycle_state import read_definition
from tallystick.node.validation.codes import Rejection
from tallystick.node.validation.demands import (
    Demand,
    Place,
    demands,
    metadata_places,
    written_places,
)
from tallystick.node.validation.endorsement_policies import EndorsementPolicies
from tallystick.node.validation.structure import (
    ConfigTransaction,
    ParsedTransaction,
    parse_transaction,
)
from tallystick.protos.common.common_pb2 import Block, Envelope
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.transaction_pb2 import (
    ENDORSEMENT_POLICY_FAILURE,
    MVCC_READ_CONFLICT,
    PHANTOM_READ_CONFLICT,
    VALID,
    TxValidationCode,
)
from tallystick.wire.messages import decode

Parsed = ParsedTransaction | ConfigTransaction | Rejection

_WELL_ENDORSED: Final = frozenset({VALID, MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT})
_SHOWN_KEYS: Final = 3
_SHOWN_HASH: Final = 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the ledger has about one transaction.

    Attributes:
        block: The block that holds it, with the verdicts on its transactions.
        index: Its place in the block.
        config: The configuration that it was judged by: of one that changes the configuration,
            the one before.
    """

    block: Block
    index: int
    config: ChannelConfig

    @property
    def code(self) -> int:
        """The verdict."""
        return recorded_codes(self.block)[self.index]

    def parsed(self, index: int | None = None) -> Parsed:
        """Return the transaction, or another one of its block."""
        entry = self.block.data.data[self.index if index is None else index]
        return parse_transaction(entry, self.config, SignatureChecker())


class PastDefinitions:
    """The chaincode definitions in force at some block."""

    def __init__(self, state: PastState) -> None:
        self._state = state

    def validation_policy(self, namespace: str) -> bytes | None:
        """Return a chaincode's endorsement policy; None without a definition."""
        definition = read_definition(self._read, namespace)
        return None if definition is None else definition.parameters.validation_parameter

    def collections(self, namespace: str) -> CollectionConfigPackage | None:
        """Return a chaincode's collections; None if it has none."""
        definition = read_definition(self._read, namespace)
        if definition is None:
            return None
        package = decode(CollectionConfigPackage, definition.parameters.collections)
        return package if package.config else None

    def _read(self, key: str) -> bytes | None:
        found = self._state.get(LIFECYCLE_NAMESPACE, key)
        return None if found is None else found.value


def state_before(parsed: Parsed) -> PastState | None:
    """Return the empty state that is to follow what the verdict on a transaction rests on.

    None if the verdict rests on no state.
    """
    if not isinstance(parsed, ParsedTransaction):
        return None
    places: dict[str, frozenset[str | bytes] | None] = {
        entry.namespace: frozenset(key for _, _, key in written_places(entry))
        for entry in parsed.rwset.namespaces
    }
    followed: Places = places | {LIFECYCLE_NAMESPACE: None}
    return PastState(followed, blocks_to_live)


def report(evidence: Evidence, before: PastState) -> Iterator[str]:
    """Yield the explanation of one transaction, line by line.

    Args:
        evidence: The transaction.
        before: The state before its block, as far as `state_before` asks for it.
    """
    if not evidence.block.header.number:
        yield "the first block of a channel is signed by nobody: who joins vouches for it"
        return
    parsed = evidence.parsed()
    verdict = f"block {evidence.block.header.number} has it as {_name(evidence.code)}"
    match parsed:
        case ParsedTransaction():
            yield (
                f"transaction {parsed.transaction_id} by {name_of(parsed.creator)} calls "
                f"{parsed.chaincode}"
            )
            yield verdict
            yield from _endorsement(parsed, evidence, before)
        case ConfigTransaction():
            yield f"block {evidence.block.header.number} changes the channel's configuration"
            yield verdict
            yield from _configuration(parsed, evidence)
        case Rejection():
            yield f"transaction {parsed.transaction_id}: endorsements did not matter"
            yield verdict
            yield f"because {parsed.reason}"


def report_update(config: ChannelConfig, update: Envelope) -> Iterator[str]:
    """Yield which signatures an update has that is still on its way, and who is missing."""
    yield f"an update of configuration {config.sequence} of channel {config.channel_id!r}"
    wanting: list[str] = []
    yield from _update(config, update, wanting)
    yield ""
    if wanting:
        yield f"It still needs {' and '.join(wanting)}."
    else:
        yield "It has what it needs: submit it."


def _endorsement(
    transaction: ParsedTransaction, evidence: Evidence, before: PastState
) -> Iterator[str]:
    good: list[Identity] = []
    yield from _signatures(transaction.endorsements(), evidence.config, good)
    all_satisfied = True
    policies = EndorsementPolicies(evidence.config)
    for demand in demands(transaction, policies, PastDefinitions(before), before):
        yield ""
        if demand.policy is None:
            yield f"{demand.place} has no committed definition: nothing is enough"
            all_satisfied = False
            continue
        explanation = explain(demand.policy.policy, good)
        outcome = "satisfied" if explanation.satisfied else f"lacks {explanation.missing()}"
        yield f"{_subject(demand)} {demand.policy.name}: {outcome}"
        yield from explanation.tree("  ")
        all_satisfied &= explanation.satisfied
    in_flux = _in_flux(transaction, evidence)
    if in_flux:
        yield from ("", in_flux)
    elif evidence.code not in (VALID, ENDORSEMENT_POLICY_FAILURE) and all_satisfied:
        yield from ("", f"The endorsements were enough: {_name(evidence.code)} has another cause.")
    elif all_satisfied != (evidence.code != ENDORSEMENT_POLICY_FAILURE):
        yield ""
        yield "This peer judged otherwise than its blocks suggest: compare it with another peer."


def _configuration(transaction: ConfigTransaction, evidence: Evidence) -> Iterator[str]:
    yield from _update(evidence.config, decode(ConfigEnvelope, transaction.data).last_update, [])


def _update(config: ChannelConfig, update: Envelope, wanting: list[str]) -> Iterator[str]:
    """Yield the signatures of an update and what it asks for; add to ``wanting`` what it lacks."""
    asked = signed_update(config, update)
    if isinstance(asked, RefusedUpdate):
        yield f"no signature helps: {asked.reason}"
        wanting.append("to be made anew from the configuration in force")
        return
    good: list[Identity] = []
    yield from _signatures(asked.signed, config, good)
    for path, keys in asked.changes.items():
        explanation = explain(config.policies.get(path), good)
        outcome = "satisfied" if explanation.satisfied else f"lacks {explanation.missing()}"
        yield from ("", f"policy {path}: {outcome}")
        yield from (f"  it guards {key}" for key in keys)
        yield from explanation.tree("  ")
        if not explanation.satisfied:
            wanting.append(explanation.missing())


def _signatures(
    signed: Iterable[SignedData], config: ChannelConfig, good: list[Identity]
) -> Iterator[str]:
    """Yield what became of each signature; add to ``good`` whose count."""
    findings = explain_signatures(signed, config.msps, SignatureChecker())
    yield from ("", "signatures" if findings else "signatures: none")
    for finding in findings:
        yield f"  {finding.line}"
        if finding.signer is not None and not finding.problem:
            good.append(finding.signer)


def _subject(demand: Demand) -> str:
    """Return who needs a policy, up to the verb."""
    if not demand.keys:
        return f"{demand.place} needs"
    many = len(demand.keys) > 1
    names = _names(demand.keys)
    noun = "keys" if many else "key"
    if demand.collection:
        noun += " with hashes" if many else " with hash"
    return f"{noun} {names} of {demand.place} {'have' if many else 'has'} a rule of its own,"


def _names(keys: Sequence[str | bytes]) -> str:
    shown = [
        f"{key.hex()[:_SHOWN_HASH]}…" if isinstance(key, bytes) else repr(key)
        for key in keys[:_SHOWN_KEYS]
    ]
    more = len(keys) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _in_flux(transaction: ParsedTransaction, evidence: Evidence) -> str:
    """Return what an earlier transaction of the block did to a key that this one writes."""
    written: set[Place] = {
        place for entry in transaction.rwset.namespaces for place in written_places(entry)
    }
    codes = recorded_codes(evidence.block)
    for index in range(evidence.index):
        earlier = evidence.parsed(index)
        if codes[index] not in _WELL_ENDORSED or not isinstance(earlier, ParsedTransaction):
            continue
        for entry in earlier.rwset.namespaces:
            for place in metadata_places(entry):
                if place in written:
                    return (
                        f"Transaction {earlier.transaction_id} of the same block may have changed "
                        f"the rule of {_names([place[2]])}, so nothing would have been enough: "
                        "submit it again."
                    )
    return ""


def _name(code: int) -> str:
    return next((name for name, value in TxValidationCode.items() if value == code), str(code))
