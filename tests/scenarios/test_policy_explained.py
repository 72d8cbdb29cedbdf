"""``tally policy explain`` on a network: what an operator reads (wire.md §12, §14)."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import JsonValue
from tests.scenarios.test_policies_in_depth import (
    AGENT,
    ATS,
    CLEARING,
    SECRET,
    submit,
    tally_topology,
)

from tallystick.client.errors import CommitError
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch, with_revocation_list
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.cli.explanation import report, report_update
from tallystick.node.cli.policy import NoSuchTransactionError, evidence_of, state_of
from tallystick.node.cluster.governance import revocation_list
from tallystick.node.ledger.committed import transaction_id_of_entry
from tallystick.node.membership.certificates import describe, load_certificate
from tallystick.node.testing import LocalNetwork
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.common.configtx_pb2 import Config

__all__ = ["tally_topology"]


async def told(network: LocalNetwork, transaction_id: str) -> list[str]:
    """Return the explanation of a transaction, its id and block left out."""
    channel = network.gateway(ATS).network(network.channel_id)
    evidence = await evidence_of(channel, transaction_id)
    lines = list(report(evidence, await state_of(channel, evidence)))
    return [re.sub(r"\b[0-9a-f]{64}\b|(?<=block )\d+", "…", line) for line in lines]


async def rejected(
    network: LocalNetwork, function: str, *arguments: JsonValue, by: Sequence[str]
) -> str:
    """Have a call committed that its endorsers ``by`` were not enough for; return its id."""
    with pytest.raises(CommitError) as failure:
        await network.contract(ATS, "deeds").submit(
            function, *arguments, endorsing_organizations=by, transient=SECRET
        )
    return failure.value.transaction_id


async def test_the_rule_of_a_key_is_told_as_it_was_then(tally_network: LocalNetwork) -> None:
    await submit(tally_network, "bind_to", "k", [CLEARING])
    transaction_id = await rejected(tally_network, "put_all", ["k", "free"], by=[ATS])
    await submit(tally_network, "free", "k")
    assert await told(tally_network, transaction_id) == [
        "transaction … by ATSMSP client@ats.example calls deeds",
        "block … has it as ENDORSEMENT_POLICY_FAILURE",
        "",
        "signatures",
        "  ✓ ATSMSP peer0.ats.example",
        "",
        "deeds needs policy OR('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer'): "
        "satisfied",
        "  ✓ 1 of 3",
        "    ✓ 'ATSMSP.peer', by ATSMSP peer0.ats.example",
        "    ✗ 'ClearingMSP.peer'",
        "    ✗ 'TransferAgentMSP.peer'",
        "",
        "key 'k' of deeds has a rule of its own, policy OR('ClearingMSP.peer'): "
        "lacks 'ClearingMSP.peer'",
        "  ✗ 1 of 1",
        "    ✗ 'ClearingMSP.peer'",
    ]


async def test_collections_and_other_chaincodes_are_told_apart(
    tally_network: LocalNetwork,
) -> None:
    transaction_id = await rejected(tally_network, "hide", "guarded", "s", by=[ATS])
    lines = await told(tally_network, transaction_id)
    assert (
        "deeds/guarded needs policy AND('ATSMSP.peer', 'ClearingMSP.peer'): "
        "lacks 'ClearingMSP.peer'"
    ) in lines
    transaction_id = await rejected(tally_network, "keep_for", AGENT, "s", by=[ATS])
    lines = await told(tally_network, transaction_id)
    assert (
        "deeds/_implicit_org_TransferAgentMSP needs policy "
        "/Channel/Application/TransferAgentMSP/Endorsement: lacks 'TransferAgentMSP.peer'"
    ) in lines
    transaction_id = await rejected(tally_network, "put_here_and_in", "strict", "k", by=[ATS])
    lines = await told(tally_network, transaction_id)
    assert [line for line in lines if " needs " in line] == [
        "deeds needs policy OR('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer'): "
        "satisfied",
        "strict needs policy AND('ClearingMSP.peer', 'TransferAgentMSP.peer'): "
        "lacks ('ClearingMSP.peer' and 'TransferAgentMSP.peer')",
    ]


async def test_the_rule_of_a_secret_is_told_by_the_hash_of_its_key(
    tally_network: LocalNetwork,
) -> None:
    await submit(tally_network, "hide", "plain", "s", secret=True)
    await submit(tally_network, "bind_hidden", "plain", "s", [CLEARING])
    transaction_id = await rejected(tally_network, "hide", "plain", "s", by=[ATS])
    lines = await told(tally_network, transaction_id)
    assert sha256(b"s").hexdigest().startswith("043a718774c5")
    assert (
        "key with hash 043a718774c5… of deeds/plain has a rule of its own, "
        "policy OR('ClearingMSP.peer'): lacks 'ClearingMSP.peer'"
    ) in lines


async def test_a_rule_that_changed_in_the_same_block_is_told(tally_network: LocalNetwork) -> None:
    """§19 item 23."""
    await submit(tally_network, "put", "k", "old")
    contract = tally_network.contract(ATS, "deeds")
    change = await contract.new_proposal("bind", "k", "OR('ClearingMSP.peer')").endorse()
    write = await contract.new_proposal("put", "k", "new").endorse()
    commits = await asyncio.gather(*(each.submit() for each in (change, write)))
    status = [await each.status() for each in commits][1]
    assert (await told(tally_network, status.transaction_id))[-1] == (
        "Transaction … of the same block may have changed the rule of 'k', so nothing would have "
        "been enough: submit it again."
    )


async def test_a_definition_needs_the_rule_of_the_channel(tally_network: LocalNetwork) -> None:
    """§12: of the namespace _lifecycle; §14.2 where that counts the policies of members."""
    ledger = tally_network.peers[ATS].channels[tally_network.channel_id].ledger
    ids = [
        transaction_id
        for number in range(1, ledger.height)
        for transaction_id in map(transaction_id_of_entry, ledger.block(number).data.data)
    ]
    lines = [line for each in ids for line in await told(tally_network, each)]
    needing = {line for line in lines if " needs " in line}
    assert {line.partition(":")[0] for line in needing} == {
        "_lifecycle needs policy /Channel/Application/LifecycleEndorsement",
        *(
            f"_lifecycle/_implicit_org_{each} needs policy /Channel/Application/{each}/Endorsement"
            for each in (ATS, CLEARING, AGENT)
        ),
    }
    assert all(line.endswith(": satisfied") for line in needing)


async def test_a_signature_does_not_count_of_whom_the_channel_no_longer_knows(
    tally_network: LocalNetwork, tally_material: Path
) -> None:
    """§14.1, §14.5: judged by a configuration that has revoked one endorser, and lost another."""
    channel = tally_network.gateway(ATS).network(tally_network.channel_id)
    commit = await (
        await channel.contract("deeds")
        .new_proposal("put", "k", "1", endorsing_organizations=[ATS, CLEARING, AGENT])
        .endorse()
    ).submit()
    transaction_id = (await commit.status()).transaction_id
    evidence = await evidence_of(channel, transaction_id)
    before = await state_of(channel, evidence)

    msp = tally_material / CLEARING / "peers" / "peer0" / "msp" / "signcerts"
    certificate = next(msp.glob("*.pem")).read_bytes()
    crl = revocation_list(tally_material / CLEARING, certificate, now_ns=tally_network.clock())
    config = with_revocation_list(tally_network.channel_id, evidence.config.config, CLEARING, crl)
    del config.channel_group.groups["Application"].groups[AGENT]
    changed = ChannelConfig.from_config(tally_network.channel_id, config)
    lines = list(report(replace(evidence, config=changed), before))
    findings = [line for line in lines if re.match("  [✓✗] [A-Z]", line)]
    assert [line.partition(" here: ")[0] for line in findings] == [
        f"  ✓ {ATS} peer0.ats.example",
        f"  ✗ {CLEARING} peer0.clearing.example: {_revoked(certificate)}",
        f"  ✗ {AGENT} peer0.transfer-agent.example: MSP '{AGENT}' is not known",
    ]


def _revoked(certificate: bytes) -> str:
    described = describe(load_certificate(certificate))
    return (
        f"MSP '{CLEARING}' does not accept certificate {described}: it has been revoked by its CA"
    )


async def test_what_no_block_has_is_not_explained(tally_network: LocalNetwork) -> None:
    channel = tally_network.gateway(ATS).network(tally_network.channel_id)
    for transaction in ("0" * 64, "1000000"):
        with pytest.raises(NoSuchTransactionError, match="leaves no trace"):
            await evidence_of(channel, transaction)


def config_of(network: LocalNetwork) -> ChannelConfig:
    return network.peers[ATS].channels[network.channel_id].config


async def test_a_change_of_the_configuration_is_explained_by_the_one_before(
    tally_network: LocalNetwork,
) -> None:
    """§15.4: mod_policy of each element that changes."""
    orderer = tally_network.user("OrdererMSP")

    def edit(config: Config) -> Config:
        batch = ChannelConfig.from_config(tally_network.channel_id, config).batch
        return with_batch(config, replace(batch, max_message_count=7))

    number = await tally_network.governance(ATS).change(edit, [orderer])
    lines = await told(tally_network, str(number))
    assert lines == [
        "block … changes the channel's configuration",
        "block … has it as VALID",
        "",
        "signatures",
        "  ✓ OrdererMSP admin@orderer.example",
        "",
        "policy /Channel/Orderer/Admins: satisfied",
        "  it guards [Value]  /Channel/Orderer/BatchSize",
        "  ✓ 1 of the 1 policies 'Admins'",
        "    ✓ /Channel/Orderer/OrdererMSP/Admins: 1 of 1",
        "      ✓ 'OrdererMSP.admin', by OrdererMSP admin@orderer.example",
    ]
    assert (await told(tally_network, "0"))[-1] == (
        "the first block of a channel is signed by nobody: who joins vouches for it"
    )


async def test_an_update_on_its_way_tells_who_is_still_to_sign(
    tally_network: LocalNetwork,
) -> None:
    current = config_of(tally_network)
    changed = Config()
    changed.CopyFrom(current.config)
    changed.channel_group.groups["Application"].policies["Writers"].mod_policy = "Readers"
    update = unsigned_update(compute_update(tally_network.channel_id, current.config, changed))
    lines = list(report_update(current, update))
    assert lines[:5] == [
        f"an update of configuration 0 of channel {tally_network.channel_id!r}",
        "",
        "signatures: none",
        "",
        "policy /Channel/Application/Admins: lacks (4 of 'ATSMSP.admin', 'BankMSP.admin', "
        "'BrokerDealerMSP.admin', 'ClearingMSP.admin', 'IssuerMSP.admin', 'RegulatorMSP.admin', "
        "'TransferAgentMSP.admin')",
    ]
    for msp_id in (ATS, CLEARING, AGENT):
        update = signed_by(tally_network, msp_id, update)
    update = signed_by(tally_network, AGENT, update)
    lines = list(report_update(current, update))
    assert lines[3:7] == [
        "  ✓ ATSMSP admin@ats.example",
        "  ✓ ClearingMSP admin@clearing.example",
        "  ✓ TransferAgentMSP admin@transfer-agent.example",
        "  ✗ TransferAgentMSP admin@transfer-agent.example: this identity has signed already and "
        "counts once",
    ]
    assert lines[-1] == (
        "It still needs ('BankMSP.admin' or 'BrokerDealerMSP.admin' or 'IssuerMSP.admin' or "
        "'RegulatorMSP.admin')."
    )
    update = signed_by(tally_network, "BankMSP", update)
    assert list(report_update(current, update))[-1] == "It has what it needs: submit it."
    number = await tally_network.governance(ATS).submit(update)
    assert number
    assert list(report_update(config_of(tally_network), update))[-1] == (
        "It still needs to be made anew from the configuration in force."
    )


def signed_by(network: LocalNetwork, msp_id: str, update: Envelope) -> Envelope:
    return with_signature(
        update, network.user(msp_id), new_nonce=lambda: bytes(24), now_ns=network.clock()
    )
