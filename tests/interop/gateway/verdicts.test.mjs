// Transactions that were ordered and are not valid: the code of each, and when the client throws.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CommitError, GatewayError, StatusCode } from '@hyperledger/fabric-gateway';

import { ATS, commitOf, failureOf, fresh, open, read, settle, textOf } from './network.mjs';

const ats = open(ATS);
const assets = ats.contract('assets');
const bridge = ats.contract('bridge');

describe('a transaction is not valid', () => {
    function assertCommitError(error, name) {
        const code = StatusCode[name];
        assert.ok(error instanceof CommitError, String(error.stack));
        assert.ok(!(error instanceof GatewayError));
        assert.equal(error.code, code);
        assert.ok(error.message.endsWith(`failed to commit with status code ${code} (${name})`));
        assert.match(error.transactionId, /^[0-9a-f]{64}$/);
    }

    const outcome = async (transaction) => (await transaction.submit()).getStatus();

    test('since another changed what it read', async () => {
        const key = fresh('contended');
        const endorse = () => assets.newProposal('increment', { arguments: [key] }).endorse();
        const [early, late] = await Promise.all([endorse(), endorse()]);
        assert.equal((await outcome(early)).code, StatusCode.VALID);
        const status = await outcome(late);
        assert.equal(status.code, StatusCode.MVCC_READ_CONFLICT);
        assert.equal(status.successful, false);
        assert.equal(textOf(await assets.evaluateTransaction('get', key)), '1');
    });

    test('since a key came into a range that it read', async () => {
        const prefix = fresh('range');
        const reader = assets.newProposal('range', { arguments: [`${prefix}-`, `${prefix}-~`] });
        const transaction = await reader.endorse();
        await assets.submitTransaction('put', `${prefix}-phantom`, '1');
        assert.equal((await outcome(transaction)).code, StatusCode.PHANTOM_READ_CONFLICT);
    });

    test('since too few endorsed it: submit throws', async () => {
        const options = { arguments: [fresh('few'), 'x'], endorsingOrganizations: [ATS] };
        const error = await failureOf(bridge.submit('keep', options));
        assertCommitError(error, 'ENDORSEMENT_POLICY_FAILURE');
    });

    test('since another was first: submit throws, and every other counts', async () => {
        const key = fresh('race');
        const racing = Array.from({ length: 8 }, () =>
            assets.submitTransaction('increment', key).then(
                () => null,
                (error) => error,
            ),
        );
        const errors = (await Promise.all(racing)).filter((error) => error !== null);
        const count = Number(textOf(await assets.evaluateTransaction('get', key)));
        assert.equal(count, racing.length - errors.length);
        // The others conflict, or fail at Endorse if their endorsers saw different blocks.
        for (const error of errors.filter(({ name }) => name !== 'EndorseError')) {
            assertCommitError(error, 'MVCC_READ_CONFLICT');
        }
    });

    test('when it is sent again, but the first time counts', async () => {
        const key = fresh('twice');
        const transaction = await assets.newProposal('increment', { arguments: [key] }).endorse();
        const { blockNumber } = await outcome(transaction);
        await transaction.submit();
        // A transaction behind it tells that the second copy is on the ledger too.
        const behind = await settle(assets, 'increment', { arguments: [fresh('behind')] });
        const status = await commitOf(ats, transaction.getTransactionId()).getStatus();
        assert.deepEqual([status.code, status.blockNumber], [StatusCode.VALID, blockNumber]);
        const blocks = await read(
            await ats.network.getFilteredBlockEvents({ startBlock: blockNumber }),
            (block) => BigInt(block.getNumber()) === behind.blockNumber,
        );
        const codes = blocks
            .flatMap((block) => block.getFilteredTransactionsList())
            .filter((each) => each.getTxid() === transaction.getTransactionId())
            .map((each) => each.getTxValidationCode());
        assert.deepEqual(codes, [StatusCode.VALID, StatusCode.DUPLICATE_TXID]);
        assert.equal(textOf(await assets.evaluateTransaction('get', key)), '1');
    });
});
