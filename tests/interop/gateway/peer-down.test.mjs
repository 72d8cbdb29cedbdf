// The peer of the clearing firm is down; every other node runs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AGENT, ATS, CLEARING, check, failureOf, fresh, open, settle, textOf } from './network.mjs';

const ats = open(ATS);
const assets = ats.contract('assets');
const NOT_ENOUGH =
    'failed to collect enough transaction endorsements, see attached details for more info';
const silent = [CLEARING, /^rpc error: code = Unavailable desc = ./];

describe('a peer is down', () => {
    test('whom the policy needs: Endorse names it', async () => {
        const failure = {
            type: 'EndorseError',
            code: 'ABORTED',
            message: NOT_ENOUGH,
            details: [silent],
        };
        check(await failureOf(assets.submitTransaction('increment', 'x')), failure);
        const options = { arguments: ['x'], endorsingOrganizations: [ATS, CLEARING] };
        check(await failureOf(assets.submit('increment', options)), failure);
        // Asked once more, the gateway knows already that nobody is there, and says the same.
        check(await failureOf(assets.submitTransaction('increment', 'x')), failure);
    });

    test('whom the client wants: Evaluate names it', async () => {
        const options = { arguments: ['x'], endorsingOrganizations: [CLEARING] };
        check(await failureOf(assets.evaluate('get', options)), {
            code: 'UNAVAILABLE',
            message: 'failed to evaluate transaction, see attached details for more info',
            details: [silent],
        });
    });

    test('whom nobody needs: another endorses in its place', async () => {
        const token = open(AGENT).contract('token');
        const security = fresh('DOWN').toUpperCase().replaceAll('-', '');
        const terms = JSON.stringify({ security, name: 'Shares', issuer: 'IssuerMSP' });
        assert.equal((await settle(token, 'create_security', { arguments: [terms] })).code, 0);
        const answer = await token.evaluateTransaction('security', security);
        assert.equal(JSON.parse(textOf(answer)).terms.security, security);
    });

    test('with which the client itself would speak', async () => {
        const contract = open(CLEARING).contract('assets');
        check(await failureOf(contract.evaluateTransaction('get', 'x')), {
            code: 'UNAVAILABLE',
            message: /ECONNREFUSED/,
        });
    });
});
