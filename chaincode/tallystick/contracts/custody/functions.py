"""Custody, as callers of the token contract see it."""

from typing import Annotated

from pydantic import Field

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.book import Move
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.custody.custodians import Clients, Custodians
from tallystick.contracts.custody.models import (
    MAX_VALUATIONS,
    Client,
    ClientPage,
    Cover,
    Custodian,
    Custody,
    CustodyAgreement,
    CustodyEnding,
    CustodyReport,
    SignedAllowance,
    Valuation,
)
from tallystick.contracts.custody.report import CustodyReports
from tallystick.contracts.custody.rules import (
    allowance_findings,
    custody_findings,
    distribution_findings,
)
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import licensed
from tallystick.contracts.lots import Dates
from tallystick.contracts.models import Identifier, PageSize, Quantity
from tallystick.contracts.parties import (
    Party,
    authority_for,
    check_parties,
    require_authority,
    require_identity,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import reading_findings
from tallystick.contracts.reasons import AccessReason, CustodyReason, RegisterReason, refuse_if_any
from tallystick.contracts.register.functions.allowances import AllowanceFunctions
from tallystick.contracts.register.functions.movements import verdict_on
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import Verdict
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.statements import Share, UnitsDistributed
from tallystick.contracts.statements.custody import MAX_SHARES

Allowed = Annotated[tuple[SignedAllowance, ...], Field(max_length=MAX_SHARES)]
Valuations = Annotated[tuple[Valuation, ...], Field(max_length=MAX_VALUATIONS)]


class CustodyFunctions(AllowanceFunctions):
    """Custodians, their clients and insurance, and delivery to clients."""

    @transaction
    @licensed(Power.SAFEGUARD)
    def open_custody(self, ctx: Context, custody: Custody) -> None:
        """Say by which identity the submitter holds, and in which accounts for clients."""
        custodian = ctx.client.msp_id
        parties = [Party(identity=each) for each in custody.accounts]
        profiles = [each.profile for each in check_parties(ctx, parties).parties]
        refuse_if_any(list(custody_findings(custodian, custody, profiles)))
        custodians = Custodians(ctx.state)
        row = custodians.find(custodian)
        cover = None if row is None else row.cover
        custodians.save(custodian, Custodian(custody=custody, cover=cover))
        ctx.emit(events.CustodyOpened(custodian=custodian, **custody.model_dump()))

    @transaction
    @licensed(Power.OVERSEE)
    def record_cover(self, ctx: Context, custodian: Identifier, cover: Cover) -> None:
        """Record a custodian's insurance, by whoever has seen the policy."""
        if cover.valid_from >= cover.valid_until:
            raise CustodyReason.COVER_WINDOW_EMPTY.refusal(
                valid_from=cover.valid_from, valid_until=cover.valid_until
            )
        custodians = Custodians(ctx.state)
        row = custodians.require(custodian)
        custodians.save(custodian, row.model_copy(update={"cover": cover}))
        ctx.emit(events.CoverRecorded(custodian=custodian, **cover.model_dump()))

    # --- clients ---

    @transaction
    @licensed(Power.SAFEGUARD)
    def agree_custody(self, ctx: Context) -> None:
        """Take a client on: the client signs, the custodian submits.

        Who it is comes as transient data, under ``agreement``, and stays in the custodian's
        collection.
        """
        given = secret_argument(ctx, "agreement", CustodyAgreement)
        agreed, intent = given.agreed, given.intent
        _require_itself(ctx, agreed.custodian, "agree_custody")
        clients = Clients(ctx, agreed.custodian, intent.signature)
        authority = authority_for(ctx, agreed.client, agreed, intent, clients.rows)
        report = check_parties(ctx, [Party(identity=agreed.client)], authority)
        (client,) = report.parties
        refuse_if_any([*client.findings, *report.authority])
        custody = Custodians(ctx.state).require(agreed.custodian).custody
        if client.profile is None or client.profile.person == custody.identity:
            raise RegisterReason.SAME_PARTY.refusal(holder=agreed.client)
        if clients.has(agreed.client):
            raise CustodyReason.CLIENT_EXISTS.refusal(**agreed.model_dump())
        clients.add(Client(client=agreed.client, since=now(ctx)))
        ctx.emit(events.CustodyAgreed(custodian=agreed.custodian))

    @transaction
    def end_custody(self, ctx: Context) -> None:
        """Let a client go: as the client signs, or as the custodian says.

        Who it is comes as transient data, under ``ending``. A custodian needs no licence to let a
        client go. What the client allows it stays until it is withdrawn or ends.
        """
        given = secret_argument(ctx, "ending", CustodyEnding)
        ended, intent = given.ended, given.intent
        clients = Clients(ctx, ended.custodian, "" if intent is None else intent.signature)
        if intent is None:
            _require_itself(ctx, ended.custodian, "end_custody without a signature")
        else:
            require_authority(ctx, ended.client, ended, intent, clients.rows)
        if not clients.has(ended.client):
            require_identity(ctx, ended.client)
            raise CustodyReason.NOT_A_CLIENT.refusal(**ended.model_dump())
        clients.remove(ended.client)
        ctx.emit(events.CustodyEnded(custodian=ended.custodian))

    @transaction
    @licensed(Power.SAFEGUARD)
    def distribute(
        self,
        ctx: Context,
        distributed: UnitsDistributed,
        allowances: Allowed = (),
        intent: SignedIntent | None = None,
    ) -> None:
        """Deliver units from an account of the submitter to clients, and take their allowances.

        All of it happens, or nothing: no client has units before the custodian may draw them. The
        units keep their dates: the client steps into the custodian's place, as if it had bought.
        """
        custodian = ctx.client.msp_id
        custody = Custodians(ctx.state).require(custodian).custody
        clients = Clients(ctx, custodian)
        strangers = [share.client for share in distributed.shares if not clients.has(share.client)]
        allowed = [each.statement for each in allowances]
        refuse_if_any(
            [
                *distribution_findings(custodian, custody, distributed, strangers),
                *allowance_findings(custodian, distributed, allowed),
            ]
        )
        authority = authority_for(ctx, distributed.account, distributed, intent)
        Movements(ctx).execute(Instruction(_moves(distributed), Basis.DISTRIBUTION, authority))
        for each in allowances:
            self.approve(ctx, each.statement, each.intent)

    # --- queries ---

    @query
    def can_distribute(
        self,
        ctx: Context,
        security: Identifier,
        account: Identifier,
        client: Identifier,
        quantity: Quantity,
    ) -> Verdict:
        """Return whether units of an account could be delivered to a client now, and why not.

        Whose account and whose client they are is left aside: that is confidential.
        """
        share = Share(client=client, quantity=quantity)
        asked = UnitsDistributed(security=security, account=account, shares=(share,))
        return verdict_on(ctx, Instruction(_moves(asked), Basis.DISTRIBUTION, exercised=()))

    @query
    def custodian(self, ctx: Context, custodian: str) -> Custodian:
        """Return in which accounts a custodian safeguards, and its insurance."""
        return Custodians(ctx.state).require(custodian)

    @query
    def custody_clients(
        self, ctx: Context, custodian: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> ClientPage:
        """Return one page of the clients of a custodian, by id.

        For the custodian itself, and those who clear, keep the register or oversee.
        """
        refuse_if_any(reading_findings(ctx, custodian))
        clients = sorted(each for each in Clients(ctx, custodian).all() if each >= bookmark)
        following = clients[page_size] if len(clients) > page_size else ""
        return ClientPage(
            custodian=custodian, clients=tuple(clients[:page_size]), bookmark=following
        )

    @query
    def custody_report(self, ctx: Context, custodian: str, valuations: Valuations) -> CustodyReport:
        """Return how a custodian holds securities for clients, and whether insurance covers it.

        For those who may read who the clients are. Whoever asks says what units are worth; no price
        is on the ledger.
        """
        refuse_if_any(reading_findings(ctx, custodian))
        return CustodyReports(ctx).of(custodian, valuations)


def _moves(distributed: UnitsDistributed) -> tuple[Move, ...]:
    return tuple(
        Move(
            asset=distributed.security,
            sender=distributed.account,
            receiver=share.client,
            quantity=share.quantity,
            dates=Dates.KEPT,
        )
        for share in distributed.shares
    )


def _require_itself(ctx: Context, custodian: str, function: str) -> None:
    """Refuse everybody's call but the custodian's own."""
    if ctx.client.msp_id != custodian:
        raise AccessReason.PARTICIPANT_NOT_PERMITTED.refusal(
            participant=ctx.client.msp_id, function=function, permitted=custodian
        )
