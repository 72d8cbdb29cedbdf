"""A peer endorses, and an orderer signs blocks, with keys that never leave a SoftHSM token."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork, running_network

from tallystick.node.cli.doctor.command import examine
from tallystick.node.cli.doctor.findings import Finding, State
from tallystick.node.cluster.node import Node
from tallystick.protos.common.common_pb2 import (
    SIGNATURES,
    Block,
    Envelope,
    Metadata,
    Payload,
    SignatureHeader,
)
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.skipif(
        shutil.which("softhsm2-util") is None,
        reason="SoftHSM is not installed: make softhsm, or the package softhsm2 of Debian",
    ),
]

LIBRARY = Path(os.environ.get("SOFTHSM2_LIBRARY", "/usr/lib/softhsm/libsofthsm2.so"))
PIN = "1234"
TIMEOUT_S = 60


def softhsm(*arguments: str) -> None:
    """Run SoftHSM's own tool."""
    command = ("softhsm2-util", *arguments)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the label of a new token, whose PIN is in a file."""
    (tmp_path / "tokens").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    softhsm("--init-token", "--free", "--label", "nodes", "--so-pin", "5678", "--pin", PIN)
    return "nodes"


async def move_to_token(network: RunningNetwork, node: Node, token: str, pin_file: Path) -> bytes:
    """Let a node go on with its key on the token, and not in a file; return its certificate."""
    msp = network.network.node_material(node) / "msp"
    key = msp / "keystore" / "priv_sk"
    await network.stop(node)
    where = (
        "--token",
        token,
        "--pin",
        PIN,
        "--label",
        node.name,
        "--id",
        f"{node.topology.port:04x}",
    )
    softhsm("--import", str(key), *where)
    key.unlink()
    with network.network.settings_file(node).open("a", encoding="utf-8") as settings:
        settings.write(
            f'\n[msp.pkcs11]\nlibrary = "{LIBRARY}"\ntoken = "{token}"\nlabel = "{node.name}"\n'
            f'pin_file = "{pin_file}"\n'
        )
    await network.start(node)
    (certificate,) = (msp / "signcerts").glob("*.pem")
    return certificate.read_bytes()


def endorsers(block: Block) -> set[bytes]:
    """Return the certificates of those who endorsed the only transaction of a block."""
    (entry,) = block.data.data
    transaction = Transaction.FromString(
        Payload.FromString(Envelope.FromString(entry).payload).data
    )
    action = ChaincodeActionPayload.FromString(transaction.actions[0].payload).action
    return {SerializedIdentity.FromString(each.endorser).id_bytes for each in action.endorsements}


def signer(block: Block) -> bytes:
    """Return the certificate of the orderer that signed a block."""
    (signature,) = Metadata.FromString(block.metadata.metadata[SIGNATURES]).signatures
    header = SignatureHeader.FromString(signature.signature_header)
    return SerializedIdentity.FromString(header.creator).id_bytes


async def test_a_peer_and_an_orderer_sign_with_keys_on_a_token(tmp_path: Path, token: str) -> None:
    pin_file = tmp_path / "pin"
    pin_file.touch(mode=0o600)
    pin_file.write_text(PIN)
    async with running_network(tmp_path / "network") as network:
        peer, other, third = network.peers
        certified = await move_to_token(network, peer, token, pin_file)
        ordering = await move_to_token(network, network.orderer, token, pin_file)
        await network.stop(third)  # so that the peer with its key on the token must endorse

        contract = network.gateways[other.name].network().contract(CHAINCODE)
        async with asyncio.timeout(TIMEOUT_S):
            await contract.submit("write", "key", "value")
        block = await network.block(other, await network.height(other) - 1)

        assert certified in endorsers(block)
        assert signer(block) == ordering

        settings = network.network.settings_file(peer)
        assert [(each.state, each.text) for each in await of_the_key(settings)] == [
            (State.OK, "signs, with the key of the node's certificate")
        ]
        pin_file.write_text("4321")
        pin_file.chmod(0o640)
        exposed, unusable = await of_the_key(settings)
        assert exposed.text == "others than its owner may use it (mode 0640)"
        assert unusable.state is State.FAILED
        assert "[msp.pkcs11] cannot be used" in unusable.text


async def of_the_key(settings: Path) -> list[Finding]:
    """Return what the doctor says of a node's key and PIN."""
    found = await examine(settings)
    return [
        each
        for each in found
        if each.check == "keys" and (each.subject.startswith("token ") or "pin" in each.subject)
    ]
