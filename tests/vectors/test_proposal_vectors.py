"""Proposals that Fabric's clients signed must pass the checks of an endorser (wire.md §3.1, §4)."""

import gzip
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.vectors.recording import begun

from tallystick.node.endorsement.channel import EndorserChannel
from tallystick.node.endorsement.endorser import Endorser, EndorserNode
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.proposal import unpack
from tallystick.node.limits.rates import ClientRates
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.runtime import Invocation, InvocationResult
from tallystick.node.settings import ClientRateSettings
from tallystick.node.system.access import AccessControl
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.proposal_pb2 import SignedProposal

CHANNEL, MSP_ID = "meeting", "OneMSP"
FOLDER = Path(__file__).parent / "proposals"
PROPOSALS = [
    (entry["client"], SignedProposal.FromString(bytes.fromhex(entry["signed"])))
    for entry in json.loads((FOLDER / "proposals.json").read_text(encoding="utf-8"))
]
GENESIS = Block.FromString(gzip.decompress((FOLDER / "genesis.gz").read_bytes()))
SECRET = {"value": b"\x00\x01\xff", "second": b"text"}


class Asked(NamedTuple):
    """What the recorded client was told to send."""

    chaincode: str
    args: tuple[bytes, ...]
    channel_id: str = CHANNEL
    is_init: bool = False
    transient: dict[str, bytes] = {}  # noqa: RUF012 - nobody changes it


ASKED = [
    Asked("probe", (b"get", b"a")),
    Asked("probe", (b"get", b"a")),
    Asked("probe", (b"put", b"a", b"1")),
    Asked("probe", (b"begin",), is_init=True),
    Asked("probe", (b"hide", b"shared", b"k"), transient=SECRET),
    Asked("cscc", (b"GetChannels",), channel_id=""),
    Asked("qscc", (b"GetChainInfo", CHANNEL.encode()), channel_id=""),
    Asked("_lifecycle", (b"QueryInstalledChaincodes",), channel_id=""),
    Asked("_lifecycle", (b"QueryChaincodeDefinitions",)),
    Asked("_lifecycle", (b"CheckCommitReadiness",)),
    Asked("probe", (b"get", b"a")),
    Asked("probe", (b"put", b"a", b"1")),
    Asked("probe", (b"hide", b"shared", b"k"), transient=SECRET),
    Asked("probe", (b"put", b"a", b"\x00\xff")),
    Asked("probe", (b"org.example.Probe:get",)),
]


class Idle:
    """Stands for what no proposal gets to that only passes the checks."""

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        raise AssertionError(f"{invocation} came to {package_id}")

    async def keep(
        self, channel: EndorserChannel, transaction_id: str, private_results: bytes
    ) -> None:
        raise AssertionError(f"{transaction_id} came to {channel} with {private_results!r}")


class NoSigner:
    identity = b""

    def sign(self, message: bytes) -> bytes:
        raise AssertionError(f"{message!r} is to be endorsed")


async def endorser_at(now_ns: int, directory: Path) -> Endorser:
    """Return the endorser of a peer of the client's organisation, without any chaincode."""
    channel = await begun(GENESIS, directory, MSP_ID)
    msp = channel.config.msps.get(MSP_ID)
    assert msp is not None
    return Endorser(
        {CHANNEL: channel},
        EndorserNode(
            runtime=Idle(),
            packages=PackageStore(directory / "packages"),
            system={},
            access=AccessControl(MspRegistry([msp]), MSP_ID),
            signer=NoSigner(),
            checker=SignatureChecker(),
            private_data=Idle(),
            rates=ClientRates.on_loop(ClientRateSettings()),
            clock=lambda: now_ns,
            metrics=PeerMetrics(),
        ),
    )


@pytest.mark.parametrize(
    ("signed", "asked"),
    [
        pytest.param(signed, asked, id=client)
        for (client, signed), asked in zip(PROPOSALS, ASKED, strict=True)
    ],
)
async def test_a_proposal_of_a_client_of_fabric_is_read_and_found_good(
    tmp_path: Path, signed: SignedProposal, asked: Asked
) -> None:
    proposal = unpack(signed)
    endorser = await endorser_at(proposal.timestamp_ns, tmp_path)

    answer = (await endorser.process(signed)).response

    assert (proposal.chaincode, proposal.channel_id) == (asked.chaincode, asked.channel_id)
    assert tuple(proposal.args)[: len(asked.args)] == asked.args
    assert (proposal.is_init, dict(proposal.transient)) == (asked.is_init, asked.transient)
    # Only the chaincode is not there, which comes after all checks of the proposal.
    assert (answer.status, answer.message) == (
        500,
        f"make sure the chaincode {asked.chaincode} has been successfully defined on channel "
        f"{asked.channel_id} and try again: chaincode {asked.chaincode} not found",
    )


@pytest.mark.parametrize(
    ("late_s", "spoilt", "refusal"),
    [
        pytest.param(0, True, r"access denied: channel \[meeting\] creator org \[OneMSP\]"),
        pytest.param(61, False, "incorrect timestamp"),
        pytest.param(-61, False, "incorrect timestamp"),
    ],
    ids=["its signature is of something else", "it comes too late", "it comes too early"],
)
async def test_the_same_proposals_are_refused_when(
    tmp_path: Path, *, late_s: int, spoilt: bool, refusal: str
) -> None:
    for _, signed in (PROPOSALS[0], PROPOSALS[-1]):
        sent = SignedProposal()
        sent.CopyFrom(signed)
        if spoilt:
            sent.signature = PROPOSALS[1][1].signature
        now_ns = unpack(signed).timestamp_ns + late_s * 1_000_000_000
        endorser = await endorser_at(now_ns, tmp_path / signed.signature.hex()[:16])

        with pytest.raises(ProposalRefusedError, match=refusal):
            await endorser.process(sent)
