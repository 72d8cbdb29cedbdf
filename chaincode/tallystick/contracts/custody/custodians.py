"""Custodians and their clients, as one transaction sees them."""

from collections.abc import Iterator

from tallystick.chaincode import State, composite_key, split_composite_key
from tallystick.contracts.custody.models import Client, Custodian
from tallystick.contracts.reasons import CustodyReason
from tallystick.contracts.rows import load_row

_PAGE_SIZE = 1000


class Custodians:
    """Where the rows of custody lie, and how they are read and written."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, organization: str) -> Custodian | None:
        """Return what is recorded of a custodian, or None."""
        return load_row(self._state, composite_key("custodian", organization), Custodian)

    def require(self, organization: str) -> Custodian:
        """Return what is recorded of a custodian; refuse with CUSTODIAN_UNKNOWN without."""
        row = self.find(organization)
        if row is None:
            raise CustodyReason.CUSTODIAN_UNKNOWN.refusal(custodian=organization)
        return row

    def save(self, organization: str, row: Custodian) -> None:
        """Write what is recorded of a custodian."""
        self._state.save(composite_key("custodian", organization), row)

    # --- clients ---

    def is_client(self, organization: str, identity: str) -> bool:
        """Return whether a custodian safeguards for an identity."""
        return self._state.get(client_key(organization, identity)) is not None

    def save_client(self, organization: str, identity: str, row: Client) -> None:
        """Write that a custodian safeguards for an identity."""
        self._state.save(client_key(organization, identity), row)

    def delete_client(self, organization: str, identity: str) -> None:
        """Remove that a custodian safeguards for an identity."""
        self._state.delete(client_key(organization, identity))

    def clients(self, organization: str) -> Iterator[str]:
        """Yield the clients of a custodian, by id."""
        bookmark = ""
        while True:  # page by page: a scan would end without a word after so many rows
            page = self._state.partial_page(
                "client", organization, page_size=_PAGE_SIZE, bookmark=bookmark
            )
            yield from (client_of(key) for key, _ in page.rows)
            bookmark = page.bookmark
            if not bookmark:
                return


def client_key(organization: str, identity: str) -> str:
    """Return the key of the row of a custodian's client."""
    return composite_key("client", organization, identity)


def client_of(key: str) -> str:
    """Return the client that the key of a client's row names."""
    return split_composite_key(key)[1][1]
