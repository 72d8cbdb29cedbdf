"""Certificates that end while everything runs."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork
from tests.scenarios.faults.audit import Log, audited, health, unhealthy
from tests.scenarios.outcome import Outcome

from tallystick.client.contract import Contract
from tallystick.client.errors import ConnectError, EndorseError, SubmitError
from tallystick.client.gateway import Gateway, connect
from tallystick.client.identity import Identity, PrivateKeySigner
from tallystick.node.cluster.node import Node
from tallystick.node.membership import certificates
from tallystick.node.membership.ca import (
    CertificateAuthority,
    CertificateRequest,
    KeyPair,
    Purpose,
)
from tallystick.node.membership.renewal import OrganizationDirectory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

LIFE: Final = timedelta(seconds=30)
"""Long enough to start a peer on a machine that has much to do; an orderer, and a client's
submissions, need half of it."""
_POLL_S: Final = 0.1


def authority(network: RunningNetwork, msp_id: str, kind: str) -> CertificateAuthority:
    """Return the CA or the TLS CA of an organisation."""
    directory = network.network.material / msp_id / kind
    (certificate,) = directory.glob("*-cert.pem")
    return CertificateAuthority.from_pem(
        KeyPair(certificate.read_bytes(), (directory / "priv_sk").read_bytes())
    )


def shorten(network: RunningNetwork, node: Node, life: timedelta) -> datetime:
    """Give a stopped node certificates that soon end; return when."""
    msp_id, now = node.member.msp_id, datetime.now(UTC).replace(microsecond=0)
    holder = OrganizationDirectory(network.network.material / msp_id).holder(node.name)
    old = certificates.load_certificate(holder.signing.read_bytes())
    signing = CertificateRequest(node.name, certificates.organizational_units(old), lifetime=life)
    tls = CertificateRequest(
        node.name, hosts=("localhost", "127.0.0.1"), purpose=Purpose.TLS, lifetime=life
    )
    for kind, request, certificate, key in (
        ("ca", signing, holder.signing, holder.path / "msp" / "keystore" / "priv_sk"),
        ("tlsca", tls, holder.tls, holder.tls.with_suffix(".key")),
    ):
        pair = authority(network, msp_id, kind).issue(request, now=now)
        certificate.write_bytes(pair.certificate_pem)
        key.write_bytes(pair.key_pem)
    return now + life


async def refused_by_a_peer(network: RunningNetwork, peer: Node) -> str:
    """Return what a client is told that connects to a peer whose certificate has ended."""
    profile = network.network.profile(peer.member.msp_id)
    with pytest.raises(ConnectError, match="is its TLS certificate still valid") as refused:
        await Gateway.from_profile(profile, address=peer.address)
    return str(refused.value)


async def refused_by_an_orderer(network: RunningNetwork, orderer: Node) -> str:
    """Return why TLS with an orderer whose certificate has ended comes to nothing."""
    roots = network.network.tls_roots(orderer.member.msp_id).decode()
    context = ssl.create_default_context(cadata=roots)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired") as refused:
        await asyncio.open_connection(orderer.host, orderer.topology.port, ssl=context)
    return str(refused.value)


@pytest.mark.parametrize(
    ("kind", "life", "refused"),
    [
        pytest.param("orderer", LIFE / 2, refused_by_an_orderer, id="orderer"),
        pytest.param("peer", LIFE, refused_by_a_peer, id="peer"),
    ],
)
async def test_a_node_whose_certificates_end_warns_says_so_and_works_once_they_are_renewed(
    network: RunningNetwork,
    outcome: Outcome,
    kind: str,
    life: timedelta,
    refused: Callable[[RunningNetwork, Node], Awaitable[str]],
) -> None:
    victim = next(node for node in network.nodes if node.kind == kind)
    async with audited(network, outcome) as load:
        assert await network.stop(victim) == 0
        ends_at = shorten(network, victim, life)
        log = Log(network, victim)
        await network.start(victim)
        outcome.saw(log.line("WARNING", "server.crt (tls) expires in 0 days", "renew it"))
        assert datetime.now(UTC) < ends_at, "the machine is too slow for this test"
        await load.more_commits(20)
        outcome.saw(await unhealthy(victim, "has expired"))
        assert datetime.now(UTC) > ends_at
        assert await log.wait_for("WARNING", "server.crt (tls) has expired", "renew it")
        outcome.saw(await refused(network, victim))
        await load.more_commits(20)
        msp_id = victim.member.msp_id
        outcome.tally(
            "crypto", "renew", msp_id, victim.name, "--network", network.network.directory
        )
        assert await network.stop(victim) == 0
        await outcome.awaits("start it again", network.start(victim))
        assert await health(victim) == ""
    outcome.keep("the certificates of a node, for signatures and TLS, end while it runs")


async def client(network: RunningNetwork, lifetime: timedelta) -> Gateway:
    """Connect as a new client whose certificate lasts so long."""
    peer = network.peers[0]
    msp_id = peer.member.msp_id
    request = CertificateRequest("trader", ("client",), lifetime=lifetime)
    now = datetime.now(UTC).replace(microsecond=0)
    pair = authority(network, msp_id, "ca").issue(request, now=now)
    return await connect(
        peer.address,
        tls_root_certificates=network.network.tls_roots(msp_id),
        identity=Identity(msp_id, pair.certificate_pem),
        signer=PrivateKeySigner.from_pem(pair.key_pem),
    )


async def endorse_without_end(contract: Contract) -> None:
    """Ask for endorsements until one is refused. What is submitted, an orderer might refuse."""
    async with asyncio.timeout(2 * LIFE.total_seconds()):
        while True:
            try:
                await contract.new_proposal("write", "expiring", "again").endorse()
            except EndorseError as error:
                if not error.is_outage:
                    raise
            await asyncio.sleep(_POLL_S)


async def test_a_client_whose_certificate_ends_is_refused_from_then_on(
    network: RunningNetwork, outcome: Outcome
) -> None:
    ends_at = datetime.now(UTC) + LIFE / 2
    async with audited(network, outcome), await client(network, LIFE / 2) as gateway:
        contract = gateway.network(network.network.channel_id).contract(CHAINCODE)
        endorsed = await contract.new_proposal("write", "expiring", "endorsed").endorse()
        await contract.submit("write", "expiring", "in time")
        with pytest.raises(EndorseError, match="client identity expired") as refused:
            await endorse_without_end(contract)
        assert datetime.now(UTC) > ends_at.replace(microsecond=0)
        outcome.saw(str(refused.value))
        with pytest.raises(SubmitError, match="client identity expired") as late:
            await endorsed.submit()
        outcome.saw(str(late.value))
        async with await outcome.awaits(
            "have a new certificate issued", client(network, 100 * LIFE)
        ) as renewed:
            await (
                renewed.network(network.network.channel_id)
                .contract(CHAINCODE)
                .submit("write", "expiring", "renewed")
            )
    outcome.keep("the certificate of a client ends while it submits")
