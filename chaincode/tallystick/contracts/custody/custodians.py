"""Custodians and their clients, as one transaction sees them."""

from collections.abc import Iterator
from hashlib import sha256

from tallystick.chaincode import Context, State, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.custody.models import Client, ClientGroup, Custodian
from tallystick.contracts.readers import clients_of
from tallystick.contracts.reasons import CustodyReason
from tallystick.contracts.rows import load_row


class Custodians:
    """Where the public rows of custody lie, and how they are read and written."""

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


class Clients:
    """Whom a custodian safeguards for: private rows, each of a group of clients.

    Even the hash of a key would tell whose it is to whoever knows the pseudonyms on the register.
    So a key names one of 256 groups, into which clients fall by the hash of their names, and the
    value is salted.
    """

    def __init__(self, ctx: Context, custodian: str, secret: str = "") -> None:
        """Open the rows of a custodian; ``secret`` salts what is written, see ConfidentialRows."""
        self.rows = ConfidentialRows(ctx, clients_of(custodian), secret)

    def has(self, client: str) -> bool:
        """Return whether it is a client."""
        return any(each.client == client for each in self._group(client).clients)

    def add(self, row: Client) -> None:
        """Enter a client."""
        self._save(row.client, (*self._group(row.client).clients, row))

    def remove(self, client: str) -> None:
        """Let a client go."""
        kept = (each for each in self._group(client).clients if each.client != client)
        self._save(client, tuple(kept))

    def all(self) -> Iterator[str]:
        """Yield all clients, in no particular order; for queries."""
        for _, value in self.rows.partial("clients"):
            yield from (each.client for each in ClientGroup.model_validate_json(value).clients)

    def _group(self, client: str) -> ClientGroup:
        return self.rows.load(_group_key(client), ClientGroup) or ClientGroup()

    def _save(self, client: str, clients: tuple[Client, ...]) -> None:
        ordered = tuple(sorted(clients, key=lambda each: each.client))
        self.rows.save(_group_key(client), ClientGroup(clients=ordered))


def _group_key(client: str) -> str:
    return composite_key("clients", sha256(client.encode()).hexdigest()[:2])
