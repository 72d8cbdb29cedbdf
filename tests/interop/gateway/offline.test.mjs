// Offline signing: the connection has no key; each message goes to its owner, and back signed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ATS, bytesOf, clientOf, failureOf, first, fresh, open, textOf } from './network.mjs';

const NOT_SIGNED = 'No signing implementation';

const owner = clientOf(ATS);
const { gateway, network, contract } = open(ATS, { member: { identity: owner.identity } });
const assets = contract('assets');

// What the owner of the key does with a message, of which it gets the digest alone.
const signed = async (message) => [message.getBytes(), await owner.signer(message.getDigest())];

const endorsed = async (name, options) =>
    gateway.newSignedProposal(...(await signed(assets.newProposal(name, options)))).endorse();

async function submitted(transaction) {
    const sent = gateway.newSignedTransaction(...(await signed(transaction)));
    return sent.submit();
}

describe('offline signing', () => {
    test('nothing is signed by the connection itself', async () => {
        for (const use of [
            () => assets.newProposal('get', { arguments: ['x'] }).evaluate(),
            () => assets.newProposal('put', { arguments: ['x', '1'] }).endorse(),
            () => network.newChaincodeEventsRequest('assets').getEvents(),
            () => network.newBlockEventsRequest().getEvents(),
        ]) {
            assert.equal((await failureOf(use())).message, NOT_SIGNED);
        }
        const transaction = await endorsed('put', { arguments: [fresh('unsigned'), '1'] });
        assert.equal((await failureOf(transaction.submit())).message, NOT_SIGNED);
        const commit = await submitted(transaction);
        assert.equal((await failureOf(commit.getStatus())).message, NOT_SIGNED);
    });

    test('a signed proposal is evaluated', async () => {
        const unsigned = assets.newProposal('whoAmI');
        const proposal = gateway.newSignedProposal(...(await signed(unsigned)));
        assert.equal(proposal.getTransactionId(), unsigned.getTransactionId());
        const answer = JSON.parse(textOf(await proposal.evaluate()));
        assert.equal(answer.msp, ATS);
        assert.equal(answer.transaction, unsigned.getTransactionId());
    });

    test('a transaction is proposed, endorsed, submitted and waited for', async () => {
        const key = fresh('offline');
        const transaction = await endorsed('increment', { arguments: [key] });
        assert.equal(textOf(transaction.getResult()), '1');
        const commit = await submitted(transaction);
        const waiting = gateway.newSignedCommit(...(await signed(commit)));
        const status = await waiting.getStatus();
        assert.equal(status.successful, true);
        assert.equal(status.transactionId, transaction.getTransactionId());
        assert.equal(waiting.getTransactionId(), transaction.getTransactionId());
    });

    test('transient data and named endorsers survive the way to the signer and back', async () => {
        const key = fresh('offline-secret');
        const transaction = await endorsed('tell', {
            arguments: [key],
            transientData: { secret: bytesOf('42') },
            endorsingOrganizations: [ATS, 'ClearingMSP'],
        });
        const commit = await submitted(transaction);
        const status = await gateway.newSignedCommit(...(await signed(commit))).getStatus();
        assert.equal(status.successful, true);
    });

    test('chaincode events are asked for', async () => {
        const name = fresh('offline-event');
        const commit = await submitted(await endorsed('announce', { arguments: [name, 'hear'] }));
        const waiting = gateway.newSignedCommit(...(await signed(commit)));
        const { blockNumber: startBlock } = await waiting.getStatus();
        const request = network.newChaincodeEventsRequest('assets', { startBlock });
        const events = gateway.newSignedChaincodeEventsRequest(...(await signed(request)));
        assert.equal((await first(await events.getEvents())).eventName, name);
    });

    const forms = {
        'whole blocks': {
            request: (options) => network.newBlockEventsRequest(options),
            sign: (...parts) => gateway.newSignedBlockEventsRequest(...parts),
            number: (block) => block.getHeader().getNumber(),
        },
        'filtered blocks': {
            request: (options) => network.newFilteredBlockEventsRequest(options),
            sign: (...parts) => gateway.newSignedFilteredBlockEventsRequest(...parts),
            number: (block) => block.getNumber(),
        },
        'blocks with private data': {
            request: (options) => network.newBlockAndPrivateDataEventsRequest(options),
            sign: (...parts) => gateway.newSignedBlockAndPrivateDataEventsRequest(...parts),
            number: (event) => event.getBlock().getHeader().getNumber(),
        },
    };

    for (const [form, { request, sign, number }] of Object.entries(forms)) {
        test(`${form} are asked for`, async () => {
            const signedRequest = sign(...(await signed(request({ startBlock: 1n }))));
            assert.equal(number(await first(await signedRequest.getEvents())), 1);
        });
    }
});
