// Block events in three forms: what is in them, where a stream starts, and where it resumes.

import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { before, describe, test } from 'node:test';

import { checkpointers } from '@hyperledger/fabric-gateway';
import { common, ledger } from '@hyperledger/fabric-protos';

import {
    AGENT, ATS, CLEARING, committedAt, first, fresh, open, read, settle, textOf,
} from './network.mjs';

const ats = open(ATS);
const assets = ats.contract('assets');
const { network } = ats;

const announce = (name) => settle(assets, 'announce', { arguments: [name, `${name}!`] });
const numberOf = (block) => BigInt(block.getHeader().getNumber());

// The private values in a block: collection, key and value of each.
function privateValues(event) {
    const found = [];
    event.getPrivateDataMapMap().forEach((set) => {
        for (const namespace of set.getNsPvtRwsetList()) {
            for (const collection of namespace.getCollectionPvtRwsetList()) {
                const bytes = collection.getRwset_asU8();
                const { KVRWSet } = ledger.rwset.kvrwset;
                for (const write of KVRWSet.deserializeBinary(bytes).getWritesList()) {
                    const value = textOf(write.getValue_asU8());
                    found.push([collection.getCollectionName(), write.getKey(), value]);
                }
            }
        }
    });
    return found;
}

describe('block events', () => {
    const invalid = {};
    const secret = {};

    before(async () => {
        Object.assign(
            invalid,
            await settle(assets, 'announce', {
                arguments: [fresh('invalid'), 'hidden'],
                endorsingOrganizations: [ATS],
            }),
        );
        Object.assign(secret, { key: fresh('secret'), value: fresh('value') });
        secret.status = await settle(assets, 'tell', {
            arguments: [secret.key],
            transientData: { secret: secret.value },
        });
    });

    const forms = {
        'whole blocks': {
            stream: (options) => network.getBlockEvents(options),
            number: numberOf,
        },
        'filtered blocks': {
            stream: (options) => network.getFilteredBlockEvents(options),
            number: (block) => BigInt(block.getNumber()),
        },
        'blocks with private data': {
            stream: (options) => network.getBlockAndPrivateDataEvents(options),
            number: (event) => numberOf(event.getBlock()),
        },
    };

    for (const [form, { stream, number }] of Object.entries(forms)) {
        test(`${form}: the first is the genesis block, and none is left out`, async () => {
            const fromTheFirst = await stream({ startBlock: 0n });
            const blocks = await read(fromTheFirst, (_, { length }) => length === 5);
            assert.deepEqual(blocks.map(number), [0n, 1n, 2n, 3n, 4n]);
        });

        test(`${form}: from the next one on unless a start is given`, async () => {
            const { blockNumber: before } = await announce(fresh('before'));
            const next = first(await stream());
            let arrived = false;
            next.finally(() => (arrived = true));
            while (!arrived) {
                await announce(fresh('later'));
            }
            assert.ok(number(await next) > before);
        });

        for (const kind of ['memory', 'file']) {
            test(`${form}: go on from a checkpoint in ${kind}`, async (context) => {
                const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'checkpoint-'));
                context.after(() => fs.rm(folder, { recursive: true }));
                const inMemory = checkpointers.inMemory();
                const checkpointer = async () =>
                    kind === 'memory' ? inMemory : checkpointers.file(path.join(folder, 'blocks'));
                const seen = [];
                for (let rounds = 0; rounds < 3; rounds++) {
                    const checkpoint = await checkpointer();
                    const block = await first(await stream({ startBlock: 2n, checkpoint }));
                    seen.push(number(block));
                    await checkpoint.checkpointBlock(number(block));
                }
                assert.deepEqual(seen, [2n, 3n, 4n]);
                // A block of which one transaction was processed comes again, as with Fabric.
                const checkpoint = await checkpointer();
                await checkpoint.checkpointTransaction(3n, 'one of its transactions');
                const again = await first(await stream({ checkpoint: await checkpointer() }));
                assert.equal(number(again), 3n);
            });
        }
    }

    test('a whole block holds the transaction, the verdict and the hash of its data', async () => {
        const startBlock = invalid.blockNumber;
        const block = await first(await network.getBlockEvents({ startBlock }));
        const entries = block.getData().getDataList_asU8();
        const ids = entries.map((entry) => {
            const envelope = common.Envelope.deserializeBinary(entry);
            const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8());
            const header = payload.getHeader().getChannelHeader_asU8();
            return common.ChannelHeader.deserializeBinary(header).getTxId();
        });
        const verdicts = block.getMetadata().getMetadataList_asU8()[2];
        assert.equal(verdicts[ids.indexOf(invalid.transactionId)], invalid.code);
        const digest = crypto.createHash('sha256').update(Buffer.concat(entries)).digest();
        assert.ok(digest.equals(block.getHeader().getDataHash_asU8()));
    });

    test('a block names the hash of the one before', async () => {
        const blocks = await network.getBlockEvents({ startBlock: 1n });
        const [one, two] = await read(blocks, (_, { length }) => length === 2);
        // The hash is that of the header in ASN.1: a sequence of an integer and two octet strings.
        const header = one.getHeader();
        const integer = Buffer.from([2, 1, header.getNumber()]);
        const octets = (bytes) => Buffer.concat([Buffer.from([4, bytes.length]), bytes]);
        const content = Buffer.concat([
            integer,
            octets(header.getPreviousHash_asU8()),
            octets(header.getDataHash_asU8()),
        ]);
        const encoded = Buffer.concat([Buffer.from([0x30, content.length]), content]);
        const digest = crypto.createHash('sha256').update(encoded).digest();
        assert.ok(digest.equals(two.getHeader().getPreviousHash_asU8()));
    });

    test('a filtered block tells ids, verdicts and events, and no payload', async () => {
        const startBlock = invalid.blockNumber;
        const block = await first(await network.getFilteredBlockEvents({ startBlock }));
        assert.equal(block.getChannelId(), network.getName());
        const found = block
            .getFilteredTransactionsList()
            .find((transaction) => transaction.getTxid() === invalid.transactionId);
        assert.equal(found.getTxValidationCode(), invalid.code);
        assert.equal(found.getType(), common.HeaderType.ENDORSER_TRANSACTION);
        const [action] = found.getTransactionActions().getChaincodeActionsList();
        assert.equal(action.getChaincodeEvent().getChaincodeId(), 'assets');
        assert.equal(action.getChaincodeEvent().getPayload_asU8().length, 0);
    });

    test('private data comes to members of its collection, and to nobody else', async () => {
        const startBlock = secret.status.blockNumber;
        await committedAt(secret.status.transactionId, CLEARING);
        const at = (mspId, peerOf = ATS) =>
            open(mspId, { at: peerOf }).network.getBlockAndPrivateDataEvents({ startBlock });
        const wanted = ['secrets', secret.key, secret.value];
        assert.deepEqual(privateValues(await first(await at(ATS))), [wanted]);
        assert.deepEqual(privateValues(await first(await at(CLEARING, CLEARING))), [wanted]);
        for (const mspId of [AGENT, 'RegulatorMSP']) {
            const event = await first(await at(mspId));
            assert.equal(numberOf(event.getBlock()), startBlock);
            assert.deepEqual(privateValues(event), []);
            assert.ok(!Buffer.from(event.serializeBinary()).includes(secret.value));
        }
    });
});
