"""Brokerage accounts, as callers of the identity contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.accounts.accounts import Accounts
from tallystick.contracts.accounts.models import (
    MAX_ACCOUNTS,
    MAX_CHALLENGE_LIFE_S,
    Account,
    AccountLine,
    Challenge,
    ChallengeTerms,
    Payload,
)
from tallystick.contracts.accounts.rules import answer_finding
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identities.signatures import require_signatures
from tallystick.contracts.instants import later, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import licensed
from tallystick.contracts.licensing.part import IdentityPart
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import AccessReason, AccountReason, refuse_if_any
from tallystick.contracts.statements import AccountLinked, AccountUnlinked


class AccountFunctions(IdentityPart):
    """Links between accounts at venues and brokers, and identities."""

    @transaction
    @licensed(Power.OPERATE_VENUE, Power.ACT_FOR_CLIENTS)
    def open_challenge(self, ctx: Context, terms: ChallengeTerms) -> str:
        """Offer to link an account that the submitter keeps; return the text of the QR code."""
        venue, moment = ctx.client.msp_id, now(ctx)
        if not moment < terms.expires_at <= later(moment, MAX_CHALLENGE_LIFE_S):
            raise AccountReason.CHALLENGE_LIFE_WRONG.refusal(
                expires_at=terms.expires_at, hours=MAX_CHALLENGE_LIFE_S // 3600
            )
        accounts = Accounts(ctx.state)
        if accounts.challenge(venue, terms.challenge) is not None:
            raise AccountReason.CHALLENGE_SPENT.refusal(venue=venue)
        accounts.save_challenge(
            venue,
            terms.challenge,
            Challenge(account=terms.account, expires_at=terms.expires_at, key=terms.key),
        )
        ctx.emit(events.ChallengeOpened(venue=venue, **terms.model_dump()))
        return Payload(
            channel=ctx.channel_id,
            venue=venue,
            account=terms.account,
            challenge=terms.challenge,
            expires_at=terms.expires_at,
        ).text

    @transaction
    @licensed()
    def link_account(self, ctx: Context, linked: AccountLinked, intent: SignedIntent) -> None:
        """Link an account by the answer to its venue's challenge, which is used up."""
        accounts = Accounts(ctx.state)
        challenge = accounts.challenge(linked.venue, linked.challenge)
        held = accounts.account(linked.venue, linked.account)
        moment = now(ctx)
        finding = answer_finding(challenge, held, linked, key=intent.key, moment=moment)
        refuse_if_any([] if finding is None else [finding])
        assert challenge is not None, "an answer to no challenge has a finding"
        row = Identities(ctx.state).require_controlling(linked.identity)
        require_signatures(ctx, row.identity, linked, intent)
        if len(accounts.links(row.identity, linked.venue).accounts) >= MAX_ACCOUNTS:
            raise AccountReason.ACCOUNTS_TOO_MANY.refusal(
                identity=row.identity, venue=linked.venue, limit=MAX_ACCOUNTS
            )
        spent = challenge.model_copy(update={"spent_by": row.identity})
        accounts.save_challenge(linked.venue, linked.challenge, spent)
        accounts.link(
            linked.venue, linked.account, Account(identity=row.identity, linked_at=moment)
        )
        ctx.emit(events.AccountLinked(**linked.model_dump()))

    @transaction
    def unlink_account(
        self, ctx: Context, unlinked: AccountUnlinked, intent: SignedIntent | None = None
    ) -> None:
        """End a link: as the identity signs, or as the venue says when it closes the account.

        A venue needs no licence to close an account.
        """
        if intent is not None:
            refuse_if_any(self.licence_findings(ctx, ()))
        elif ctx.client.msp_id != unlinked.venue:
            raise AccessReason.PARTICIPANT_NOT_PERMITTED.refusal(
                participant=ctx.client.msp_id,
                function="unlink_account without a signature",
                permitted=unlinked.venue,
            )
        accounts = Accounts(ctx.state)
        held = accounts.account(unlinked.venue, unlinked.account)
        if held is None or held.identity != unlinked.identity:
            raise AccountReason.ACCOUNT_NOT_LINKED.refusal(
                identity=unlinked.identity, venue=unlinked.venue
            )
        if intent is not None:
            require_signatures(ctx, unlinked.identity, unlinked, intent)
        accounts.unlink(unlinked.venue, unlinked.account, unlinked.identity)
        ctx.emit(events.AccountUnlinked(**unlinked.model_dump(), by=ctx.client.msp_id))

    # --- queries ---

    @query
    def account(self, ctx: Context, venue: str, account: str) -> Account | None:
        """Return whose account it is, or None when it is not linked."""
        return Accounts(ctx.state).account(venue, account)

    @query
    def accounts_of(self, ctx: Context, identity: str) -> tuple[AccountLine, ...]:
        """Return all accounts of an identity, by venue."""
        return tuple(Accounts(ctx.state).of(identity))
