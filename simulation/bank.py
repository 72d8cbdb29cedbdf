"""A small contract with what a ledger can get wrong: balances, ranges, blind writes, secrets."""

from tallystick.chaincode import Context, Contract, Refusal, query, transaction

BANK = "bank"
MEMBERS = ("ATSMSP", "ClearingMSP")
"""Organisations whose peers hold the private values."""
SHARED = "shared"
"""Collection of values that an endorser hands to another member before it signs."""
KEPT = "kept"
"""Collection of values that only their endorsers have until blocks tell of them."""
LIFE_BLOCKS = 12
"""How many blocks private values live."""

_ACCOUNT = "account-"
_END = "account."  # the next character


class BankContract(Contract):
    """Accounts whose balances always add up to what they were opened with."""

    name = BANK

    @transaction
    def open(self, ctx: Context, accounts: int, balance: int) -> None:
        """Open accounts with the same balance each."""
        for number in range(accounts):
            ctx.state.put(f"{_ACCOUNT}{number:03}", str(balance).encode())

    @transaction
    def transfer(self, ctx: Context, sender: int, receiver: int, amount: int) -> None:
        """Move an amount."""
        balances = {number: self._balance(ctx, number) for number in (sender, receiver)}
        if balances[sender] < amount:
            raise Refusal("TOO_LITTLE", f"account {sender} has {balances[sender]}")
        balances[sender] -= amount
        balances[receiver] += amount
        for number, balance in balances.items():
            ctx.state.put(f"{_ACCOUNT}{number:03}", str(balance).encode())

    @transaction
    def add_up(self, ctx: Context) -> int:
        """Write down the sum over all accounts, which every other transfer makes stale."""
        total = sum(int(value) for _, value in ctx.state.range(_ACCOUNT, _END))
        ctx.state.put("total", str(total).encode())
        return total

    @transaction
    def note(self, ctx: Context, number: int, text: str) -> None:
        """Write without reading, so that no conflict refuses what is sent again."""
        ctx.state.put(f"note-{number}", text.encode())

    @transaction
    def conceal(self, ctx: Context, collection: str, number: int, text: str) -> None:
        """Write what only members of a collection may see."""
        ctx.private(collection).put(f"secret-{number}", text.encode())

    @query
    def balance(self, ctx: Context, number: int) -> int:
        """Return a balance."""
        return self._balance(ctx, number)

    @staticmethod
    def _balance(ctx: Context, number: int) -> int:
        held = ctx.state.get(f"{_ACCOUNT}{number:03}")
        if held is None:
            raise Refusal("UNKNOWN", f"there is no account {number}")
        return int(held)
