"""Who may do what with a cash: the bank that owes it, and those who may read its accounts."""

from collections.abc import Mapping

from tallystick.chaincode import Context
from tallystick.contracts.cash.models import Cash, CashKind
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.parties import (
    Exercised,
    Party,
    check_parties,
    require_licences,
    signed_authority,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import reading_findings
from tallystick.contracts.reasons import MoneyReason, refuse_if_any
from tallystick.contracts.statements import MoneyFunded, ReceiptMade

ISSUING: Mapping[CashKind, Power] = {
    CashKind.DEPOSIT: Power.ISSUE_CASH,
    CashKind.CENTRAL_BANK: Power.ISSUE_CENTRAL_BANK_MONEY,
}
"""Which power the bank needs, by whose money it is."""


def banks_vault(ctx: Context, cash: str, secret: str = "") -> Vault:
    """Return the vault if the submitter is the bank that owes a cash, licensed as it must be."""
    vault = Vault(ctx, secret)
    row = vault.entries.cash(cash)
    submitter = ctx.client.msp_id
    require_licences(ctx, Exercised(organization=submitter, powers=(ISSUING[row.kind],)))
    if submitter != row.bank:
        raise MoneyReason.NOT_THE_ISSUING_BANK.refusal(
            participant=submitter, cash=cash, bank=row.bank
        )
    return vault


def readable_vault(ctx: Context, cash: str) -> Vault:
    """Return the vault if the submitter may read all accounts of a cash."""
    vault = Vault(ctx)
    refuse_if_any(reading_findings(ctx, vault.entries.cash(cash).bank))
    return vault


def issuer_of(row: Cash) -> Exercised:
    """Return what the bank of a cash exercises when money comes or goes by its word."""
    return Exercised(organization=row.bank, powers=(ISSUING[row.kind],))


def require_word_of(
    ctx: Context,
    bank: Exercised,
    statement: MoneyFunded | ReceiptMade,
    intent: SignedIntent,
    nonces: ConfidentialRows | None = None,
) -> None:
    """Refuse unless a live bank's representative signed a statement; anybody licensed submits it.

    Raises:
        Refusal: What stands against signer, signature or licences, or NOT_OF_THE_BANK.
    """
    signer = statement.signer
    authority = signed_authority(ctx, signer, statement, intent, nonces)
    submitter = Exercised(organization=ctx.client.msp_id)
    report = check_parties(ctx, [Party(identity=signer)], authority, (submitter, bank))
    party = report.parties[0]
    refuse_if_any([*report.licences, *party.findings, *report.authority])
    if party.profile is None or party.profile.organization != bank.organization:
        raise MoneyReason.NOT_OF_THE_BANK.refusal(signer=signer, bank=bank.organization)
