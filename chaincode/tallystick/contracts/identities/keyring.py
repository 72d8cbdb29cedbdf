"""The keys of one identity: how they enter, and how they end."""

from collections.abc import Callable, Sequence

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identities.models import MAX_KEYS, IdentityKey
from tallystick.contracts.instants import now
from tallystick.contracts.keys import key_id, normalize_public_key
from tallystick.contracts.purposes import Purpose, serves
from tallystick.contracts.reasons import IdentityReason
from tallystick.contracts.statements import Control, NewKey


class Keyring:
    """What can be done to the keys of an identity; ``check`` must follow what ends or adds any."""

    def __init__(self, ctx: Context, identity: str) -> None:
        self._ctx = ctx
        self._identity = identity
        self._identities = Identities(ctx.state)

    def add(self, new: NewKey, wallet: str | None = None) -> None:
        """Enter a key; refuse one that this identity or another has, or once had."""
        public_key = normalize_public_key(new.public_key)
        key = key_id(public_key)
        if self._identities.owner_of_key(key) is not None:
            raise IdentityReason.KEY_EXISTS.refusal(key=key)
        row = IdentityKey(public_key=public_key, purposes=new.purposes, wallet=wallet)
        self._identities.save_key(self._identity, key, row)
        self._identities.save_owner_of_key(key, self._identity)
        self._ctx.emit(
            events.KeyAdded(
                identity=self._identity,
                key=key,
                public_key=public_key,
                purposes=tuple(map(str, new.purposes)),
                wallet=wallet,
            )
        )

    def revoke(self, key: str) -> None:
        """End a key and everything that it signed as a claim issuer's."""
        row = self._require(key, lambda each: each.revoked_at is None)
        self._save(key, row.model_copy(update={"revoked_at": now(self._ctx)}))
        self._ctx.emit(events.KeyRevoked(identity=self._identity, key=key))

    def retire(self, key: str) -> None:
        """End a key, while the claims that it signed stand."""
        row = self._require(key, lambda each: each.is_active)
        self._save(key, row.model_copy(update={"retired_at": now(self._ctx)}))
        self._ctx.emit(events.KeyRetired(identity=self._identity, key=key))

    def revoke_wallet(self, wallet: str) -> None:
        """End all keys of a wallet; refuse with WALLET_UNKNOWN when it has none."""
        keys = [
            key
            for key, row in self._identities.keys(self._identity)
            if row.wallet == wallet and row.revoked_at is None
        ]
        if not keys:
            raise IdentityReason.WALLET_UNKNOWN.refusal(identity=self._identity, wallet=wallet)
        for key in keys:
            self.revoke(key)

    def replace_all(self, keys: Sequence[NewKey]) -> None:
        """End all keys, and enter others in their place."""
        for key, row in self._identities.keys(self._identity):
            if row.revoked_at is None:
                self.revoke(key)
        for new in keys:
            self.add(new)

    def check(self, control: Control) -> None:
        """Refuse the state in which these acts leave the keys, unless it is under control.

        Raises:
            Refusal: LAST_MANAGEMENT_KEY when too few management keys would be left for the
                identity ever to act again, KEYS_TOO_MANY, or CONTROL_OUT_OF_REACH when a purpose
                asks for more keys than serve it.
        """
        rows = [row for _, row in self._identities.keys(self._identity)]
        active = [row for row in rows if row.is_active]
        managing = sum(Purpose.MANAGEMENT in row.purposes for row in active)
        if managing < control.management:
            raise IdentityReason.LAST_MANAGEMENT_KEY.refusal(
                identity=self._identity, left=managing, threshold=control.management
            )
        if len(active) > MAX_KEYS:
            raise IdentityReason.KEYS_TOO_MANY.refusal(identity=self._identity, limit=MAX_KEYS)
        for purpose in (Purpose.ACTION, Purpose.CLAIM):
            serving = sum(serves(row.purposes, purpose) for row in active)
            if serving < control.threshold(purpose):
                raise IdentityReason.CONTROL_OUT_OF_REACH.refusal(
                    identity=self._identity,
                    purpose=purpose,
                    threshold=control.threshold(purpose),
                    serving=serving,
                )

    def _require(self, key: str, counts: Callable[[IdentityKey], bool]) -> IdentityKey:
        row = self._identities.key(self._identity, key)
        if row is None or not counts(row):
            raise IdentityReason.KEY_UNKNOWN.refusal(identity=self._identity, key=key)
        return row

    def _save(self, key: str, row: IdentityKey) -> None:
        self._identities.save_key(self._identity, key, row)
