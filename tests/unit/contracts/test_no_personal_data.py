"""Who an investor is stands in a service off the ledger, and in no row, argument or event.

Days of a whole market are lived through by persons whose records a service keeps; grants let
somebody read them there. Then all that the ledger has is searched for what the records say.
"""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

import pytest
from pydantic import JsonValue
from tests.unit.contracts.in_public import Told, guesses, listening
from tests.unit.contracts.market_day import INVESTORS, MarketDays, Secrets

from tallystick.chaincode.codec import Argument, encode
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.models import EvidenceReference
from tallystick.contracts.identities.models import AccessVerdict, InvestorReference
from tallystick.contracts.identity.models import References
from tallystick.contracts.intents import canonical_json
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import AccessGranted, AccessWithdrawn

P = Participant
IDENTITY = Chaincode.IDENTITY
FIELDS = ("given-name", "birth-date", "address", "document-number")
WHO = INVESTORS[0]


def record_of(identity: str) -> Mapping[str, str]:
    """Return what the service keeps of a person; all of its words are made up."""
    mark = sha256(identity.encode()).hexdigest()[:6]
    number = int(mark, 16)
    words = (
        f"Ottoline-{mark}",
        f"19{number % 40 + 50}-0{number % 9 + 1}-{number % 18 + 10}",
        f"{number % 90 + 10} Quince Lane, Marrowby {mark}",
        f"X{number}Q",
    )
    return dict(zip(FIELDS, words, strict=True))


class RecordedMarket(MarketDays):
    """A market whose investors have records with a service of the transfer agent.

    Attributes:
        given: Each argument that was given, but for transient ones, and each result.
    """

    given = b""

    def submit(
        self,
        participant: str,
        chaincode: str,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        outcome = super().submit(participant, chaincode, function, *arguments, **secrets)
        self.given += b"\n".join([b"", *map(encode, arguments), outcome.payload])
        return outcome

    def investor(self, identity: str) -> InvestorReference:
        return super().investor(identity).model_copy(update={"record": place_of(identity)})

    def evidence(self, subject: str) -> EvidenceReference:
        found = {"record": place_of(subject), "document_hash": document_hash(subject)}
        return super().evidence(subject).model_copy(update=found)

    def read_at_the_service(self, identity: str, grant: str) -> Mapping[str, str]:
        """Return what the service gives of a record, once the ledger lets it and has noted it."""
        fields: list[JsonValue] = [*FIELDS]
        verdict = self.evaluate(IDENTITY, "may_access", identity, grant, fields)
        if not verdict.load(AccessVerdict).allowed:
            return {}
        self.submit(P.TRANSFER_AGENT, IDENTITY, "record_access", identity, grant, fields)
        return record_of(identity)

    def grant(self, identity: str, reason: str = "annual report") -> None:
        """Let the issuer read a record."""
        said = AccessGranted(
            identity=identity,
            grant="g-1",
            service=P.TRANSFER_AGENT,
            grantee=P.ISSUER,
            fields=FIELDS,
            reason=reason,
            expires_at=self.after(timedelta(hours=1)),
        )
        intent = self.sign(identity, said)
        self.submit(P.BROKER_DEALER, IDENTITY, "grant_access", said, intent)

    def public_part(self) -> bytes:
        """Return the public rows of all contracts, with all that they ever were."""
        rows = self.public_rows(*Chaincode)
        return b"\n".join(part for _, key, value in rows for part in (key.encode(), value))

    def private_part(self) -> bytes:
        """Return the private rows of all contracts, as their members have them."""
        rows = [self.ledger.world.rows_of(each).private for each in Chaincode]
        return b"\n".join(
            part
            for each in rows
            for (collection, key), value in each.items()
            for part in (collection.encode(), key.encode(), value)
        )


def place_of(identity: str) -> str:
    return f"vault/{sha256(b'drawer ' + identity.encode()).hexdigest()[:12]}"


def document_hash(identity: str) -> str:
    """Return the hash of a record as a whole, which nobody guesses who does not have it."""
    return sha256(canonical_json(dict(record_of(identity)))).hexdigest()


@pytest.fixture(scope="module")
def lived() -> tuple[RecordedMarket, Told]:
    """A market after its days, with references, grants and reads of records; what was told."""
    market = RecordedMarket()
    with listening() as told:
        market.set_the_stage()
        everybody = References(
            investors=tuple(map(market.investor, INVESTORS)),
            evidence=tuple(map(market.evidence, INVESTORS)),
        )
        market.submit(P.BROKER_DEALER, IDENTITY, "keep_references", references=everybody)
        for each in INVESTORS:
            market.grant(each)
            assert market.read_at_the_service(each, "g-1") == record_of(each)
        ends = AccessWithdrawn(identity=WHO, grant="g-1")
        market.submit(P.BROKER_DEALER, IDENTITY, "revoke_access", ends, market.sign(WHO, ends))
        assert market.read_at_the_service(WHO, "g-1") == {}
        market.live(Secrets())
    return market, told


def said_in(text: bytes | bytearray, words: list[str]) -> list[str]:
    """Return those words that a text has, in plain text or as a hash without a salt."""
    spelt = {word: (word, word.lower(), f'"{word}"') for word in words}
    return [
        word
        for word in words
        if any(guess in text for each in spelt[word] for guess in guesses(each))
    ]


WORDS = [word for each in INVESTORS for word in record_of(each).values()]


def test_no_row_argument_or_event_has_a_word_of_who_somebody_is(
    lived: tuple[RecordedMarket, Told],
) -> None:
    """SS-34: not in the private rows either, which those who may know have."""
    market, told = lived
    assert len(set(WORDS)) == len(INVESTORS) * len(FIELDS)

    assert said_in(market.public_part(), WORDS) == []
    assert said_in(market.private_part(), WORDS) == []
    assert said_in(told.text, WORDS) == []
    assert said_in(market.given, WORDS) == []


def test_where_a_record_lies_and_its_hash_are_for_those_who_may_know(
    lived: tuple[RecordedMarket, Told],
) -> None:
    """SS-34: whoever guesses a whole record finds nothing public to try it on."""
    market, told = lived
    facts = [fact for each in INVESTORS for fact in (place_of(each), document_hash(each))]

    assert said_in(market.private_part(), facts) == facts
    assert said_in(market.public_part(), facts) == []
    assert said_in(told.text, facts) == []
    assert said_in(market.given, facts) == []


@pytest.mark.parametrize("hidden", ["", "sha-256"])
def test_the_search_finds_a_word_that_somebody_does_write_down(hidden: str) -> None:
    """So the tests above can fail: in the reason of a grant anybody may write what they like."""
    name = record_of(WHO)["given-name"]
    market = RecordedMarket()
    with listening() as told:
        market.set_the_stage()
        written = sha256(name.encode()).hexdigest() if hidden else name
        market.grant(WHO, reason=f"for {written}")

    assert said_in(market.public_part(), WORDS) == [name]
    assert said_in(told.text, WORDS) == [name]
    assert said_in(market.given, WORDS) == [name]
