"""Signatures as the identity contract judges them, which keeps the keys itself."""

from collections.abc import Sequence

from tallystick.chaincode import Context
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.keys import is_signature, key_id, normalize_public_key
from tallystick.contracts.parties import Authority, signed_authority
from tallystick.contracts.reasons import IdentityReason, refuse_if_any
from tallystick.contracts.statements import NewKey, Statement


def require_signatures(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent,
    new_keys: Sequence[NewKey] = (),
) -> tuple[str, ...]:
    """Spend an intent; refuse unless enough keys of ``signer`` signed, and all that are new.

    Returns the names of the keys whose signatures count, in the order given.

    Signatures of new keys show that they are held; they count for nothing else, unless they are
    written already.
    """
    authority = signed_authority(ctx, signer, statement, intent)
    entering = require_possession(signer, authority, new_keys)
    identities = Identities(ctx.state)
    known = tuple(
        each
        for each in authority.signatures
        if each.key not in entering or identities.key(signer, each.key) is not None
    )
    counted = authority.model_copy(update={"signatures": known})
    signed = identities.judged_signatures(counted)
    refuse_if_any(signed.findings)
    return signed.keys


def require_possession(
    identity: str, authority: Authority, new_keys: Sequence[NewKey]
) -> dict[str, str]:
    """Return the public keys that enter, by name; refuse unless each of them signed along.

    Otherwise somebody could enter the key of another, who could then never enter it.
    """
    entering = {}
    payload = authority.payload.encode()
    given = {each.key: each.signature for each in authority.signatures}
    for new in new_keys:
        public_key = normalize_public_key(new.public_key)
        key = key_id(public_key)
        if key not in given or not is_signature(public_key, given[key], payload):
            raise IdentityReason.KEY_NOT_HELD.refusal(identity=identity, key=key)
        entering[key] = public_key
    return entering
