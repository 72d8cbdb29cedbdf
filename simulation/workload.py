"""Honest clients: they transfer money and units, and remember what they were told."""

import asyncio
from random import Random

from simulation.auditors import Auditor
from simulation.bank import BANK, KEPT, SHARED
from simulation.clients import Clients
from simulation.founding import ACCOUNTS
from simulation.hosts import World
from simulation.register import BROKER, Register
from tallystick.client.commit import Commit
from tallystick.client.errors import ClientError, RpcFailure
from tallystick.client.proposal import Proposal

DESKS = ("ATSMSP", "ClearingMSP", "TransferAgentMSP")
_PAUSE_S = (0.0, 0.5)
_SUM_SHARE = 0.15
_NOTE_SHARE = 0.1
_NOTES = 3
_SECRET_SHARE = 0.15
_SECRETS = 4
_ASKS = 3


class Workload:
    """What honest clients do.

    Attributes:
        ended: How many calls came to each end, by its name.
        kept: Endorsed transactions that nobody submitted, as ``PreparedTransaction`` bytes.
    """

    def __init__(
        self, world: World, clients: Clients, auditor: Auditor, register: Register | None
    ) -> None:
        """Use the small contract, and the token register too if it is given."""
        self._world = world
        self._clients = clients
        self._auditor = auditor
        self._register = register
        self.ended: dict[str, int] = {}

    async def trade(self, number: int) -> None:
        """Submit one call after another, until cancelled."""
        random = self._world.chance("desk", number)
        msp_id = DESKS[number % len(DESKS)]
        while True:
            await asyncio.sleep(random.uniform(*_PAUSE_S))
            await self.submit(self._proposal(msp_id, random), msp_id)

    async def submit(self, proposal: Proposal, by: str) -> bool:
        """Submit one call; return whether it is known to have taken effect."""
        end = "lost"
        transaction_id = proposal.transaction_id
        try:
            transaction = await proposal.endorse()
            commit = await transaction.submit()
            self._auditor.was_taken(transaction_id, by)
            end = await self._told(commit)
        except (ClientError, RpcFailure) as error:
            end = type(error).__name__
        self.ended[end] = self.ended.get(end, 0) + 1
        self._world.note(f"{by} {transaction_id[:8]}: {end}")
        return end == "0"

    async def _told(self, commit: Commit) -> str:
        """Return the code of a transaction as the client learns it."""
        for _ in range(_ASKS - 1):
            try:
                return await self._status(commit)
            except (ClientError, RpcFailure):
                continue
        return await self._status(commit)

    async def _status(self, commit: Commit) -> str:
        status = await commit.status()
        self._auditor.was_committed(status.transaction_id, status.block_number, status.code)
        return str(status.code)

    def _proposal(self, msp_id: str, random: Random) -> Proposal:
        if self._register is not None and random.random() < 0.5:
            token = self._clients.contract(BROKER, "token")
            now_ns = self._world.now_ns()
            return token.new_proposal(
                "transfer", *self._register.transfer(random, now_ns, random.randint(1, 9))
            )
        return self.money_call(msp_id, random)

    def money_call(self, msp_id: str, random: Random) -> Proposal:
        """Return a call of the small contract by chance."""
        contract = self._clients.contract(msp_id, BANK)
        kind = random.random()
        if kind < _SUM_SHARE:
            return contract.new_proposal("add_up")
        if kind < _SUM_SHARE + _NOTE_SHARE:
            return contract.new_proposal("note", random.randrange(_NOTES), f"{random.random():.6f}")
        if kind < _SUM_SHARE + _NOTE_SHARE + _SECRET_SHARE:
            collection = random.choice((SHARED, KEPT))
            secret = random.randrange(_SECRETS), f"{random.random():.6f}"
            return contract.new_proposal("conceal", collection, *secret)
        sender, receiver = random.sample(range(ACCOUNTS), 2)
        return contract.new_proposal("transfer", sender, receiver, random.randint(1, 20))
