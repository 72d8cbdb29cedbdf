"""``tally policy``."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tallystick.client.errors import ClientError, EvaluateError
from tallystick.client.network import Network
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.session import channel_of, connect
from tallystick.node.errors import LedgerError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.ordering.block_writer import last_config_index
from tallystick.node.policies.explain import explain as explain_policy
from tallystick.node.policies.explain import explain_signatures, name_of
from tallystick.node.validation.codes import Rejection
from tallystick.node.validation.demands import demands
from tallystick.node.validation.endorsement_policies import (
    LIFECYCLE_NAMESPACE,
    EndorsementPolicies,
)
from tallystick.node.validation.structure import (
    ConfigTransaction,
    ParsedTransaction,
    parse_transaction,
)
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.lifecycle.lifecycle_pb2 import (
    QueryChaincodeDefinitionArgs,
    QueryChaincodeDefinitionResult,
)
from tallystick.protos.peer.transaction_pb2 import (
    ENDORSEMENT_POLICY_FAILURE,
    VALID,
    ProcessedTransaction,
    TxValidationCode,
)

FAILURES = (ClientError,)

_QUERY_CHAINCODE = "qscc"
_NOT_FOUND = 404


class NoSuchTransactionError(LedgerError):
    """A peer has no transaction with this id in any block.

    Attributes:
        transaction_id: The id.
    """

    def __init__(self, transaction_id: str, answer: str) -> None:
        super().__init__(
            f"no block has transaction {transaction_id}: {answer}\n"
            "one that was never ordered, say because no peer endorsed it, leaves no trace"
        )
        self.transaction_id = transaction_id


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the ledger has about one transaction.

    Attributes:
        processed: The transaction and the verdict on it.
        block_number: The block that holds it.
        config: The channel's configuration that this block was judged by.
    """

    processed: ProcessedTransaction
    block_number: int
    config: ChannelConfig


class CurrentDefinitions:
    """The definitions in force of the chaincodes that a transaction touched."""

    def __init__(self, results: Mapping[str, QueryChaincodeDefinitionResult]) -> None:
        self._results = results

    def validation_policy(self, namespace: str) -> bytes | None:
        """Return a chaincode's endorsement policy; None without a definition."""
        found = self._results.get(namespace)
        return None if found is None else found.validation_parameter

    def collections(self, namespace: str) -> CollectionConfigPackage | None:
        """Return a chaincode's collections; None if it has none."""
        found = self._results.get(namespace)
        return None if found is None or not found.collections.config else found.collections


async def explain(options: argparse.Namespace) -> None:
    """Print which signatures a transaction had, and which it needed."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        evidence = await _evidence(network, options.transaction)
        parsed = parse_transaction(
            evidence.processed.transactionEnvelope.SerializeToString(),
            evidence.config,
            SignatureChecker(),
        )
        definitions = CurrentDefinitions(await _definitions(network, parsed))
    for line in report(parsed, evidence, definitions):
        print(line)


def report(
    parsed: ParsedTransaction | ConfigTransaction | Rejection,
    evidence: Evidence,
    definitions: CurrentDefinitions,
) -> Iterator[str]:
    """Yield the explanation of one transaction, line by line."""
    code = evidence.processed.validationCode
    verdict = f"block {evidence.block_number} has it as {_name(code)}"
    match parsed:
        case ParsedTransaction():
            yield (
                f"transaction {parsed.transaction_id} by {name_of(parsed.creator)} calls "
                f"{parsed.chaincode}"
            )
            yield verdict
            yield from _endorsement(parsed, evidence, definitions)
        case ConfigTransaction():
            yield f"transaction {parsed.transaction_id} changes the channel's configuration"
            yield verdict
            yield "the orderers judged its signatures before they made the block"
        case Rejection():
            yield f"transaction {parsed.transaction_id}: endorsements did not matter"
            yield verdict
            yield f"because {parsed.reason}"


def _endorsement(
    transaction: ParsedTransaction, evidence: Evidence, definitions: CurrentDefinitions
) -> Iterator[str]:
    findings = explain_signatures(
        transaction.endorsements(), evidence.config.msps, SignatureChecker()
    )
    yield from ("", "signatures" if findings else "signatures: none")
    for finding in findings:
        who = name_of(finding.signer) if finding.signer else "unknown"
        yield f"  ✗ {who}: {finding.problem}" if finding.problem else f"  ✓ {who}"
    good = [one.signer for one in findings if one.signer is not None and not one.problem]
    all_satisfied = True
    for demand in demands(transaction, EndorsementPolicies(evidence.config), definitions):
        if demand.policy is None:
            yield from ("", f"{demand.place} has no committed definition: nothing is enough")
            all_satisfied = False
            continue
        explanation = explain_policy(demand.policy.policy, good)
        outcome = "satisfied" if explanation.satisfied else f"lacks {explanation.missing()}"
        yield from ("", f"{demand.place} needs {demand.policy.name}: {outcome}")
        yield from explanation.tree("  ")
        all_satisfied &= explanation.satisfied
    yield from _remark(evidence.processed.validationCode, all_satisfied=all_satisfied)


def _remark(code: int, *, all_satisfied: bool) -> Iterator[str]:
    """Yield what reconciles the explanation with the verdict, if something must."""
    failed = code == ENDORSEMENT_POLICY_FAILURE
    if failed and all_satisfied:
        yield ""
        yield "All of that is satisfied, so a key that it writes had a policy of its own,"
        yield "or a definition has changed since."
    elif code == VALID and not all_satisfied:
        yield ""
        yield "It was valid all the same, so keys that it writes had policies of their own,"
        yield "or a definition has changed since."
    elif code != VALID and not failed and all_satisfied:
        yield from ("", f"The endorsements were enough: {_name(code)} has another cause.")


async def _evidence(network: Network, transaction_id: str) -> Evidence:
    ledger = network.contract(_QUERY_CHAINCODE)
    channel_id = network.channel_id
    try:
        found = await ledger.evaluate("GetTransactionByID", channel_id, transaction_id)
    except EvaluateError as error:
        if error.refusals:
            raise NoSuchTransactionError(transaction_id, error.refusals[0].message) from error
        raise
    block = Block.FromString(await ledger.evaluate("GetBlockByTxID", channel_id, transaction_id))
    config_block = await ledger.evaluate(
        "GetBlockByNumber", channel_id, str(last_config_index(block))
    )
    return Evidence(
        processed=ProcessedTransaction.FromString(found),
        block_number=block.header.number,
        config=ChannelConfig.from_block(Block.FromString(config_block)),
    )


async def _definitions(
    network: Network, parsed: ParsedTransaction | ConfigTransaction | Rejection
) -> dict[str, QueryChaincodeDefinitionResult]:
    if not isinstance(parsed, ParsedTransaction):
        return {}
    names = {parsed.chaincode, *(entry.namespace for entry in parsed.rwset.namespaces)}
    results = {}
    for name in sorted(names - {LIFECYCLE_NAMESPACE}):
        arguments = QueryChaincodeDefinitionArgs(name=name).SerializeToString()
        try:
            answer = await network.contract(LIFECYCLE_NAMESPACE).evaluate(
                "QueryChaincodeDefinition", arguments
            )
        except EvaluateError as error:
            if any(refusal.status == _NOT_FOUND for refusal in error.refusals):
                continue
            raise
        results[name] = QueryChaincodeDefinitionResult.FromString(answer)
    return results


def _name(code: int) -> str:
    return next((name for name, value in TxValidationCode.items() if value == code), str(code))
