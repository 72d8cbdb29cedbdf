"""Record dates: moments at which the ledger fixes who holds what of a security.

A record date is scheduled on the security's row. The first transaction at or after its moment that
changes who holds what, or says so, **seals** it: it writes the security's row. Every transaction
that moves units reads that row; so all that were endorsed before and committed after fail the
ledger's check of versions. What was committed before counts, what comes after does not.
"""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import Security
from tallystick.contracts.register.securities import Securities
from tallystick.contracts.timelines import MAX_SCHEDULED, RecordDate, Timeline


class SealedRecord(Model):
    """Row ``record-date (security, name)``: a record date that has come.

    Attributes:
        turn: Its number among the turns of the security's timeline.
        at: The moment that was set for it: what was done from then on does not count.
        sealed_at: Of the transaction that sealed it, the first one after that moment.
    """

    turn: int
    at: Instant
    sealed_at: Instant


class RecordLine(Model):
    """What a holder held at a record date."""

    holder: str
    quantity: int


class RecordPage(Model):
    """Who held units of a security at a record date, by id, in the units of then.

    Attributes:
        bookmark: Pass it to get the next page; empty when this was the last one.
    """

    security: str
    record_date: str
    lines: tuple[RecordLine, ...]
    bookmark: str


class RecordDates:
    """The record dates of all securities, as one transaction sees and changes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._securities = Securities(ctx.state)

    def schedule(self, security: str, record_date: RecordDate) -> None:
        """Set a record date.

        Raises:
            Refusal: MOMENT_PAST, RECORD_DATE_EXISTS or RECORD_DATES_TOO_MANY.
        """
        moment = now(self._ctx)
        if record_date.at <= moment:
            raise RegisterReason.MOMENT_PAST.refusal(moment=record_date.at, now=moment)
        row = self._require_free(security, record_date.name)
        if len(row.timeline.scheduled) == MAX_SCHEDULED:
            raise RegisterReason.RECORD_DATES_TOO_MANY.refusal(
                security=security, limit=MAX_SCHEDULED
            )
        self._save(row, row.timeline.with_scheduled(record_date))
        self._ctx.emit(events.RecordDateSet(security=security, **record_date.model_dump()))

    def take(self, security: str, name: str) -> None:
        """Let this moment be a record date.

        Raises:
            Refusal: RECORD_DATE_EXISTS.
        """
        self._require_free(security, name)
        self.seal_due(security)
        self._seal(security, RecordDate(name=name, at=now(self._ctx)))

    def cancel(self, security: str, name: str) -> None:
        """Take back a record date that has not come.

        Raises:
            Refusal: RECORD_DATE_UNKNOWN, or RECORD_DATE_SEALED when its moment has come.
        """
        row = self._securities.require(security)
        date = _scheduled(row, name)
        if date is None and self._find(security, name) is None:
            raise RegisterReason.RECORD_DATE_UNKNOWN.refusal(security=security, record_date=name)
        if date is None or date.at <= now(self._ctx):
            raise RegisterReason.RECORD_DATE_SEALED.refusal(security=security, record_date=name)
        self._save(row, row.timeline.without(name))
        self._ctx.emit(events.RecordDateCancelled(security=security, name=name))

    def seal_due(self, security: str) -> tuple[str, ...]:
        """Seal the record dates whose moment has come, the earliest first; return their names."""
        row = self._securities.find(security)
        if row is None or not row.timeline.scheduled:
            return ()
        due = row.timeline.due(now(self._ctx))
        for record_date in due:
            self._seal(security, record_date)
        return tuple(each.name for each in due)

    def sealed(self, security: str, name: str) -> SealedRecord:
        """Return a record date that is sealed.

        Raises:
            Refusal: RECORD_DATE_UNKNOWN or RECORD_DATE_OPEN.
        """
        found = self._find(security, name)
        if found is not None:
            return found
        date = _scheduled(self._securities.require(security), name)
        if date is None:
            raise RegisterReason.RECORD_DATE_UNKNOWN.refusal(security=security, record_date=name)
        raise RegisterReason.RECORD_DATE_OPEN.refusal(
            security=security, record_date=name, at=date.at
        )

    # --- how ---

    def _seal(self, security: str, record_date: RecordDate) -> None:
        row = self._securities.require(security)
        timeline = row.timeline.sealed(record_date.name)
        moment = now(self._ctx)
        sealed = SealedRecord(turn=timeline.turns, at=record_date.at, sealed_at=moment)
        self._ctx.state.save(record_date_key(security, record_date.name), sealed)
        self._save(row, timeline)
        self._ctx.emit(
            events.RecordDateSealed(
                security=security,
                name=record_date.name,
                turn=timeline.turns,
                at=record_date.at,
            )
        )

    def _save(self, row: Security, timeline: Timeline) -> None:
        self._securities.save(row.model_copy(update={"timeline": timeline}))

    def _find(self, security: str, name: str) -> SealedRecord | None:
        return self._ctx.state.load(record_date_key(security, name), SealedRecord)

    def _require_free(self, security: str, name: str) -> Security:
        row = self._securities.require(security)
        if _scheduled(row, name) is not None or self._find(security, name) is not None:
            raise RegisterReason.RECORD_DATE_EXISTS.refusal(security=security, record_date=name)
        return row


def record_date_key(security: str, name: str) -> str:
    """Return the key of the row of a record date that is sealed."""
    return composite_key("record-date", security, name)


def _scheduled(row: Security, name: str) -> RecordDate | None:
    return next((each for each in row.timeline.scheduled if each.name == name), None)
