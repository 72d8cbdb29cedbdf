"""A transaction signed by somebody who is not connected to anything.

The online side knows the certificate only; the offline side sees four digests: of the proposal, the
transaction, and the requests for its verdict and its event. What passes between them is bytes, so a
file or a queue could lie in between.

Run it beside a network: python examples/sign_offline.py
"""

import asyncio
import secrets
from pathlib import Path

from tallystick.client import Identity, PrivateKeySigner, connect
from tallystick.client.profile import Profile

PROFILE = Path(".tallystick/profiles/BankMSP.json")


async def main() -> None:
    """Propose, endorse, submit and confirm, with each signature made on the offline side."""
    profile = Profile.load(PROFILE)
    assert isinstance(profile.key, Path), "a key on a token signs by HsmSigner"
    offline = PrivateKeySigner.from_file(profile.key)
    cash = f"USD-{secrets.token_hex(3)}"

    async with await connect(
        profile.gateway,
        tls_root_certificates=profile.tls_ca.read_bytes(),
        identity=Identity.from_file(profile.msp_id, profile.certificate),
    ) as gateway:
        network = gateway.network(profile.channel)
        contract = network.contract("cash")
        draft = contract.new_proposal("open_cash", cash, "USD").to_bytes()

        proposal = gateway.proposal(draft)
        proposal.add_signature(offline.sign_digest(proposal.digest))
        transaction = await proposal.endorse()
        transaction.add_signature(offline.sign_digest(transaction.digest))
        commit = await transaction.submit()
        commit.add_signature(offline.sign_digest(commit.digest))
        status = await commit.status()
        print(f"{cash}: {status.code_name} in block {status.block_number}")

        request = network.new_chaincode_events_request("cash", start_block=status.block_number)
        request.add_signature(offline.sign_digest(request.digest))
        async with request.events() as events:
            print((await anext(events)).name)


if __name__ == "__main__":
    asyncio.run(main())
