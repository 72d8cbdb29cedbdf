"""A peer's runtimes, and Python chaincode elsewhere that they reach by gRPC."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.unit.runtime.conftest import ALICE, NoHistory, proposal

from tallystick.chaincode import Context, Contract, query, transaction
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.shim import Host
from tallystick.chaincode.shim.settings import Tls
from tallystick.chaincode.shim.workers import Workers
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest, Purpose
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Notes(Contract):
    name = "notes"

    @transaction
    def put(self, ctx: Context, key: str, value: str) -> str:
        ctx.state.put(key, value.encode())
        return ctx.transaction_id

    @query
    def name_of(self, ctx: Context) -> str:
        return ctx.client.msp_id


def host(package_id: str, *, handshake_timeout_s: float = 5.0) -> Host:
    return Host(ContractChaincode(Notes()), package_id, Workers(4), handshake_timeout_s)


@dataclass
class Caller:
    """Calls chaincodes on a runtime, as an endorser would."""

    runtime: ChaincodeRuntime
    package_ids: Mapping[str, str] = field(default_factory=dict)
    calls: int = 0

    def resolve(self, name: str) -> ResolvedChaincode | None:
        if name not in self.package_ids:
            return None
        return ResolvedChaincode(
            name=name,
            sequence=1,
            version="1.0",
            package_id=self.package_ids[name],
            init_required=False,
            endorsement_plugin="escc",
            validation_parameter=b"",
            collections=None,
        )

    async def answer(self, package_id: str, chaincode: str, *args: str) -> str:
        """Return what it answered; fail if it refused."""
        self.calls += 1
        transaction_id = f"t{self.calls}"
        arguments = [arg.encode() for arg in args]
        invocation = Invocation(
            channel_id="securities",
            transaction_id=transaction_id,
            chaincode=chaincode,
            args=arguments,
            is_init=False,
            transient={},
            creator=ALICE.creator,
            timestamp_ns=7,
            entry_chaincode=chaincode,
            signed_proposal=proposal(transaction_id, chaincode, arguments),
            simulator=Simulator(LedgerState(MemoryStore()), NoHistory(), transaction_id),
            resolve=self.resolve,
        )
        invocation = replace(
            invocation, elsewhere=lambda channel_id: replace(invocation, channel_id=channel_id)
        )
        async with asyncio.timeout(20):
            result = await self.runtime.execute(package_id, invocation)
        assert result.response.status == 200, result.response.message
        return result.response.payload.decode()


@dataclass
class Authority:
    """A CA, and the TLS material that it has issued."""

    ca: CertificateAuthority = field(
        default_factory=lambda: CertificateAuthority.create("tls", "example", now=NOW)
    )

    @property
    def roots(self) -> bytes:
        return self.ca.to_pem().certificate_pem

    def issue(self, roots: bytes = b"") -> Tls:
        request = CertificateRequest(
            "localhost", hosts=("localhost", "127.0.0.1"), purpose=Purpose.TLS
        )
        pair = self.ca.issue(request, now=NOW)
        return Tls(roots, pair.certificate_pem, pair.key_pem)
