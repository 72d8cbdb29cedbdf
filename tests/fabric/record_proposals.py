"""Records the proposals that clients of Fabric sign: the ``peer`` tool, and the gateway for Node.

Run ``FABRIC_BIN=<folder> python -m tests.fabric.record_proposals <directory> <scratch directory>``
after ``npm ci`` in ``tests/interop``.
"""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import grpc
from tests.fabric.foundation import CHANNEL, ONE, Foundation, found, new_ports
from tests.fabric.processes import ToolFailedError
from tests.fabric.real_nodes import RealPeer

from tallystick.node.transport.credentials import KeyPair, ServerTls
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.gateway.gateway_pb2 import EndorseRequest, EvaluateRequest
from tallystick.protos.peer.proposal_pb2 import SignedProposal

Commands = Sequence[Sequence[str]]
Unary = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]

NODE_CLIENT: Final = Path(__file__).parent.parent / "interop" / "propose.mjs"
_CALL: Final = ("-C", CHANNEL, "-n", "probe", "-c")
_DEFINITION: Final = ("-C", CHANNEL, "-n", "probe", "-v", "1.0", "--sequence", "1")
CLIENT_COMMANDS: Final[Commands] = (
    ("chaincode", "query", *_CALL, '{"Args":["get","a"]}'),
    ("chaincode", "query", *_CALL, '{"function":"get","Args":["a"]}'),
)
ORDERED_COMMANDS: Final[Commands] = (
    ("chaincode", "invoke", *_CALL, '{"Args":["put","a","1"]}'),
    ("chaincode", "invoke", *_CALL, '{"Args":["begin"]}', "--isInit"),
    ("chaincode", "invoke", *_CALL, '{"Args":["hide","shared","k"]}', "--transient",
     '{"value":"AAH/","second":"dGV4dA=="}'),
)  # fmt: skip
ADMIN_COMMANDS: Final[Commands] = (
    ("channel", "list"),
    ("channel", "getinfo", "-c", CHANNEL),
    ("lifecycle", "chaincode", "queryinstalled"),
    ("lifecycle", "chaincode", "querycommitted", "-C", CHANNEL),
    ("lifecycle", "chaincode", "checkcommitreadiness", *_DEFINITION),
)


class Recorder:
    """A peer that writes down what it is asked and answers nothing."""

    def __init__(self) -> None:
        self.proposals: list[tuple[str, SignedProposal]] = []
        self.client = ""

    def endorser(self) -> grpc.GenericRpcHandler:
        """Return the service for the ``peer`` tool."""
        handler = self._unary(SignedProposal.FromString)
        return _service("protos.Endorser", {"ProcessProposal": handler})

    def gateway(self) -> grpc.GenericRpcHandler:
        """Return the service for gateway clients."""
        return _service(
            "gateway.Gateway",
            {
                "Evaluate": self._unary(
                    lambda data: EvaluateRequest.FromString(data).proposed_transaction
                ),
                "Endorse": self._unary(
                    lambda data: EndorseRequest.FromString(data).proposed_transaction
                ),
            },
        )

    def _unary(self, proposal_in: Callable[[bytes], SignedProposal]) -> Unary:
        async def handle(
            request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]"
        ) -> bytes:
            self.proposals.append((self.client, proposal_in(request)))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "recorded")
            raise AssertionError("abort raises")

        return handle


def _service(name: str, methods: dict[str, Unary]) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(handle) for method, handle in methods.items()
    }
    return grpc.method_handlers_generic_handler(name, handlers)


async def main(target: Path, scratch: Path) -> None:
    """Record into the directory ``target``; ``scratch`` must not exist."""
    scratch.mkdir(parents=True)  # noqa: ASYNC240 - a program of its own
    ports = new_ports()
    foundation = found(scratch / "crypto", ports)
    peer = RealPeer(foundation, ONE, "peer0", scratch / ONE, ports.peers[ONE, "peer0"])
    peer.configure()
    tls = foundation.node(ONE, "peer0") / "tls"
    key_pair = KeyPair((tls / "server.crt").read_bytes(), (tls / "server.key").read_bytes())
    recorder, server = Recorder(), new_server()
    server.add_generic_rpc_handlers((recorder.endorser(), recorder.gateway()))
    async with serving(server, peer.address, tls=ServerTls(key_pair), grace_s=0.2):
        to_orderer = ("-o", peer.address, "--tls", "--cafile", str(foundation.tls_root(ONE)))
        for words in CLIENT_COMMANDS:
            await ask(recorder, peer, words, user="client")
        for words in ORDERED_COMMANDS:
            await ask(recorder, peer, words, *to_orderer, user="client")
        for words in ADMIN_COMMANDS:
            await ask(recorder, peer, words, user="admin")
        await ask_from_node(recorder, peer)
    write(target, foundation, recorder)


async def ask(
    recorder: Recorder, peer: RealPeer, words: Sequence[str], *more: str, user: str
) -> None:
    """Run one command of the ``peer`` tool, which must come to send a proposal."""
    recorder.client = f"peer {' '.join(words)}"
    before, reason = len(recorder.proposals), ""
    try:
        await peer.tool(*words, *more, user=user)
    except ToolFailedError as error:
        reason = str(error)
    assert len(recorder.proposals) > before, reason
    del recorder.proposals[before + 1 :]  # what it sends again


async def ask_from_node(recorder: Recorder, peer: RealPeer) -> None:
    """Let the gateway client for Node send its proposals."""
    recorder.client = "@hyperledger/fabric-gateway"
    user = peer.foundation.user(ONE, "client") / "msp"
    (certificate,) = (user / "signcerts").iterdir()
    (key,) = (user / "keystore").iterdir()
    running = await asyncio.create_subprocess_exec(
        "node", str(NODE_CLIENT),
        env={**os.environ, "GATEWAY": peer.address, "MSP_ID": ONE, "CHANNEL": CHANNEL,
             "TLS_CA": str(peer.foundation.tls_root(ONE)), "CERTIFICATE": str(certificate),
             "KEY": str(key)},
    )  # fmt: skip
    assert await running.wait() == 0


def write(target: Path, foundation: Foundation, recorder: Recorder) -> None:
    """Write down the proposals, and the channel by whose rules they are to be judged."""
    target.mkdir(exist_ok=True)
    genesis = gzip.compress(foundation.genesis.SerializeToString(), mtime=0)
    (target / "genesis.gz").write_bytes(genesis)
    proposals = [
        {"client": client, "signed": signed.SerializeToString().hex()}
        for client, signed in recorder.proposals
    ]
    (target / "proposals.json").write_text(json.dumps(proposals, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
