// The five methods of the gateway service, each on its own and through the client's shortcuts.

import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { describe, test } from 'node:test';

import { common, gateway, msp, peer } from '@hyperledger/fabric-protos';

import {
    AGENT, ATS, CLEARING, bytesOf, committedAt, fabrics, failureOf, fresh, open, profileOf, read,
    settle, textOf,
} from './network.mjs';

// The organisations that endorsed a transaction.
function endorsersOf(transaction) {
    const prepared = gateway.PreparedTransaction.deserializeBinary(transaction.getBytes());
    const envelope = prepared.getEnvelope();
    const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8());
    const [action] = peer.Transaction.deserializeBinary(payload.getData_asU8()).getActionsList();
    return peer.ChaincodeActionPayload.deserializeBinary(action.getPayload_asU8())
        .getAction()
        .getEndorsementsList()
        .map((each) => msp.SerializedIdentity.deserializeBinary(each.getEndorser_asU8()).getMspid())
        .sort();
}

describe('the gateway methods', () => {
    const ats = open(ATS);
    const agent = open(AGENT);
    const assets = ats.contract('assets');
    const bridge = ats.contract('bridge');

    test('Evaluate returns the result of one peer, and the ledger does not change', async () => {
        const key = fresh('evaluated');
        const proposal = bridge.newProposal('keep', { arguments: [key, 'value'] });
        assert.equal(textOf(await proposal.evaluate()), 'ATSMSP by bridge');
        assert.equal(textOf(await bridge.evaluateTransaction('get', key)), '');
    });

    test('Endorse returns the result and the endorsements that the policy asks for', async () => {
        const key = fresh('endorsed');
        const proposal = bridge.newProposal('keep', { arguments: [key, 'value'] });
        const transaction = await proposal.endorse();
        assert.equal(textOf(transaction.getResult()), 'ATSMSP by bridge');
        assert.equal(transaction.getTransactionId(), proposal.getTransactionId());
        assert.deepEqual(endorsersOf(transaction), [ATS, CLEARING]);
        assert.equal(textOf(await bridge.evaluateTransaction('get', key)), '');
    });

    test('Submit orders a transaction, and CommitStatus tells its code and block', async () => {
        const key = fresh('submitted');
        const proposal = bridge.newProposal('keep', { arguments: [key, 'value'] });
        const transaction = await proposal.endorse();
        const commit = await transaction.submit();
        assert.equal(textOf(commit.getResult()), 'ATSMSP by bridge');
        const status = await commit.getStatus();
        assert.deepEqual(
            { ...status, blockNumber: typeof status.blockNumber },
            {
                code: 0,
                successful: true,
                transactionId: transaction.getTransactionId(),
                blockNumber: 'bigint',
            },
        );
        assert.deepEqual(await commit.getStatus(), status);
        assert.equal(textOf(await bridge.evaluateTransaction('get', key)), 'value');
    });

    test('ChaincodeEvents streams what a transaction announced', async () => {
        const events = await ats.network.getChaincodeEvents('assets', { startBlock: 0n });
        const name = fresh('announced');
        const commit = await assets.submitAsync('announce', { arguments: [name, 'hear, hear'] });
        const { blockNumber, transactionId } = await commit.getStatus();
        const seen = await read(events, (event) => event.transactionId === transactionId);
        const event = seen.at(-1);
        assert.deepEqual(
            { ...event, payload: textOf(event.payload) },
            {
                blockNumber,
                transactionId,
                chaincodeName: 'assets',
                eventName: name,
                payload: 'hear, hear',
            },
        );
    });

    const ours = { skip: fabrics && 'contracts of the product are deployed to our peers alone' };

    test('a contract of the product is called by the shortcuts', ours, async () => {
        const token = agent.contract('token');
        const security = fresh('SEC').toUpperCase().replaceAll('-', '');
        const terms = { security, name: 'Interop Shares', issuer: 'IssuerMSP' };
        await token.submitTransaction('create_security', JSON.stringify(terms));
        const answer = JSON.parse(textOf(await token.evaluateTransaction('security', security)));
        assert.equal(answer.terms.security, security);
    });

    test('submit returns once the peer has committed, submitAsync before', async () => {
        const key = fresh('shortcut');
        await bridge.submit('keep', { arguments: [key, 'one'] });
        assert.equal(textOf(await bridge.evaluate('get', { arguments: [key] })), 'one');
        const commit = await bridge.submitAsync('keep', { arguments: [key, 'two'] });
        assert.equal(textOf(commit.getResult()), 'ATSMSP by bridge');
        assert.equal((await commit.getStatus()).successful, true);
        assert.equal(textOf(await bridge.evaluate('get', { arguments: [key] })), 'two');
    });

    test('arguments and results are bytes, whatever they hold', async () => {
        const key = fresh('binary');
        const every = Uint8Array.from({ length: 256 }, (_, index) => index);
        const value = Buffer.concat([every, crypto.randomBytes(64 * 1024), Buffer.alloc(3)]);
        const result = await bridge.submitTransaction('keep_bytes', bytesOf(key), value);
        assert.ok(value.equals(result));
        assert.ok(value.equals(await bridge.evaluateTransaction('get_bytes', key)));
        assert.equal((await bridge.evaluateTransaction('get_bytes', fresh('none'))).length, 0);
    });

    test('transient data reaches the chaincode, and not the ledger', async () => {
        const secret = fresh('secret');
        const options = { transientData: { secret: bytesOf(secret), other: 'text' } };
        assert.equal(textOf(await bridge.evaluate('whispered', options)), secret);
        const transaction = await bridge.newProposal('whispered', options).endorse();
        assert.equal(textOf(transaction.getResult()), secret);
        const key = fresh('private');
        const telling = { arguments: [key], transientData: { secret } };
        const proposal = assets.newProposal('tell', telling);
        assert.ok(Buffer.from(proposal.getBytes()).includes(secret));
        const stored = await proposal.endorse();
        assert.ok(!Buffer.from(stored.getBytes()).includes(secret));
        assert.equal((await (await stored.submit()).getStatus()).successful, true);
        assert.equal(textOf(await assets.evaluateTransaction('ask', key)), secret);
    });

    test('the client may name who endorses', async () => {
        const everybody = [ATS, CLEARING, AGENT];
        const options = { arguments: [fresh('named'), '1'], endorsingOrganizations: everybody };
        const transaction = await bridge.newProposal('keep', options).endorse();
        assert.deepEqual(endorsersOf(transaction), everybody);
        assert.equal((await (await transaction.submit()).getStatus()).successful, true);
    });

    test('the client may name who evaluates', async () => {
        const key = fresh('targeted');
        const transientData = { secret: 'mine' };
        const told = await settle(assets, 'tell', { arguments: [key], transientData });
        await committedAt(told.transactionId, CLEARING, AGENT);
        // The transfer agent's peer has no private data of this collection; those of members have.
        const visitor = open(ATS, { at: AGENT }).contract('assets');
        const ask = (mspId) =>
            visitor.evaluate('ask', { arguments: [key], endorsingOrganizations: [mspId] });
        assert.equal(textOf(await ask(ATS)), 'mine');
        assert.equal(textOf(await ask(CLEARING)), 'mine');
        const [{ mspId, message }] = (await failureOf(ask(AGENT))).details;
        assert.equal(mspId, AGENT);
        assert.match(message, /private data matching public hash version is not available/);
    });

    test('an organisation without peers uses the gateway of another', async () => {
        const broker = open('BrokerDealerMSP');
        assert.equal(profileOf('BrokerDealerMSP').gateway, profileOf(CLEARING).gateway);
        const key = fresh('guest');
        const result = await broker.contract('bridge').submitTransaction('keep', key, 'value');
        assert.equal(textOf(result), 'BrokerDealerMSP by bridge');
    });
});
