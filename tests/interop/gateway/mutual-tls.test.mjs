// Nodes that ask their clients for certificates, and requests that are bound to one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
    AGENT, ATS, check, failureOf, first, fresh, open, settle, textOf, tlsOf,
} from './network.mjs';

const agent = open(AGENT);
const token = agent.contract('token');
const newSecurity = () => {
    const security = fresh('TLS').toUpperCase().replaceAll('-', '');
    return { security, name: 'Shares', issuer: 'IssuerMSP' };
};
const streams = ({ network }, options) => [
    network.getBlockEvents(options),
    network.getFilteredBlockEvents(options),
    network.getBlockAndPrivateDataEvents(options),
];

describe('with mutual TLS', () => {
    test('a client that shows its certificate does whatever it may', async () => {
        const terms = newSecurity();
        const options = { arguments: [JSON.stringify(terms)] };
        const status = await settle(token, 'create_security', options);
        assert.equal(status.code, 0);
        const answer = await token.evaluateTransaction('security', terms.security);
        assert.equal(JSON.parse(textOf(answer)).terms.security, terms.security);
        const startBlock = status.blockNumber;
        const event = await first(await agent.network.getChaincodeEvents('token', { startBlock }));
        assert.equal(event.transactionId, status.transactionId);
        for (const stream of streams(agent, { startBlock })) {
            assert.ok(await first(await stream));
        }
    });

    test('a client that shows none is not let in', async () => {
        const stranger = open(AGENT, { tls: {} }).contract('token');
        check(await failureOf(stranger.evaluateTransaction('security', 'X')), {
            code: 'UNAVAILABLE',
            message: /./,
        });
    });

    test('block events need a request that is bound to the certificate shown', async () => {
        const { certificate, key } = tlsOf(AGENT);
        for (const digest of [undefined, tlsOf(ATS).digest]) {
            const unbound = open(AGENT, { tls: { certificate, key, digest } });
            for (const stream of streams(unbound, { startBlock: 0n })) {
                const error = await failureOf(stream.then(first));
                assert.equal(error.message, 'Unexpected status response: 400');
            }
        }
    });
});
