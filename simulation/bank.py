"""A small contract with what a ledger can get wrong: balances, a sum over a range, blind writes."""

from tallystick.chaincode import Context, Contract, Refusal, query, transaction

_ACCOUNT = "account-"
_END = "account."  # the next character


class BankContract(Contract):
    """Accounts whose balances always add up to what they were opened with."""

    name = "bank"

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
