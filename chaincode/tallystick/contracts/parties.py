"""The one question that other contracts ask the identity contract, and its answer.

Do these parties have the claims they need, and does this signature or mandate count? One call
answers for all parties of a transaction.
"""

from collections.abc import Sequence

from tallystick.chaincode import Context
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.intents import SignedIntent, spend
from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.reasons import Finding, refuse_if_any
from tallystick.contracts.statements import Statement


class Requirement(Model):
    """A claim that somebody must have: a topic and the least level of it."""

    topic: Identifier
    level: Quantity = 1


class Party(Model):
    """An identity and what it must fulfil; without requirements it need only be registered."""

    identity: str
    requirements: tuple[Requirement, ...] = ()


class Authority(Model):
    """By whose right an act is submitted: a participant's under a mandate, or a signature's.

    Attributes:
        identity: Who acts.
        participant: MSP that submits under a mandate; None when the act is signed.
        payload: The bytes that must be signed, as text.
        key: Name of the signing key.
        signature: In base64.
    """

    identity: str
    participant: str | None = None
    payload: str = ""
    key: str = ""
    signature: str = ""


class PartiesCheck(Model):
    """The question: what stands against these parties and this authority now?"""

    parties: tuple[Party, ...]
    authority: Authority | None = None


class PartiesReport(Model):
    """The answer; no findings means no objection.

    Attributes:
        parties: One list of findings per party, in the order of the question.
        authority: Findings against the authority.
    """

    parties: tuple[tuple[Finding, ...], ...]
    authority: tuple[Finding, ...] = ()


def authority_for(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent | None,
    nonces: ConfidentialRows | None = None,
) -> Authority:
    """Return the authority that an act claims: its signature, or else the submitter's mandate.

    The nonce of a signature is used up here; whether signature or mandate counts, the identity
    contract says in ``check_parties``.

    Raises:
        Refusal: INTENT_EXPIRED or INTENT_ALREADY_USED.
    """
    if intent is None:
        return Authority(identity=signer, participant=ctx.client.msp_id)
    payload = spend(ctx, signer, statement, intent, nonces)
    return Authority(
        identity=signer, payload=payload.decode(), key=intent.key, signature=intent.signature
    )


def check_parties(
    ctx: Context, parties: Sequence[Party], authority: Authority | None = None
) -> PartiesReport:
    """Ask the identity contract what stands against these parties and this authority now."""
    check = PartiesCheck(parties=tuple(parties), authority=authority)
    return PartiesReport.model_validate_json(ctx.invoke(Chaincode.IDENTITY, "check_parties", check))


def require_authority(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent | None,
    nonces: ConfidentialRows | None = None,
) -> None:
    """Refuse an act unless the signer signed it or gave the submitting participant a mandate."""
    authority = authority_for(ctx, signer, statement, intent, nonces)
    report = check_parties(ctx, [Party(identity=signer)], authority)
    refuse_if_any([*report.parties[0], *report.authority])


def mandate_findings(ctx: Context, identity: str) -> Sequence[Finding]:
    """Return why the submitting participant may not act for an identity; nothing when it may."""
    authority = Authority(identity=identity, participant=ctx.client.msp_id)
    return check_parties(ctx, (), authority).authority
