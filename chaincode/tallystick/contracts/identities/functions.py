"""Identities and their keys, as callers of the identity contract see them."""

from tallystick.chaincode import Context, transaction
from tallystick.contracts import events
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identities.keyring import Keyring
from tallystick.contracts.identities.models import Identity
from tallystick.contracts.identities.signatures import require_possession, require_signatures
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.keys import key_id, normalize_public_key
from tallystick.contracts.licensed import licensed
from tallystick.contracts.licensing.part import IdentityPart
from tallystick.contracts.parties import signed_authority
from tallystick.contracts.powers import Power
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import IdentityReason
from tallystick.contracts.statements import (
    ControlSet,
    KeyAddition,
    KeyRetirement,
    KeyRevocation,
    KeyRotation,
    Recovery,
    Registration,
    SubAccountOpened,
    WalletLinked,
    WalletUnlinked,
)


class IdentityFunctions(IdentityPart):
    """Identities, keys and wallets.

    Any licensed member of the channel may submit what an identity has signed; the signatures are
    the authority.
    """

    @transaction
    @licensed()
    def register_identity(
        self, ctx: Context, registration: Registration, intent: SignedIntent
    ) -> None:
        """Create an identity; signed with all of its keys, and first with a management key."""
        identity = registration.identity
        identities = Identities(ctx.state)
        if identities.find(identity) is not None:
            raise IdentityReason.IDENTITY_EXISTS.refusal(identity=identity)
        if intent.key not in [
            key_id(normalize_public_key(key.public_key))
            for key in registration.keys
            if Purpose.MANAGEMENT in key.purposes
        ]:
            raise IdentityReason.MANAGEMENT_KEY_MISSING.refusal(identity=identity)
        row = Identity(
            identity=identity,
            party=registration.party,
            data_hash=registration.data_hash,
            registered_at=now(ctx),
            control=registration.control,
        )
        identities.save(row)
        ctx.emit(
            events.IdentityRegistered(
                identity=identity, party=registration.party, data_hash=registration.data_hash
            )
        )
        keyring = Keyring(ctx, identity)
        for key in registration.keys:
            keyring.add(key)
        _tell_control(ctx, row)
        require_signatures(ctx, identity, registration, intent, registration.keys)
        keyring.check(registration.control)

    @transaction
    @licensed()
    def open_sub_account(
        self, ctx: Context, opened: SubAccountOpened, intent: SignedIntent
    ) -> None:
        """Give an identity a further line of the register, with the same keys and claims."""
        identities = Identities(ctx.state)
        owner = identities.require_controlling(opened.identity)
        if identities.find(opened.account) is not None:
            raise IdentityReason.IDENTITY_EXISTS.refusal(identity=opened.account)
        require_signatures(ctx, owner.identity, opened, intent)
        identities.save(
            Identity(
                identity=opened.account,
                party="account",
                data_hash=None,
                registered_at=now(ctx),
                account_of=owner.identity,
            )
        )
        ctx.emit(events.SubAccountOpened(identity=owner.identity, account=opened.account))

    # --- keys ---

    @transaction
    @licensed()
    def add_key(self, ctx: Context, addition: KeyAddition, intent: SignedIntent) -> None:
        """Give an identity one more key; signed with management keys, and with the new one."""
        row = Identities(ctx.state).require_controlling(addition.identity)
        require_signatures(ctx, row.identity, addition, intent, [addition.key])
        keyring = Keyring(ctx, row.identity)
        keyring.add(addition.key)
        keyring.check(row.control)

    @transaction
    @licensed()
    def rotate_key(self, ctx: Context, rotation: KeyRotation, intent: SignedIntent) -> None:
        """Replace a key; signed with management keys, one of which may go, and with the new one."""
        row = Identities(ctx.state).require_controlling(rotation.identity)
        require_signatures(ctx, row.identity, rotation, intent, [rotation.new])
        keyring = Keyring(ctx, row.identity)
        keyring.add(rotation.new)
        keyring.revoke(rotation.old)
        keyring.check(row.control)

    @transaction
    @licensed()
    def retire_key(self, ctx: Context, retirement: KeyRetirement, intent: SignedIntent) -> None:
        """Let a key sign nothing more, while the claims that it signed stand."""
        row = Identities(ctx.state).require_controlling(retirement.identity)
        require_signatures(ctx, row.identity, retirement, intent)
        keyring = Keyring(ctx, row.identity)
        keyring.retire(retirement.key)
        keyring.check(row.control)

    @transaction
    @licensed()
    def revoke_key(self, ctx: Context, revocation: KeyRevocation, intent: SignedIntent) -> None:
        """End a key, at once and everywhere; the claims that it signed count no longer."""
        row = Identities(ctx.state).require_controlling(revocation.identity)
        require_signatures(ctx, row.identity, revocation, intent)
        keyring = Keyring(ctx, row.identity)
        keyring.revoke(revocation.key)
        keyring.check(row.control)

    @transaction
    @licensed()
    def set_control(self, ctx: Context, chosen: ControlSet, intent: SignedIntent) -> None:
        """Say how many keys must sign together; signed under the rule that was in force."""
        identities = Identities(ctx.state)
        row = identities.require_controlling(chosen.identity)
        require_signatures(ctx, row.identity, chosen, intent)
        Keyring(ctx, row.identity).check(chosen.control)
        changed = row.model_copy(update={"control": chosen.control})
        identities.save(changed)
        _tell_control(ctx, changed)

    @transaction
    @licensed()
    def link_wallet(self, ctx: Context, linked: WalletLinked, intent: SignedIntent) -> None:
        """Give an identity the keys of a wallet; signed with management keys, and with all new."""
        row = Identities(ctx.state).require_controlling(linked.identity)
        require_signatures(ctx, row.identity, linked, intent, linked.keys)
        keyring = Keyring(ctx, row.identity)
        for key in linked.keys:
            keyring.add(key, linked.wallet)
        keyring.check(row.control)

    @transaction
    @licensed()
    def unlink_wallet(self, ctx: Context, unlinked: WalletUnlinked, intent: SignedIntent) -> None:
        """End all keys of a wallet, at once and everywhere."""
        row = Identities(ctx.state).require_controlling(unlinked.identity)
        require_signatures(ctx, row.identity, unlinked, intent)
        keyring = Keyring(ctx, row.identity)
        keyring.revoke_wallet(unlinked.wallet)
        keyring.check(row.control)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def recover_identity(self, ctx: Context, recovery: Recovery, intent: SignedIntent) -> None:
        """Replace all keys of an identity that has lost them; signed with all the new ones.

        Units, lots, locks, allowances, pending trades, links and counters stay where they are: they
        belong to the identity, not to its keys. Every key that it had is dead from now on.
        """
        identities = Identities(ctx.state)
        row = identities.require_controlling(recovery.identity)
        authority = signed_authority(ctx, row.identity, recovery, intent)
        require_possession(row.identity, authority, recovery.keys)
        keyring = Keyring(ctx, row.identity)
        keyring.replace_all(recovery.keys)
        keyring.check(row.control)
        identities.save(row.model_copy(update={"recovered_at": now(ctx)}))
        ctx.emit(
            events.IdentityRecovered(
                identity=row.identity, evidence_hash=recovery.evidence_hash, by=ctx.client.msp_id
            )
        )


def _tell_control(ctx: Context, row: Identity) -> None:
    ctx.emit(events.ControlChanged(identity=row.identity, **row.control.model_dump()))
