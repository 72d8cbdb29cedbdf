"""The floor: the ECDSA operations that a committed transfer cannot avoid, timed alone.

A transfer endorsed by three organisations is signed by the client (proposal, transaction, request
for the commit status) and by three endorsers. Each endorser verifies the proposal, the orderer the
transaction, the gateway the request for the status, and each of three peers the client's signature
and the endorsements of the two others; its own endorsement a peer need not verify again.
"""

import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.wire.signing import sign, verify

ENDORSERS = 3
PEERS = 3

SIGNATURES = 3 + ENDORSERS
VERIFICATIONS = ENDORSERS + 1 + 1 + PEERS * (1 + ENDORSERS - 1)

_MESSAGE = bytes(3_000)  # about what an envelope with three endorsements weighs


@dataclass(frozen=True, slots=True)
class Floor:
    """CPU time of one operation in milliseconds, and of all that one transfer needs."""

    sign_ms: float
    verify_ms: float

    @property
    def per_transfer_ms(self) -> float:
        """CPU milliseconds of ECDSA in one committed transfer, over all processes."""
        return SIGNATURES * self.sign_ms + VERIFICATIONS * self.verify_ms


def measure(repetitions: int = 2_000) -> Floor:
    """Return the cost of one signature and one verification on this machine, now."""
    key = ec.generate_private_key(ec.SECP256R1())
    public_key = key.public_key()
    signature = sign(key, _MESSAGE)
    start = time.process_time()
    for _ in range(repetitions):
        sign(key, _MESSAGE)
    signed = time.process_time()
    for _ in range(repetitions):
        verify(public_key, signature, _MESSAGE)
    verified = time.process_time()
    return Floor((signed - start) / repetitions * 1e3, (verified - signed) / repetitions * 1e3)
