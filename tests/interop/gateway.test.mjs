// The unmodified @hyperledger/fabric-gateway package against a running cluster.
//
// TALLYSTICK_NETWORK names the network directory; `tally cluster up` wrote a profile for each
// organisation into its folder `profiles`.

import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { after, before, describe, test } from 'node:test';

import * as grpc from '@grpc/grpc-js';
import {
    checkpointers,
    CommitError,
    connect,
    EndorseError,
    GatewayError,
    hash,
    signers,
} from '@hyperledger/fabric-gateway';

const network = process.env.TALLYSTICK_NETWORK;
assert.ok(network, 'set TALLYSTICK_NETWORK to the directory of a running network');

const utf8 = new TextDecoder();
const unique = Date.now().toString(36).toUpperCase();
const securityCalled = (name) => `${name}${unique}`;
const termsOf = (security) =>
    JSON.stringify({ security, name: 'Interop Shares', issuer: 'IssuerMSP' });

const clients = [];

async function open(mspId) {
    const profileFile = path.join(network, 'profiles', `${mspId}.json`);
    const profile = JSON.parse(await fs.readFile(profileFile, 'utf8'));
    const file = (name) => fs.readFile(path.resolve(path.dirname(profileFile), profile[name]));
    const credentials = grpc.credentials.createSsl(await file('tls_ca'));
    const client = new grpc.Client(profile.gateway, credentials);
    const gateway = connect({
        client,
        hash: hash.sha256,
        identity: { mspId: profile.msp_id, credentials: await file('certificate') },
        signer: signers.newPrivateKeySigner(crypto.createPrivateKey(await file('key'))),
        evaluateOptions: () => ({ deadline: Date.now() + 10_000 }),
        endorseOptions: () => ({ deadline: Date.now() + 20_000 }),
        submitOptions: () => ({ deadline: Date.now() + 10_000 }),
        commitStatusOptions: () => ({ deadline: Date.now() + 60_000 }),
    });
    clients.push({ client, gateway });
    return { gateway, network: gateway.getNetwork(profile.channel) };
}

async function first(iterable, wanted) {
    try {
        for await (const item of iterable) {
            if (wanted(item)) {
                return item;
            }
        }
    } finally {
        iterable.close();
    }
    throw new Error('the stream ended before what was awaited');
}

describe('Fabric gateway client for Node', () => {
    let agent;
    let token;

    before(async () => {
        agent = await open('TransferAgentMSP');
        token = agent.network.getContract('token');
    });

    after(() => {
        for (const { client, gateway } of clients) {
            gateway.close();
            client.close();
        }
    });

    test('submits a transaction and evaluates what it wrote', async () => {
        const security = securityCalled('SUBMIT');
        await token.submitTransaction('create_security', termsOf(security));
        const answer = JSON.parse(utf8.decode(await token.evaluateTransaction('security', security)));
        assert.equal(answer.terms.security, security);
    });

    test('waits for the commit step by step', async () => {
        const proposal = token.newProposal('create_security', {
            arguments: [termsOf(securityCalled('STEPS'))],
        });
        const transaction = await proposal.endorse();
        const commit = await transaction.submit();
        const status = await commit.getStatus();
        assert.equal(status.code, 0);
        assert.equal(status.successful, true);
        assert.equal(status.transactionId, proposal.getTransactionId());
        assert.ok(status.blockNumber > 0n);
    });

    test('submits a transaction that was signed offline', async () => {
        const unsigned = token.newProposal('create_security', {
            arguments: [termsOf(securityCalled('OFFLINE'))],
        });
        const { gateway } = agent;
        const profileFile = path.join(network, 'profiles', 'TransferAgentMSP.json');
        const profile = JSON.parse(await fs.readFile(profileFile, 'utf8'));
        const key = await fs.readFile(path.resolve(path.dirname(profileFile), profile.key));
        const sign = signers.newPrivateKeySigner(crypto.createPrivateKey(key));

        const signed = gateway.newSignedProposal(
            unsigned.getBytes(),
            await sign(unsigned.getDigest()),
        );
        const endorsed = await signed.endorse();
        const transaction = gateway.newSignedTransaction(
            endorsed.getBytes(),
            await sign(endorsed.getDigest()),
        );
        const submitted = await transaction.submit();
        const commit = gateway.newSignedCommit(
            submitted.getBytes(),
            await sign(submitted.getDigest()),
        );
        assert.equal((await commit.getStatus()).successful, true);
    });

    test('learns from each endorser why it refused', async () => {
        const failure = await token
            .submitTransaction('issue', 'NOSUCH', 'nobody', '5')
            .then(() => assert.fail('it was endorsed'), (error) => error);
        assert.ok(failure instanceof EndorseError, String(failure));
        assert.equal(failure.code, grpc.status.ABORTED);
        assert.ok(failure.transactionId);
        assert.ok(failure.details.length > 0);
        for (const detail of failure.details) {
            assert.match(detail.mspId, /MSP$/);
            assert.match(detail.address, /:\d+$/);
            assert.match(detail.message, /^chaincode response 4\d\d, [A-Z_]+: /);
        }
    });

    test('learns why an evaluation was refused', async () => {
        const failure = await token
            .evaluateTransaction('security', 'NOSUCH')
            .then(() => assert.fail('it was answered'), (error) => error);
        assert.ok(failure instanceof GatewayError, String(failure));
        assert.equal(failure.code, grpc.status.UNKNOWN);
        assert.match(failure.details[0].message, /^chaincode response 4\d\d, /);
    });

    test('sees a transaction that too few organisations endorsed fail at commit', async () => {
        const failure = await token
            .submit('create_security', {
                arguments: [termsOf(securityCalled('FEW'))],
                endorsingOrganizations: ['ATSMSP'],
            })
            .then(() => assert.fail('it was committed as valid'), (error) => error);
        assert.ok(failure instanceof CommitError, String(failure));
        assert.equal(failure.code, 10);
    });

    test('receives chaincode events from a checkpoint, without a gap or a repeat', async () => {
        const names = ['EVENTA', 'EVENTB', 'EVENTC'].map(securityCalled);
        const { blockNumber: startBlock } = await token
            .submitAsync('create_security', { arguments: [termsOf(names[0])] })
            .then((submitted) => submitted.getStatus());
        await token.submitTransaction('create_security', termsOf(names[1]));
        await token.submitTransaction('create_security', termsOf(names[2]));

        const checkpointer = checkpointers.inMemory();
        const seen = [];
        const securityOf = (event) => JSON.parse(utf8.decode(event.payload)).events[0].data.security;
        const read = async (last, options) => {
            const events = await agent.network.getChaincodeEvents('token', options);
            await first(events, (event) => {
                seen.push(securityOf(event));
                checkpointer.checkpointChaincodeEvent(event);
                return seen.at(-1) === last;
            });
        };
        await read(names[0], { startBlock });
        await read(names[2], { checkpoint: checkpointer });
        assert.deepEqual(seen, names);
    });

    test('reads block events and filtered block events', async () => {
        const blocks = await agent.network.getBlockEvents({ startBlock: 0n });
        const genesis = await first(blocks, () => true);
        assert.equal(genesis.getHeader().getNumber(), 0);
        assert.equal(genesis.getMetadata().getMetadataList().length, 5);

        const proposal = token.newProposal('create_security', {
            arguments: [termsOf(securityCalled('BLOCK'))],
        });
        const commit = await (await proposal.endorse()).submit();
        const { blockNumber } = await commit.getStatus();
        const filtered = await agent.network.getFilteredBlockEvents({ startBlock: blockNumber });
        const block = await first(filtered, () => true);
        assert.equal(BigInt(block.getNumber()), blockNumber);
        const ids = block.getFilteredTransactionsList().map((transaction) => transaction.getTxid());
        assert.ok(ids.includes(proposal.getTransactionId()));
    });
});
