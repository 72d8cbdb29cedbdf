"""What peers make of transactions that should never have been ordered (wire.md §12).

The orderer in these tests orders whatever it is given, as one that was taken over might.
"""

from collections.abc import Awaitable, Callable

import pytest
from tests.scenarios.refusals.network import RefusalNetwork
from tests.scenarios.refusals.requests import (
    TransactionDraft,
    draft,
    endorsed,
    high_s,
    message,
    resigned,
)

from tallystick.protos.common.common_pb2 import CONFIG_UPDATE, Envelope, Payload
from tallystick.protos.peer import transaction_pb2 as codes
from tallystick.protos.peer.transaction_pb2 import Transaction
from tallystick.wire.signing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Make = Callable[[RefusalNetwork], Awaitable[bytes]]


def endorsed_by(*who: Callable[[RefusalNetwork], Signer]) -> Make:
    """Return what makes a transaction that these endorse, instead of the two peers."""

    async def make(network: RefusalNetwork) -> bytes:
        transaction = await endorsed(network)
        return transaction.endorsed_by(*[each(network) for each in who]).encoded()

    return make


def spoiled(change: Callable[[TransactionDraft], object]) -> Make:
    """Return what makes a transaction, changes it, and signs it."""

    async def make(network: RefusalNetwork) -> bytes:
        transaction = await endorsed(network)
        change(transaction)
        return transaction.encoded()

    return make


def submitted_by(who: Callable[[RefusalNetwork], Signer]) -> Make:
    """Return what makes a transaction that somebody else signs than the one who proposed it."""

    async def make(network: RefusalNetwork) -> bytes:
        transaction = await endorsed(network)
        transaction.signer = who(network)
        return transaction.encoded()

    return make


def sent_by(who: Callable[[RefusalNetwork], Signer]) -> Make:
    """Return what makes a message of somebody: it is refused before anybody looks into it."""

    async def make(network: RefusalNetwork) -> bytes:
        return message(network, who(network)).SerializeToString()

    return make


def entry(payload: bytes) -> Make:
    """Return what makes an envelope around ``payload``, signed or it could not be in a block."""

    async def make(_: RefusalNetwork) -> bytes:
        return Envelope(payload=payload, signature=b"signature").SerializeToString()

    return make


async def config_update(network: RefusalNetwork) -> bytes:
    return message(network, header_type=CONFIG_UPDATE).SerializeToString()


async def of_unknown_type(network: RefusalNetwork) -> bytes:
    return message(network, header_type=42).SerializeToString()


async def with_garbage_for_a_signature(network: RefusalNetwork) -> bytes:
    return resigned((await endorsed(network)).envelope(), b"signature").SerializeToString()


async def with_high_s(network: RefusalNetwork) -> bytes:
    envelope = (await endorsed(network)).envelope()
    return resigned(envelope, high_s(envelope.signature)).SerializeToString()


async def altered_after_signing(network: RefusalNetwork) -> bytes:
    envelope = (await endorsed(network)).envelope()
    payload = envelope.payload.replace(b"text", b"TEXT")
    assert payload != envelope.payload
    return Envelope(payload=payload, signature=envelope.signature).SerializeToString()


async def for_another_channel(network: RefusalNetwork) -> bytes:
    proposal = draft(network)
    transaction = await endorsed(network, proposal)
    proposal.header.channel_id = "elsewhere"
    return _reproposed(network, transaction, proposal.signed().proposal_bytes)


async def with_another_id(network: RefusalNetwork) -> bytes:
    proposal = draft(network)
    transaction = await endorsed(network, proposal)
    proposal.transaction_id = "0" * 64
    return _reproposed(network, transaction, proposal.signed().proposal_bytes)


async def answering_another_proposal(network: RefusalNetwork) -> bytes:
    first, second = await endorsed(network), await endorsed(network)
    first.payload, first.endorsements = second.payload, second.endorsements
    return first.encoded()


def _reproposed(
    network: RefusalNetwork, transaction: TransactionDraft, proposal_bytes: bytes
) -> bytes:
    """Return a transaction whose endorsers are made to agree with another proposal."""
    transaction.answer(proposal_bytes)
    people = network.people
    return transaction.endorsed_by(people.clearing_peer, people.bank_peer).encoded()


async def calling_what_is_not_defined(network: RefusalNetwork) -> bytes:
    proposal = draft(network)
    transaction = await endorsed(network, proposal)
    proposal.chaincode = "nothing"
    transaction.payload = transaction.payload.replace(b"notes", b"other")
    return _reproposed(network, transaction, proposal.signed().proposal_bytes)


def twice(transaction: TransactionDraft) -> None:
    def change(payload: Payload) -> None:
        actions = Transaction.FromString(payload.data).actions
        payload.data = Transaction(actions=[*actions, *actions]).SerializeToString()

    transaction.change = change


def without_data(transaction: TransactionDraft) -> None:
    transaction.change = lambda payload: payload.ClearField("data")


def with_another_result(transaction: TransactionDraft) -> None:
    transaction.payload = transaction.payload.replace(b"text", b"TEXT")


def with_forged_endorsement(transaction: TransactionDraft) -> None:
    transaction.endorsements[1].signature = transaction.endorsements[0].signature


def with_high_s_endorsement(transaction: TransactionDraft) -> None:
    transaction.endorsements[1].signature = high_s(transaction.endorsements[1].signature)


def with_one_endorsement(transaction: TransactionDraft) -> None:
    del transaction.endorsements[1:]


def with_no_endorsement(transaction: TransactionDraft) -> None:
    transaction.endorsements.clear()


BAD_CREATOR_SIGNATURE = codes.BAD_CREATOR_SIGNATURE
ENDORSEMENT_POLICY_FAILURE = codes.ENDORSEMENT_POLICY_FAILURE


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(entry(b"\xff"), codes.BAD_PAYLOAD, id="an envelope around garbage"),
        pytest.param(
            entry(Payload(data=b"data").SerializeToString()),
            codes.BAD_COMMON_HEADER,
            id="no header",
        ),
        pytest.param(of_unknown_type, codes.BAD_COMMON_HEADER, id="an unknown type"),
        pytest.param(with_garbage_for_a_signature, BAD_CREATOR_SIGNATURE, id="signed with garbage"),
        pytest.param(with_high_s, BAD_CREATOR_SIGNATURE, id="the signature's other half (§2)"),
        pytest.param(altered_after_signing, BAD_CREATOR_SIGNATURE, id="altered after signing"),
        pytest.param(
            submitted_by(lambda network: network.people.colleague),
            BAD_CREATOR_SIGNATURE,
            id="signed by a colleague of the one who proposed it",
        ),
        pytest.param(
            sent_by(lambda network: network.people.revoked),
            BAD_CREATOR_SIGNATURE,
            id="a revoked client (§14.5)",
        ),
        pytest.param(
            sent_by(lambda network: network.people.stranger),
            BAD_CREATOR_SIGNATURE,
            id="a client of an organisation that is not on the channel",
        ),
        pytest.param(config_update, codes.UNSUPPORTED_TX_PAYLOAD, id="a configuration update"),
        pytest.param(
            with_another_id,
            codes.BAD_PROPOSAL_TXID,
            id="an id that does not follow from nonce and creator",
        ),
        pytest.param(
            spoiled(without_data), codes.INVALID_ENDORSER_TRANSACTION, id="a transaction of nothing"
        ),
        pytest.param(
            spoiled(twice), codes.INVALID_ENDORSER_TRANSACTION, id="the same action twice"
        ),
        pytest.param(
            answering_another_proposal,
            codes.INVALID_ENDORSER_TRANSACTION,
            id="what was endorsed for another proposal",
        ),
        pytest.param(for_another_channel, BAD_CREATOR_SIGNATURE, id="for another channel"),
        pytest.param(
            calling_what_is_not_defined,
            codes.INVALID_CHAINCODE,
            id="a chaincode that is not defined",
        ),
        pytest.param(
            spoiled(with_another_result), ENDORSEMENT_POLICY_FAILURE, id="altered after endorsing"
        ),
        pytest.param(
            spoiled(with_forged_endorsement), ENDORSEMENT_POLICY_FAILURE, id="a forged endorsement"
        ),
        pytest.param(
            spoiled(with_high_s_endorsement),
            ENDORSEMENT_POLICY_FAILURE,
            id="the other half of an endorsement's signature (§2)",
        ),
        pytest.param(
            spoiled(with_one_endorsement), ENDORSEMENT_POLICY_FAILURE, id="one endorsement of two"
        ),
        pytest.param(spoiled(with_no_endorsement), ENDORSEMENT_POLICY_FAILURE, id="no endorsement"),
        pytest.param(
            endorsed_by(
                lambda network: network.people.clearing_peer,
                lambda network: network.people.clearing_peer,
            ),
            ENDORSEMENT_POLICY_FAILURE,
            id="one peer twice (§14.1)",
        ),
        pytest.param(
            endorsed_by(
                lambda network: network.people.client, lambda network: network.people.bank_peer
            ),
            ENDORSEMENT_POLICY_FAILURE,
            id="a client in place of its peer (§14.4)",
        ),
        pytest.param(
            endorsed_by(
                lambda network: network.people.revoked_peer,
                lambda network: network.people.bank_peer,
            ),
            ENDORSEMENT_POLICY_FAILURE,
            id="a revoked peer (§14.5)",
        ),
        pytest.param(
            endorsed_by(
                lambda network: network.people.stranger, lambda network: network.people.bank_peer
            ),
            ENDORSEMENT_POLICY_FAILURE,
            id="an organisation that is not on the channel",
        ),
    ],
)
async def test_a_bad_transaction_that_is_ordered_is_invalid(
    network: RefusalNetwork, make: Make, code: int
) -> None:
    assert await network.order(await make(network)) == [code]
    assert network.value("key") is None


async def test_what_is_replayed_is_valid_once(network: RefusalNetwork) -> None:
    proposal = draft(network)
    proposal.args = (b"write", b"once", b"text")
    transaction = (await endorsed(network, proposal)).encoded()
    assert await network.order(transaction, transaction) == [codes.VALID, codes.DUPLICATE_TXID]
    assert await network.order(transaction) == [codes.DUPLICATE_TXID]
    assert network.value("once") == b"text"


async def test_other_endorsements_do_not_make_a_replay_new(network: RefusalNetwork) -> None:
    proposal = draft(network)
    proposal.args = (b"write", b"again", b"text")
    transaction = await endorsed(network, proposal)
    people = network.people
    again = transaction.endorsed_by(people.bank_peer, people.clearing_peer).encoded()
    found = [
        await network.order(transaction.encoded()),
        await network.order(again),
    ]
    assert found == [[codes.VALID], [codes.DUPLICATE_TXID]]
