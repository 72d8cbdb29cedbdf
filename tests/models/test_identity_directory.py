"""Random acts of organisations and identities: the events alone rebuild every row.

SS-19, SS-109. After every act: what was refused changed nothing, and what was told is what is
written, as long as time goes on in seconds and nobody looks at the state.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import JsonValue
from tests.models.identity_rows import LEFT_OUT, MODELS
from tests.models.market_walk import rows_of_all

from tallystick.chaincode import Refusal, split_composite_key
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.accounts.models import ChallengeTerms
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.models import BarredList, TopicTerms
from tallystick.contracts.claims.screening import SCREENING
from tallystick.contracts.events import read_event
from tallystick.contracts.identities.models import (
    Identity,
    IdentityKey,
)
from tallystick.contracts.identity.models import References
from tallystick.contracts.instants import instant
from tallystick.contracts.licensing.models import (
    Conflict,
    Conflicts,
    Description,
    LicenceClass,
    WaiverGrant,
)
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.powers import Power
from tallystick.contracts.replay import Directory
from tallystick.contracts.statements import (
    AccessGranted,
    AccessWithdrawn,
    AccountLinked,
    AccountUnlinked,
    ClaimWithdrawn,
    Control,
    ControlSet,
    KeyAddition,
    KeyRetirement,
    KeyRevocation,
    KeyRotation,
    ListUpdated,
    MandateWithdrawn,
    Recovery,
    Representation,
    Statement,
    SubAccountOpened,
    WalletLinked,
    WalletUnlinked,
)
from tallystick.contracts.testing import EVIDENCE, KYC, KYC_HOUSE, Market, new_wallet
from tallystick.contracts.wallet import Wallet

P = Participant
IDENTITY = Chaincode.IDENTITY

PEOPLE = ("alice", "bob")
people = st.sampled_from(PEOPLE)
# The broker-dealer stays as it is: it submits all that is signed.
organizations = st.sampled_from((P.ATS, "OfficeMSP"))
classes = st.sampled_from(("ats", "adviser"))
wallets = [new_wallet("spare") for _ in range(6)]  # keys are costly to make
spare = st.sampled_from(wallets)
small = st.integers(min_value=1, max_value=3)


class DirectoryMachine(RuleBasedStateMachine):
    """Acts at random; the directory hears of those that succeed."""

    @initialize()
    def open(self) -> None:
        self.market = Market()
        self.directory = Directory()
        ledger = self.market.ledger
        invoke = ledger.invoke

        def listening(*args: object, **kwargs: object) -> Outcome:
            outcome = invoke(*args, **kwargs)  # type: ignore[arg-type]  # as the ledger takes them
            told = [read_event(record) for record in outcome.events]
            assert None not in told
            events = [each for each in told if each]
            self.directory.apply(events, instant(ledger.now), outcome.transaction_id)
            return outcome

        ledger.invoke = listening  # type: ignore[method-assign]
        self.market.open()
        self.market.onboard("alice", "bob")
        self.as_regulator("trust_issuer", SCREENING, KYC_HOUSE)

    def act(self, submit: Callable[[], object]) -> bool:
        """Let something happen, or be refused; return whether it happened."""
        rows = rows_of_all(self.market)
        try:
            submit()
        except Refusal:
            assert rows_of_all(self.market) == rows
            return False
        return True

    def sign(self, function: str, statement: Statement, signer: str, *more: Wallet) -> None:
        intent = self.market.sign(signer, statement, *more)
        self.act(
            partial(self.market.submit, P.BROKER_DEALER, IDENTITY, function, statement, intent)
        )

    def as_regulator(self, function: str, *arguments: object) -> None:
        self.act(partial(self.market.submit, P.REGULATOR, IDENTITY, function, *arguments))  # type: ignore[arg-type]

    # --- licences ---

    @rule(organization=organizations, licence_class=classes)
    def grant(self, organization: str, licence_class: str) -> None:
        self.act(lambda: self.market.license(self.market.licence(organization, licence_class)))

    @rule(
        function=st.sampled_from(("suspend_licence", "revoke_licence")),
        organization=organizations,
        licence_class=classes,
        resumed=st.booleans(),
    )
    def stop(self, function: str, organization: str, licence_class: str, *, resumed: bool) -> None:
        self.as_regulator(function, organization, licence_class, "a reason")
        if resumed:
            self.as_regulator("resume_licence", organization, licence_class)

    @rule(power=st.sampled_from(Power))
    def define(self, power: Power) -> None:
        adviser = LicenceClass(licence_class="adviser", title="Adviser", powers=(power,))
        self.as_regulator("define_classes", [adviser])

    @rule(powers=st.lists(st.sampled_from(Power), min_size=2, max_size=2))
    def conflict(self, powers: list[Power]) -> None:
        pair = Conflict(first=powers[0], second=powers[1])
        self.as_regulator("set_conflicts", Conflicts(pairs=(pair,)))

    @rule(organization=organizations, powers=st.permutations((Power.CLEAR, Power.LICENSE)))
    def waive(self, organization: str, powers: list[Power]) -> None:
        grant = WaiverGrant(
            organization=organization,
            first=powers[0],
            second=powers[1],
            valid_until=self.market.after(timedelta(hours=1)),
            reason_hash=EVIDENCE,
        )
        self.as_regulator("grant_waiver", grant)

    @rule(organization=organizations)
    def revoke_waiver(self, organization: str) -> None:
        self.as_regulator("revoke_waiver", organization, Power.CLEAR, Power.LICENSE)

    @rule(identity=people)
    def represent(self, identity: str) -> None:
        statement = Representation(identity=identity, organization=P.BROKER_DEALER)
        self.sign("represent", statement, identity)

    @rule(category=st.sampled_from((None, "exchange", "broker")))
    def describe(self, category: str | None) -> None:
        said = Description(category=category, rulebook_hash=EVIDENCE)
        submit = (P.BROKER_DEALER, IDENTITY, "describe_organization", said)
        self.act(partial(self.market.submit, *submit))

    @rule()
    def end_representation(self) -> None:
        self.act(partial(self.market.submit, P.BROKER_DEALER, IDENTITY, "end_representation"))

    # --- identities ---

    @rule(identity=people, wallet=spare, ends=st.booleans())
    def add_key(self, identity: str, wallet: Wallet, *, ends: bool) -> None:
        addition = KeyAddition(identity=identity, key=wallet.new_key())
        self.sign("add_key", addition, identity, wallet)
        if ends:
            self.retire_key(identity, wallet)

    @rule(identity=people, wallet=spare)
    def retire(self, identity: str, wallet: Wallet) -> None:
        self.retire_key(identity, wallet)

    def retire_key(self, identity: str, wallet: Wallet) -> None:
        self.sign("retire_key", KeyRetirement(identity=identity, key=wallet.key), identity)

    @rule(identity=people, wallet=spare)
    def revoke_key(self, identity: str, wallet: Wallet) -> None:
        self.sign("revoke_key", KeyRevocation(identity=identity, key=wallet.key), identity)

    @rule(identity=people, wallet=spare, ends=st.booleans())
    def link_wallet(self, identity: str, wallet: Wallet, *, ends: bool) -> None:
        linked = WalletLinked(identity=identity, wallet="phone", keys=(wallet.new_key(),))
        self.sign("link_wallet", linked, identity, wallet)
        if ends:
            unlinked = WalletUnlinked(identity=identity, wallet="phone")
            self.sign("unlink_wallet", unlinked, identity)

    @rule(identity=people)
    def rotate_key(self, identity: str) -> None:
        """Put a fresh key in the place of the one that signs, which counts no longer."""
        before, fresh = self.market.wallets[identity], new_wallet(identity)
        rotation = KeyRotation(identity=identity, old=before.key, new=fresh.new_key())
        intent = self.market.sign(identity, rotation, fresh)
        submit = (P.BROKER_DEALER, IDENTITY, "rotate_key", rotation, intent)
        if self.act(partial(self.market.submit, *submit)):
            self.market.wallets[identity] = fresh

    @rule(identity=people, keys=small, wallet=spare)
    def set_control(self, identity: str, keys: int, wallet: Wallet) -> None:
        chosen = ControlSet(identity=identity, control=Control(action=keys))
        self.sign("set_control", chosen, identity, wallet)

    @rule(identity=people)
    def recover(self, identity: str) -> None:
        fresh = new_wallet(identity)
        recovery = Recovery(identity=identity, keys=(fresh.new_key(),), evidence_hash=EVIDENCE)
        lost, self.market.wallets[identity] = self.market.wallets[identity], fresh
        intent = self.market.sign(identity, recovery)
        submit = (P.TRANSFER_AGENT, IDENTITY, "recover_identity", recovery, intent)
        try:
            self.market.submit(*submit)
        except Refusal:  # its control asks for more keys than one
            self.market.wallets[identity] = lost

    @rule(identity=people, number=small)
    def open_sub_account(self, identity: str, number: int) -> None:
        opened = SubAccountOpened(identity=identity, account=f"{identity}.{number}")
        self.sign("open_sub_account", opened, identity)

    @rule(identity=people, grants=st.booleans())
    def mandate(self, identity: str, *, grants: bool) -> None:
        if grants:
            self.sign("grant_mandate", self.market.mandate(identity).statement, identity)
        else:
            ended = MandateWithdrawn(identity=identity, participant=P.BROKER_DEALER)
            self.act(
                partial(self.market.submit, P.BROKER_DEALER, IDENTITY, "revoke_mandate", ended)
            )

    @rule(identity=people, number=small, ends=st.booleans())
    def access(self, identity: str, number: int, *, ends: bool) -> None:
        granted = AccessGranted(
            identity=identity,
            grant=f"g-{number}",
            service=P.TRANSFER_AGENT,
            grantee=P.ISSUER,
            fields=("name",),
            reason="a report",
            expires_at=self.market.after(timedelta(hours=1)),
        )
        self.sign("grant_access", granted, identity)
        fields: list[JsonValue] = ["name"]
        record = (P.TRANSFER_AGENT, IDENTITY, "record_access", identity, granted.grant, fields)
        self.act(partial(self.market.submit, *record))
        if ends:
            ended = AccessWithdrawn(identity=identity, grant=granted.grant)
            self.sign("revoke_access", ended, identity)

    # --- claims ---

    @rule(subject=people, level=small)
    def attest(self, subject: str, level: int) -> None:
        claim = self.market.claim(subject, level=level)
        self.sign("add_claim", claim.statement, KYC_HOUSE)

    @rule(level=small)
    def attest_both(self, level: int) -> None:
        claims: list[JsonValue] = [
            self.market.claim(each, level=level).model_dump(mode="json") for each in PEOPLE
        ]
        self.act(partial(self.market.submit, P.BROKER_DEALER, IDENTITY, "add_claims", claims))

    @rule(identity=people)
    def keep_references(self, identity: str) -> None:
        given = References(investors=(self.market.investor(identity),))
        keep = (P.BROKER_DEALER, IDENTITY, "keep_references")
        self.act(partial(self.market.submit, *keep, references=given))

    @rule(subject=people)
    def revoke_claim(self, subject: str) -> None:
        withdrawn = ClaimWithdrawn(subject=subject, topic=KYC, issuer=KYC_HOUSE)
        self.sign("revoke_claim", withdrawn, KYC_HOUSE)

    @rule(
        function=st.sampled_from(("trust_issuer", "distrust_issuer")),
        topic=st.sampled_from((KYC, SCREENING)),
        issuer=st.sampled_from(("alice", KYC_HOUSE)),
    )
    def trust(self, function: str, topic: str, issuer: str) -> None:
        self.as_regulator(function, topic, issuer)

    @rule(quorum=small, grace_s=small)
    def set_topic(self, quorum: int, grace_s: int) -> None:
        terms = TopicTerms(topic=KYC, quorum=quorum, grace_s=grace_s, values=())
        self.as_regulator("set_topic", terms)

    @rule(identity=people, version=small, added=st.booleans())
    def update_list(self, identity: str, version: int, *, added: bool) -> None:
        updated = ListUpdated(
            issuer=KYC_HOUSE,
            list_name="ofac",
            version=version,
            list_hash=EVIDENCE,
            added=(identity,) if added else (),
            removed=() if added else (identity,),
        )
        self.sign("update_list", updated, KYC_HOUSE)

    @rule(identity=people)
    def lift_bar(self, identity: str) -> None:
        """Clear somebody whom a list names, once its issuer is trusted no longer."""
        found = self.market.evaluate(IDENTITY, "barred_list", KYC_HOUSE, "ofac")
        following = found.load(BarredList).version + 1 if found.payload else 1
        self.update_list(identity, following, added=True)
        self.as_regulator("distrust_issuer", SCREENING, KYC_HOUSE)
        self.as_regulator("lift_bar", identity, KYC_HOUSE, "ofac")
        self.as_regulator("trust_issuer", SCREENING, KYC_HOUSE)

    # --- accounts ---

    @rule(identity=people, number=st.integers(min_value=1, max_value=9), closed=st.booleans())
    def link(self, identity: str, number: int, *, closed: bool) -> None:
        challenge = f"{number:064x}"
        terms = ChallengeTerms(
            challenge=challenge,
            account=f"a-{number}",
            expires_at=self.market.after(timedelta(minutes=1)),
        )
        self.act(partial(self.market.submit, P.BROKER_DEALER, IDENTITY, "open_challenge", terms))
        linked = AccountLinked(
            identity=identity, venue=P.BROKER_DEALER, account=f"a-{number}", challenge=challenge
        )
        self.sign("link_account", linked, identity)
        if closed:
            unlinked = AccountUnlinked(
                identity=identity, venue=P.BROKER_DEALER, account=f"a-{number}"
            )
            submit = (P.BROKER_DEALER, IDENTITY, "unlink_account", unlinked)
            self.act(partial(self.market.submit, *submit))

    @rule(seconds=st.integers(min_value=0, max_value=90))
    def wait(self, seconds: int) -> None:
        self.market.ledger.advance(timedelta(seconds=seconds))

    # --- what always holds ---

    @invariant()
    def events_rebuild_the_rows(self) -> None:
        assert self.directory.rows == dict(self.written())

    def written(self) -> Iterator[tuple[str, Model | str]]:
        for key, value in self.market.ledger.world.rows_of(IDENTITY).values.items():
            kind = split_composite_key(key)[0]
            if kind in LEFT_OUT:
                continue
            model = MODELS[kind]
            yield key, value.decode() if model is None else model.model_validate_json(value)

    @invariant()
    def nobody_is_out_of_control(self) -> None:
        identities = self.market.ledger.world.rows_of(IDENTITY).values
        for key, value in identities.items():
            kind, parts = split_composite_key(key)
            if kind != "identity":
                continue
            row = Identity.model_validate_json(value)
            if row.account_of is None:
                managing = sum(
                    each.is_active and "management" in each.purposes
                    for each in self.keys_of(parts[0])
                )
                assert managing >= row.control.management

    def keys_of(self, identity: str) -> Iterator[IdentityKey]:
        for key, row in self.written():
            kind, parts = split_composite_key(key)
            if kind == "key" and parts[0] == identity:
                assert isinstance(row, IdentityKey)
                yield row


TestDirectory = DirectoryMachine.TestCase
TestDirectory.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
