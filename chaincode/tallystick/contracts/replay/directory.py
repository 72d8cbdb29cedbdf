"""Who is who and who may do what, rebuilt from events: the public rows of the identity contract.

The rows are those of the ledger, under the same keys. What is left out are notes of used nonces,
which decide nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tallystick.chaincode import composite_key
from tallystick.contracts import events
from tallystick.contracts.accounts.models import Account, Challenge, Links
from tallystick.contracts.claims.models import BarredList, Claim, SubjectClaims, Topic
from tallystick.contracts.identities.models import (
    Access,
    AccessGrant,
    Block,
    Identity,
    IdentityKey,
    Mandate,
)
from tallystick.contracts.instants import Instant
from tallystick.contracts.licensing.models import (
    Conflict,
    Conflicts,
    Licence,
    LicenceClass,
    Organization,
    Waiver,
)
from tallystick.contracts.licensing.standard import FOUNDER, FOUNDING_REGULATOR
from tallystick.contracts.models import Model
from tallystick.contracts.powers import Power
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements import Control

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(slots=True)
class Directory:
    """The rows of the identity contract as far as the events applied so far tell.

    Attributes:
        rows: By key; the text of rows that hold only that.
    """

    rows: dict[str, Model | str] = field(default_factory=dict)

    def apply(
        self, told: Iterable[events.LedgerEvent], moment: Instant, transaction_id: str
    ) -> None:
        """Take in the events of one transaction; kinds of other contracts change nothing here.

        Args:
            told: In the order in which they happened.
            moment: The transaction's time, rounded down to the second.
            transaction_id: Its id, which is part of the log of reads.
        """
        for event in told:
            if isinstance(event, events.AccessRecorded):
                place = ("access", event.identity, event.grant, transaction_id)
                self.rows[composite_key(*place)] = Access(fields=event.fields, at=moment)
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event, moment)

    def find(self, key: str, model: type[ModelT]) -> ModelT | None:
        """Return a row, or None."""
        row = self.rows.get(key)
        assert row is None or isinstance(row, model), "a key has rows of one kind"
        return row

    def require(self, key: str, model: type[ModelT]) -> ModelT:
        """Return a row that events told of before."""
        row = self.find(key, model)
        assert row is not None, f"no event has told of {key!r}"
        return row

    def change(self, key: str, model: type[Model], **fields: object) -> None:
        """Write fields of a row that there is."""
        self.rows[key] = self.require(key, model).model_copy(update=fields)


Handler = Callable[[Directory, Any, Instant], None]  # Any: each takes the event of its own type


# --- licences ---


def _class_defined(d: Directory, event: events.LicenceClassDefined, _: Instant) -> None:
    d.rows[composite_key("class", event.licence_class)] = LicenceClass(
        licence_class=event.licence_class,
        title=event.title,
        powers=tuple(map(Power, event.powers)),
    )


def _granted(d: Directory, event: events.LicenceGranted, _: Instant) -> None:
    facts = event.model_dump(exclude={"organization", "by"})
    licence = Licence(**facts, granted_by=event.by)
    _replace_licence(d, event.organization, licence, licence)


def _suspended(d: Directory, event: events.LicenceSuspended, _: Instant) -> None:
    licence = _licence(d, event)
    changed = licence.model_copy(update={"suspension": event.reason, "suspended_by": event.by})
    _replace_licence(d, event.organization, licence, changed)


def _resumed(d: Directory, event: events.LicenceResumed, _: Instant) -> None:
    licence = _licence(d, event)
    changed = licence.model_copy(update={"suspension": None, "suspended_by": None})
    _replace_licence(d, event.organization, licence, changed)


def _licence_revoked(d: Directory, event: events.LicenceRevoked, _: Instant) -> None:
    _replace_licence(d, event.organization, _licence(d, event), None)


def _organization(d: Directory, name: str) -> Organization:
    row = d.find(composite_key("organization", name), Organization)
    return row or (FOUNDER if name == FOUNDING_REGULATOR else Organization())


def _licence(
    d: Directory,
    event: events.LicenceSuspended | events.LicenceResumed | events.LicenceRevoked,
) -> Licence:
    place = (event.licence_class, event.jurisdiction)
    held = _organization(d, event.organization).licences
    return next(each for each in held if (each.licence_class, each.jurisdiction) == place)


def _replace_licence(d: Directory, name: str, old: Licence, new: Licence | None) -> None:
    row = _organization(d, name)
    place = (old.licence_class, old.jurisdiction)
    kept = [each for each in row.licences if (each.licence_class, each.jurisdiction) != place]
    held = kept if new is None else [*kept, new]
    ordered = tuple(sorted(held, key=lambda each: (each.licence_class, each.jurisdiction)))
    key = composite_key("organization", name)
    d.rows[key] = row.model_copy(update={"licences": ordered})


def _conflicts_set(d: Directory, event: events.ConflictsSet, _: Instant) -> None:
    pairs = tuple(Conflict(first=Power(one), second=Power(two)) for one, two in event.pairs)
    d.rows[composite_key("conflicts")] = Conflicts(pairs=pairs)


def _waived(d: Directory, event: events.WaiverGranted, _: Instant) -> None:
    d.rows[_waiver_key(event)] = Waiver(
        valid_until=event.valid_until, reason_hash=event.reason_hash, granted_by=event.by
    )


def _waiver_revoked(d: Directory, event: events.WaiverRevoked, _: Instant) -> None:
    del d.rows[_waiver_key(event)]


def _waiver_key(event: events.WaiverGranted | events.WaiverRevoked) -> str:
    return composite_key("waiver", event.organization, *sorted((event.first, event.second)))


def _described(d: Directory, event: events.OrganizationDescribed, _: Instant) -> None:
    facts = event.model_dump(exclude={"organization"})
    key = composite_key("organization", event.organization)
    d.rows[key] = _organization(d, event.organization).model_copy(update=facts)


def _represented(d: Directory, event: events.OrganizationRepresented, _: Instant) -> None:
    row = _organization(d, event.organization)
    changed = event.identity or row.identity
    assert changed is not None, "what ends has begun"
    owner = None if event.identity is None else event.organization
    d.change(composite_key("identity", changed), Identity, organization=owner)
    key = composite_key("organization", event.organization)
    d.rows[key] = row.model_copy(update={"identity": event.identity})


# --- identities and keys ---


def _registered(d: Directory, event: events.IdentityRegistered, moment: Instant) -> None:
    facts = event.model_dump()
    d.rows[composite_key("identity", event.identity)] = Identity(**facts, registered_at=moment)


def _sub_account(d: Directory, event: events.SubAccountOpened, moment: Instant) -> None:
    d.rows[composite_key("identity", event.account)] = Identity(
        identity=event.account,
        party="account",
        data_hash=None,
        registered_at=moment,
        account_of=event.identity,
    )


def _control(d: Directory, event: events.ControlChanged, _: Instant) -> None:
    control = Control(management=event.management, action=event.action, claim=event.claim)
    d.change(composite_key("identity", event.identity), Identity, control=control)


def _recovered(d: Directory, event: events.IdentityRecovered, moment: Instant) -> None:
    d.change(composite_key("identity", event.identity), Identity, recovered_at=moment)


def _key_added(d: Directory, event: events.KeyAdded, _: Instant) -> None:
    d.rows[composite_key("key", event.identity, event.key)] = IdentityKey(
        public_key=event.public_key,
        purposes=tuple(map(Purpose, event.purposes)),
        wallet=event.wallet,
    )
    d.rows[composite_key("key-owner", event.key)] = event.identity


def _key_retired(d: Directory, event: events.KeyRetired, moment: Instant) -> None:
    d.change(composite_key("key", event.identity, event.key), IdentityKey, retired_at=moment)


def _key_revoked(d: Directory, event: events.KeyRevoked, moment: Instant) -> None:
    d.change(composite_key("key", event.identity, event.key), IdentityKey, revoked_at=moment)


def _mandated(d: Directory, event: events.MandateSet, _: Instant) -> None:
    key = composite_key("mandate", event.identity, event.participant)
    d.rows[key] = Mandate(expires_at=event.expires_at)


def _mandate_revoked(d: Directory, event: events.MandateRevoked, _: Instant) -> None:
    del d.rows[composite_key("mandate", event.identity, event.participant)]


def _access_granted(d: Directory, event: events.AccessGranted, _: Instant) -> None:
    facts = event.model_dump(exclude={"identity", "grant"})
    d.rows[composite_key("grant", event.identity, event.grant)] = AccessGrant(**facts)


def _access_withdrawn(d: Directory, event: events.AccessWithdrawn, moment: Instant) -> None:
    key = composite_key("grant", event.identity, event.grant)
    d.change(key, AccessGrant, withdrawn_at=moment)


# --- claims ---


def _topic(d: Directory, name: str, **fields: object) -> None:
    key = composite_key("topic", name)
    d.rows[key] = (d.find(key, Topic) or Topic()).model_copy(update=fields)


def _topic_set(d: Directory, event: events.TopicSet, _: Instant) -> None:
    _topic(d, event.topic, **event.model_dump(exclude={"topic"}))


def _trusted(d: Directory, event: events.IssuerTrusted, _: Instant) -> None:
    _topic(d, event.topic, issuers=tuple(sorted({*_issuers(d, event.topic), event.issuer})))


def _distrusted(d: Directory, event: events.IssuerDistrusted, _: Instant) -> None:
    kept = tuple(each for each in _issuers(d, event.topic) if each != event.issuer)
    _topic(d, event.topic, issuers=kept)


def _issuers(d: Directory, name: str) -> tuple[str, ...]:
    return (d.find(composite_key("topic", name), Topic) or Topic()).issuers


def _claimed(d: Directory, event: events.ClaimAdded, _: Instant) -> None:
    facts = event.model_dump(exclude={"subject", "claim_version"})
    _write_claim(d, event.subject, Claim(**facts, version=event.claim_version))


def _claim_revoked(d: Directory, event: events.ClaimRevoked, moment: Instant) -> None:
    held = d.require(composite_key("claims", event.subject), SubjectClaims)
    claim = held.find(event.topic, event.issuer)
    assert claim is not None, "a claim is made before it is revoked"
    _write_claim(d, event.subject, claim.model_copy(update={"revoked_at": moment}))


def _write_claim(d: Directory, subject: str, claim: Claim) -> None:
    key = composite_key("claims", subject)
    d.rows[key] = (d.find(key, SubjectClaims) or SubjectClaims()).having(claim)


def _list_updated(d: Directory, event: events.ListUpdated, moment: Instant) -> None:
    d.rows[composite_key("barred-list", event.issuer, event.list_name)] = BarredList(
        version=event.list_version, list_hash=event.list_hash, updated_at=moment
    )


def _barred(d: Directory, event: events.IdentityBarred, moment: Instant) -> None:
    listed = d.require(composite_key("barred-list", event.issuer, event.list_name), BarredList)
    block = Block(
        issuer=event.issuer, list_name=event.list_name, version=listed.version, since=moment
    )
    _block(d, event, (block,))


def _cleared(d: Directory, event: events.IdentityCleared, _: Instant) -> None:
    _block(d, event, ())


def _block(
    d: Directory,
    event: events.IdentityBarred | events.IdentityCleared,
    blocks: tuple[Block, ...],
) -> None:
    """Put blocks in place of those by the same list."""
    key = composite_key("identity", event.identity)
    place = (event.issuer, event.list_name)
    kept = (
        each for each in d.require(key, Identity).blocks if (each.issuer, each.list_name) != place
    )
    d.change(key, Identity, blocks=(*kept, *blocks))


# --- accounts ---


def _challenged(d: Directory, event: events.ChallengeOpened, _: Instant) -> None:
    d.rows[composite_key("challenge", event.venue, event.challenge)] = Challenge(
        account=event.account, expires_at=event.expires_at, key=event.key
    )


def _linked(d: Directory, event: events.AccountLinked, moment: Instant) -> None:
    challenge = composite_key("challenge", event.venue, event.challenge)
    d.change(challenge, Challenge, spent_by=event.identity)
    d.rows[composite_key("account", event.venue, event.account)] = Account(
        identity=event.identity, linked_at=moment
    )
    key = composite_key("links", event.identity, event.venue)
    held = d.find(key, Links) or Links()
    d.rows[key] = Links(accounts=tuple(sorted({*held.accounts, event.account})))


def _unlinked(d: Directory, event: events.AccountUnlinked, _: Instant) -> None:
    del d.rows[composite_key("account", event.venue, event.account)]
    key = composite_key("links", event.identity, event.venue)
    kept = tuple(each for each in d.require(key, Links).accounts if each != event.account)
    if kept:
        d.rows[key] = Links(accounts=kept)
    else:
        del d.rows[key]


_HANDLERS: Mapping[type[events.LedgerEvent], Handler] = {
    events.LicenceClassDefined: _class_defined,
    events.LicenceGranted: _granted,
    events.LicenceSuspended: _suspended,
    events.LicenceResumed: _resumed,
    events.LicenceRevoked: _licence_revoked,
    events.ConflictsSet: _conflicts_set,
    events.WaiverGranted: _waived,
    events.WaiverRevoked: _waiver_revoked,
    events.OrganizationDescribed: _described,
    events.OrganizationRepresented: _represented,
    events.IdentityRegistered: _registered,
    events.SubAccountOpened: _sub_account,
    events.ControlChanged: _control,
    events.IdentityRecovered: _recovered,
    events.KeyAdded: _key_added,
    events.KeyRetired: _key_retired,
    events.KeyRevoked: _key_revoked,
    events.MandateSet: _mandated,
    events.MandateRevoked: _mandate_revoked,
    events.AccessGranted: _access_granted,
    events.AccessWithdrawn: _access_withdrawn,
    events.TopicSet: _topic_set,
    events.IssuerTrusted: _trusted,
    events.IssuerDistrusted: _distrusted,
    events.ClaimAdded: _claimed,
    events.ClaimRevoked: _claim_revoked,
    events.ListUpdated: _list_updated,
    events.IdentityBarred: _barred,
    events.IdentityCleared: _cleared,
    events.ChallengeOpened: _challenged,
    events.AccountLinked: _linked,
    events.AccountUnlinked: _unlinked,
}
