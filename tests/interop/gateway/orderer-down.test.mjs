// The only orderer is down; every peer runs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ATS, check, failureOf, first, fresh, open, textOf } from './network.mjs';

const ats = open(ATS);
const bridge = ats.contract('bridge');

describe('the orderer is down', () => {
    test('Submit names it', async () => {
        const proposal = bridge.newProposal('keep', { arguments: [fresh('unordered'), 'x'] });
        const transaction = await proposal.endorse();
        for (const attempt of ['first', 'second']) {
            const error = await failureOf(transaction.submit());
            check(error, {
                type: 'SubmitError',
                code: 'UNAVAILABLE',
                message: 'no orderers could successfully process transaction',
                details: [['OrdererMSP', /^rpc error: code = Unavailable desc = ./]],
            });
            assert.equal(error.transactionId, transaction.getTransactionId(), attempt);
        }
    });

    test('what was committed can be read and replayed', async () => {
        assert.equal(textOf(await bridge.evaluateTransaction('get', fresh('nothing'))), '');
        const block = await first(await ats.network.getBlockEvents({ startBlock: 0n }));
        assert.equal(block.getHeader().getNumber(), 0);
    });
});
