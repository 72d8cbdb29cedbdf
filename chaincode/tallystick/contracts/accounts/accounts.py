"""Challenges and links, as one transaction sees them."""

from collections.abc import Iterator

from tallystick.chaincode import State, composite_key, split_composite_key
from tallystick.contracts.accounts.models import Account, AccountLine, Challenge, Links
from tallystick.contracts.rows import load_row

_NO_LINKS = Links()


class Accounts:
    """Where the rows of accounts lie, and how they are read and written."""

    def __init__(self, state: State) -> None:
        self._state = state

    def challenge(self, venue: str, challenge: str) -> Challenge | None:
        """Return a challenge, spent or not, or None."""
        return load_row(self._state, composite_key("challenge", venue, challenge), Challenge)

    def save_challenge(self, venue: str, challenge: str, row: Challenge) -> None:
        """Write a challenge."""
        self._state.save(composite_key("challenge", venue, challenge), row)

    def account(self, venue: str, account: str) -> Account | None:
        """Return whose account it is, or None."""
        return load_row(self._state, composite_key("account", venue, account), Account)

    def link(self, venue: str, account: str, row: Account) -> None:
        """Write that an account belongs to an identity."""
        self._state.save(composite_key("account", venue, account), row)
        accounts = tuple(sorted({*self.links(row.identity, venue).accounts, account}))
        self._state.save(links_key(row.identity, venue), Links(accounts=accounts))

    def unlink(self, venue: str, account: str, identity: str) -> None:
        """Remove that an account belongs to an identity."""
        self._state.delete(composite_key("account", venue, account))
        kept = tuple(each for each in self.links(identity, venue).accounts if each != account)
        if kept:
            self._state.save(links_key(identity, venue), Links(accounts=kept))
        else:
            self._state.delete(links_key(identity, venue))

    def links(self, identity: str, venue: str) -> Links:
        """Return the accounts of an identity at a venue."""
        return load_row(self._state, links_key(identity, venue), Links) or _NO_LINKS

    def of(self, identity: str) -> Iterator[AccountLine]:
        """Yield all accounts of an identity, by venue."""
        for key, value in self._state.partial("links", identity):
            _, (_, venue) = split_composite_key(key)
            for account in Links.model_validate_json(value).accounts:
                yield AccountLine(venue=venue, account=account)


def links_key(identity: str, venue: str) -> str:
    """Return the key of the row of an identity's accounts at a venue."""
    return composite_key("links", identity, venue)
