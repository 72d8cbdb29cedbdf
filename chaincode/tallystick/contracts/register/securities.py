"""Securities, as one transaction sees them."""

from tallystick.chaincode import State, composite_key
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import Security, SecurityTerms
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

    def change(self, security: str, **changes: str | int | SecurityTerms | None) -> None:
        """Change what is said of a security; refuse with SECURITY_UNKNOWN when there is none."""
        self.save(self.require(security).model_copy(update=changes))

    def save(self, row: Security) -> None:
        """Write a security."""
        self._state.save(security_key(row.terms.security), row)


def security_key(security: str) -> str:
    """Return the key of a security's row."""
    return composite_key("security", security)
