// Chaincode events: which of them come, where a stream starts, and where it resumes.

import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, test } from 'node:test';

import { checkpointers } from '@hyperledger/fabric-gateway';

import { ATS, first, fresh, open, read, settle, textOf } from './network.mjs';

const ats = open(ATS);
const assets = ats.contract('assets');
const { network } = ats;

const announce = (name) => settle(assets, 'announce', { arguments: [name, `${name}!`] });

// Announces several things at once until one block holds three of them; returns that block's number
// and how many it holds.
async function crowdedBlock() {
    for (;;) {
        const transactions = await Promise.all(
            Array.from({ length: 5 }, () => {
                const name = fresh('crowd');
                return assets.newProposal('announce', { arguments: [name, name] }).endorse();
            }),
        );
        const commits = await Promise.all(transactions.map((transaction) => transaction.submit()));
        const statuses = await Promise.all(commits.map((commit) => commit.getStatus()));
        for (const { blockNumber } of statuses) {
            const size = statuses.filter((status) => status.blockNumber === blockNumber).length;
            if (size >= 3) {
                return { blockNumber, size };
            }
        }
    }
}

describe('chaincode events', () => {
    test('come from a given block on, in order, of one chaincode only', async () => {
        const names = [fresh('one'), fresh('two'), fresh('three')];
        const { blockNumber: startBlock } = await announce(names[0]);
        await settle(ats.contract('bridge'), 'keep', { arguments: [fresh('other'), 'x'] });
        await announce(names[1]);
        await announce(names[2]);
        const events = await network.getChaincodeEvents('assets', { startBlock });
        const seen = await read(events, ({ eventName }) => eventName === names[2]);
        assert.deepEqual(seen.map(({ eventName }) => eventName), names);
        const payloads = seen.map(({ payload }) => textOf(payload));
        assert.deepEqual(payloads, names.map((name) => `${name}!`));
    });

    test('come from the next block on unless a start is given', async () => {
        const { blockNumber: before } = await announce(fresh('before'));
        const stream = first(await network.getChaincodeEvents('assets'));
        let arrived = false;
        stream.finally(() => (arrived = true));
        while (!arrived) {
            await announce(fresh('later'));
        }
        assert.ok((await stream).blockNumber > before);
    });

    test('of transactions that were not valid do not come', async () => {
        const invalid = await settle(assets, 'announce', {
            arguments: [fresh('invalid'), 'x'],
            endorsingOrganizations: [ATS],
        });
        assert.equal(invalid.code, 10);
        const valid = await announce(fresh('valid'));
        const startBlock = invalid.blockNumber;
        const event = await first(await network.getChaincodeEvents('assets', { startBlock }));
        assert.equal(event.transactionId, valid.transactionId);
    });

    for (const kind of ['memory', 'file']) {
        test(`go on in the middle of a block, from a checkpoint in ${kind}`, async (context) => {
            const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'checkpoint-'));
            context.after(() => fs.rm(folder, { recursive: true }));
            const inMemory = checkpointers.inMemory();
            // What is in a file is read anew, as by a program that starts again.
            const checkpointer = async () =>
                kind === 'memory' ? inMemory : checkpointers.file(path.join(folder, 'checkpoint'));
            const { blockNumber, size } = await crowdedBlock();
            const last = fresh('last');
            await announce(last);

            const whole = await network.getChaincodeEvents('assets', { startBlock: blockNumber });
            const expected = await read(whole, ({ eventName }) => eventName === last);
            const crowd = expected.filter((event) => event.blockNumber === blockNumber);
            assert.equal(crowd.length, size);

            const seen = [];
            while (seen.at(-1)?.eventName !== last) {
                const checkpoint = await checkpointer();
                const options = { startBlock: blockNumber, checkpoint };
                const event = await first(await network.getChaincodeEvents('assets', options));
                await checkpoint.checkpointChaincodeEvent(event);
                seen.push(event);
            }
            assert.deepEqual(seen, expected);
        });
    }

    test('go on after a transaction that the application remembers by itself', async () => {
        const { blockNumber, size } = await crowdedBlock();
        const whole = await network.getChaincodeEvents('assets', { startBlock: blockNumber });
        const events = await read(whole, (_, seen) => seen.length === size);
        const checkpoint = {
            getBlockNumber: () => blockNumber,
            getTransactionId: () => events[1].transactionId,
        };
        const next = await first(await network.getChaincodeEvents('assets', { checkpoint }));
        assert.deepEqual(next, events[2]);
    });
});
