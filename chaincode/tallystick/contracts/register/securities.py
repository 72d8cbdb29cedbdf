"""Securities and stops of holders, as one transaction sees them."""

from tallystick.chaincode import State, composite_key
from tallystick.contracts.book import Account
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import Freeze, Security
from tallystick.contracts.rows import load_row


class Securities:
    """Where the rows of securities lie, and how they are read and written."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, security: str) -> Security | None:
        """Return a security, or None."""
        return load_row(self._state, security_key(security), Security)

    def require(self, security: str) -> Security:
        """Return a security; refuse with SECURITY_UNKNOWN when there is none."""
        row = self.find(security)
        if row is None:
            raise RegisterReason.SECURITY_UNKNOWN.refusal(security=security)
        return row

    def save(self, row: Security) -> None:
        """Write a security."""
        self._state.save(security_key(row.terms.security), row)

    def freeze(self, account: Account) -> Freeze | None:
        """Return the freeze of a holder, or None."""
        return load_row(self._state, freeze_key(account), Freeze)

    def save_freeze(self, account: Account, row: Freeze) -> None:
        """Write the freeze of a holder."""
        self._state.save(freeze_key(account), row)

    def delete_freeze(self, account: Account) -> None:
        """Remove the freeze of a holder."""
        self._state.delete(freeze_key(account))


def security_key(security: str) -> str:
    """Return the key of a security's row."""
    return composite_key("security", security)


def freeze_key(account: Account) -> str:
    """Return the key of the row of a holder's freeze."""
    return composite_key("freeze", *account)
