"""Changing a channel while it is used: wire.md §15.4, through real nodes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from tallystick.client.contract import Contract
from tallystick.client.errors import ClientError
from tallystick.node.channel.config import BatchParameters
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import (
    with_batch,
    with_organization,
    with_revocation_list,
)
from tallystick.node.channel.config_signing import unsigned_update
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import ApplicationOrganization
from tallystick.node.cluster.governance import Governance, UpdateRefusedError, revocation_list
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.peer import PeerEnvironment, PeerNode
from tallystick.node.settings import MspSettings, PeerSettings
from tallystick.node.testing.connector import LocalConnector
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.node.transport.local import LocalOrderer
from tallystick.protos.common.common_pb2 import (
    LAST_CONFIG,
    SIGNATURES,
    LastConfig,
    Metadata,
    OrdererBlockMetadata,
)
from tallystick.protos.common.configtx_pb2 import Config, ConfigGroup, ConfigUpdate

METADATA = "org.hyperledger.fabric:GetMetadata"
NEWCOMER = "NewcomerMSP"
LOAD_CLIENTS = 4
APPLICATION = (
    "ATSMSP",
    "ClearingMSP",
    "TransferAgentMSP",
    "BrokerDealerMSP",
    "BankMSP",
    "IssuerMSP",
    "RegulatorMSP",
)
"""In the order in which administrators sign; four of seven are a majority."""


@pytest.fixture
def governance(tally_network: LocalNetwork) -> Governance:
    return tally_network.governance("ATSMSP")


@pytest.fixture
def majority(tally_network: LocalNetwork) -> list[SigningIdentity]:
    return [tally_network.user(msp_id) for msp_id in APPLICATION[:4]]


@pytest.fixture
def newcomer(tmp_path: Path) -> ApplicationOrganization:
    """Return an organisation that nobody has heard of yet."""
    spec = OrganizationSpec(
        NEWCOMER,
        "newcomer.example",
        peers=(NodeSpec("peer0"),),
        users=(UserSpec("admin", NodeRole.ADMIN), UserSpec("client")),
    )
    generate_organization(spec, tmp_path / NEWCOMER, now=_now())
    return ApplicationOrganization(
        NEWCOMER, msp_config_from_directory(tmp_path / NEWCOMER / "msp", NEWCOMER)
    )


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - the nodes take this time


async def submit_until(done: asyncio.Event, contract: Contract) -> int:
    """Commit transactions one after the other; return how many. Any failure is raised."""
    count = 0
    while not done.is_set():
        await contract.submit(METADATA)
        count += 1
    return count


async def until_all_have(network: LocalNetwork, height: int) -> None:
    async with asyncio.timeout(10):
        for peer in network.peers.values():
            await peer.channels[network.channel_id].watch.wait_for(height)


async def test_an_organisation_joins_under_load_and_no_transaction_fails(
    tally_network: LocalNetwork,
    governance: Governance,
    majority: list[SigningIdentity],
    newcomer: ApplicationOrganization,
) -> None:
    channel_id = tally_network.channel_id
    done = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        load = [
            tasks.create_task(submit_until(done, tally_network.contract(msp_id, "token")))
            for msp_id in APPLICATION[:LOAD_CLIENTS]
        ]
        number = await governance.change(
            lambda config: with_organization(channel_id, config, newcomer), majority
        )
        await tally_network.contract("ATSMSP", "token").submit(METADATA)
        done.set()
    assert all(task.result() for task in load)
    await until_all_have(tally_network, number + 1)
    hashes = set()
    for peer in tally_network.peers.values():
        channel = peer.channels[channel_id]
        assert NEWCOMER in channel.config.application_msp_ids
        hashes.add(channel.ledger.block(number).header.data_hash)
        assert len(channel.ledger.block(number).data.data) == 1, "§7.1, it travels alone"
    assert len(hashes) == 1


async def test_the_peer_of_a_newcomer_follows_from_the_first_block_to_the_same_state(
    tally_network: LocalNetwork,
    governance: Governance,
    majority: list[SigningIdentity],
    newcomer: ApplicationOrganization,
    tmp_path: Path,
) -> None:
    channel_id = tally_network.channel_id
    await governance.change(
        lambda config: with_organization(channel_id, config, newcomer), majority
    )
    await tally_network.contract("ATSMSP", "token").submit(METADATA)
    known = tally_network.peers["ATSMSP"].channels[channel_id]
    async with joining_peer(tally_network, governance, tmp_path) as peer, asyncio.timeout(10):
        own = peer.channels[channel_id]
        await own.watch.wait_for(known.ledger.height)
        assert own.config.config == known.config.config
        last = known.ledger.height - 1
        assert own.ledger.block(last).metadata == known.ledger.block(last).metadata, "§11"


@asynccontextmanager
async def joining_peer(
    network: LocalNetwork, governance: Governance, directory: Path
) -> AsyncIterator[PeerNode]:
    """Run the newcomer's peer, which knows the channel's first block and nothing else."""
    msp = MspSettings(id=NEWCOMER, directory=directory / NEWCOMER / "peers" / "peer0" / "msp")
    settings = PeerSettings(
        listen_address="newcomer:7051",
        data_directory=directory / "data",
        store="memory",
        genesis_blocks=(directory / "genesis.block",),
        msp=msp,
        tls=None,
    )
    genesis = network.peers["ATSMSP"].channels[network.channel_id].ledger.block(0)
    orderer = governance.orderer
    assert isinstance(orderer, LocalOrderer)
    environment = PeerEnvironment(
        clock=network.clock,
        random=Random(0),
        connector=LocalConnector(NEWCOMER, [orderer], network.peers),
    )
    signer = SigningIdentity.from_directory(msp.directory, NEWCOMER)
    async with PeerNode(settings, signer, [genesis], environment) as peer:
        yield peer


async def test_every_block_since_names_the_configuration_that_it_was_made_under(
    tally_network: LocalNetwork, governance: Governance
) -> None:
    """wire.md §7.3."""
    number = await governance.change(
        lambda config: with_batch(config, BatchParameters(max_message_count=1, timeout_s=0.5)),
        [tally_network.user("OrdererMSP"), tally_network.user("ATSMSP")],
    )
    await tally_network.contract("ATSMSP", "token").submit(METADATA)
    ledger = tally_network.peers["ATSMSP"].channels[tally_network.channel_id].ledger
    for block in (ledger.block(number), ledger.block(number + 1)):
        slots = block.metadata.metadata
        signed = OrdererBlockMetadata.FromString(Metadata.FromString(slots[SIGNATURES]).value)
        assert signed.last_config.index == number
        legacy = Metadata.FromString(slots[LAST_CONFIG]).value
        assert LastConfig.FromString(legacy).index == number


async def test_new_limits_hold_for_the_blocks_that_follow(
    tally_network: LocalNetwork, governance: Governance
) -> None:
    number = await governance.change(
        lambda config: with_batch(config, BatchParameters(max_message_count=1, timeout_s=600)),
        [tally_network.user("OrdererMSP"), tally_network.user("ATSMSP")],
    )
    contract = tally_network.contract("ATSMSP", "token")
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(contract.submit(METADATA))
    channel = tally_network.peers["ATSMSP"].channels[tally_network.channel_id]
    assert channel.config.batch.max_message_count == 1
    assert channel.ledger.height == number + 1 + 5, "each in a block of its own, and none waited"


async def test_a_revoked_certificate_opens_no_door_any_more(
    tally_network: LocalNetwork,
    tally_material: Path,
    governance: Governance,
) -> None:
    channel_id = tally_network.channel_id
    bank = tally_network.contract("BankMSP", "token")
    await bank.submit(METADATA)
    signcerts = tally_material / "BankMSP" / "users" / "client" / "msp" / "signcerts"
    certificate = next(signcerts.glob("*.pem")).read_bytes()
    crl = revocation_list(tally_material / "BankMSP", certificate, now_ns=tally_network.clock())
    number = await governance.change(
        lambda config: with_revocation_list(channel_id, config, "BankMSP", crl),
        # What changes is the bank's own MSP, so the bank's administrator decides.
        [tally_network.user("BankMSP")],
    )
    await until_all_have(tally_network, number + 1)
    with pytest.raises(ClientError):
        await bank.submit(METADATA)
    await tally_network.contract("ATSMSP", "token").submit(METADATA)


async def test_too_few_signatures_leave_everything_as_it_is(
    tally_network: LocalNetwork,
    governance: Governance,
    majority: list[SigningIdentity],
    newcomer: ApplicationOrganization,
) -> None:
    channel_id = tally_network.channel_id
    with pytest.raises(UpdateRefusedError) as refused:
        await governance.change(
            lambda config: with_organization(channel_id, config, newcomer), majority[:3]
        )
    assert refused.value.reason == (
        f"error applying config update to existing channel '{channel_id}': error authorizing "
        "update: error validating DeltaSet: policy for [Group]  /Channel/Application not "
        "satisfied: implicit policy evaluation failed - 3 sub-policies were satisfied, but this "
        "policy requires 4 of the 'Admins' sub-policies to be satisfied"
    )
    assert (await governance.config()).sequence == 0


async def test_an_update_of_what_has_changed_since_is_refused(
    tally_network: LocalNetwork, governance: Governance
) -> None:
    signers = [tally_network.user("OrdererMSP"), tally_network.user("ATSMSP")]
    before = await governance.config()
    await governance.change(
        lambda config: with_batch(config, BatchParameters(max_message_count=3)), signers
    )
    with pytest.raises(UpdateRefusedError) as refused:
        await _stale(governance, before, signers)
    assert (
        "attempt to set key [Value]  /Channel/Orderer/BatchSize to version 1, but key is at "
        in (refused.value.reason)
    )


async def _stale(governance: Governance, before: Config, signers: list[SigningIdentity]) -> None:
    wanted = with_batch(before, BatchParameters(max_message_count=4))
    update = unsigned_update(compute_update(governance.channel_id, before, wanted))
    for signer in signers:
        update = governance.sign(update, signer)
    await governance.submit(update)


async def test_an_update_without_effect_is_refused_here_and_there(
    tally_network: LocalNetwork, governance: Governance
) -> None:
    administrator = tally_network.user("ATSMSP")
    with pytest.raises(ChannelConfigError, match="no differences detected"):
        await governance.change(lambda config: config, [administrator])
    nothing = ConfigUpdate(
        channel_id=governance.channel_id, read_set=ConfigGroup(), write_set=ConfigGroup()
    )
    with pytest.raises(UpdateRefusedError) as refused:
        await governance.submit(governance.sign(unsigned_update(nothing), administrator))
    assert refused.value.reason.endswith(
        "error validating DeltaSet: delta set was empty -- update would have no effect"
    )
