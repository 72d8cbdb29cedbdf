// A contract on the unmodified packages of Fabric: one function for each thing that chaincode may
// ask of a peer.

'use strict';

const { randomBytes } = require('node:crypto');

const { Contract } = require('fabric-contract-api');

const COLLECTION = 'secrets';

async function drain(iterator, limit = Infinity) {
    const found = [];
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        found.push(next.value);
        if (found.length >= limit) {
            break;
        }
    }
    await iterator.close();
    return found;
}

const text = (bytes) => Buffer.from(bytes).toString('utf8');

class Assets extends Contract {
    constructor() {
        super('assets');
    }

    async put(ctx, key, value) {
        await ctx.stub.putState(key, Buffer.from(value));
    }

    async putMany(ctx, prefix, count) {
        for (let number = 0; number < Number(count); number++) {
            const key = `${prefix}${String(number).padStart(4, '0')}`;
            await ctx.stub.putState(key, Buffer.from(String(number)));
        }
    }

    async increment(ctx, key) {
        const number = Number(text(await ctx.stub.getState(key))) + 1;
        await ctx.stub.putState(key, Buffer.from(String(number)));
        return number;
    }

    // Every peer that runs it gets another value.
    async roll(ctx, key) {
        await ctx.stub.putState(key, randomBytes(16));
    }

    async get(ctx, key) {
        return text(await ctx.stub.getState(key));
    }

    async remove(ctx, key) {
        await ctx.stub.deleteState(key);
    }

    async range(ctx, start, end) {
        const rows = await drain(await ctx.stub.getStateByRange(start, end));
        return JSON.stringify(rows.map(({ key, value }) => [key, text(value)]));
    }

    async someOfRange(ctx, start, end, limit) {
        const rows = await drain(await ctx.stub.getStateByRange(start, end), Number(limit));
        return JSON.stringify(rows.map(({ key }) => key));
    }

    async page(ctx, start, end, size, bookmark) {
        const { iterator, metadata } = await ctx.stub.getStateByRangeWithPagination(
            start, end, Number(size), bookmark);
        const keys = (await drain(iterator)).map(({ key }) => key);
        return JSON.stringify({ keys, bookmark: metadata.bookmark });
    }

    async history(ctx, key) {
        const changes = await drain(await ctx.stub.getHistoryForKey(key));
        return JSON.stringify(changes.map(({ isDelete, txId, value }) =>
            ({ isDelete, txId, value: text(value) })));
    }

    async hold(ctx, security, holder, units) {
        const key = ctx.stub.createCompositeKey('holding', [security, holder]);
        await ctx.stub.putState(key, Buffer.from(units));
    }

    async holders(ctx, security) {
        const rows = await drain(await ctx.stub.getStateByPartialCompositeKey('holding', [security]));
        return JSON.stringify(rows.map(({ key, value }) =>
            [...ctx.stub.splitCompositeKey(key).attributes, text(value)]));
    }

    async tell(ctx, key) {
        await ctx.stub.putPrivateData(COLLECTION, key, ctx.stub.getTransient().get('secret'));
    }

    async ask(ctx, key) {
        return text(await ctx.stub.getPrivateData(COLLECTION, key));
    }

    async askAll(ctx) {
        const { iterator } = await ctx.stub.getPrivateDataByRange(COLLECTION, '', '');
        const rows = await drain(iterator);
        return JSON.stringify(rows.map(({ key, value }) => [key, text(value)]));
    }

    async askHash(ctx, key) {
        return Buffer.from(await ctx.stub.getPrivateDataHash(COLLECTION, key)).toString('hex');
    }

    async forget(ctx, key) {
        await ctx.stub.deletePrivateData(COLLECTION, key);
    }

    async purge(ctx, key) {
        await ctx.stub.purgePrivateData(COLLECTION, key);
    }

    async announce(ctx, name, payload) {
        await ctx.stub.putState('announced', Buffer.from(payload));
        ctx.stub.setEvent(name, Buffer.from(payload));
    }

    async guard(ctx, key, policy) {
        await ctx.stub.setStateValidationParameter(key, Buffer.from(policy, 'hex'));
    }

    async guardian(ctx, key) {
        return Buffer.from(await ctx.stub.getStateValidationParameter(key)).toString('hex');
    }

    async call(ctx, chaincode, args) {
        const answer = await ctx.stub.invokeChaincode(chaincode, JSON.parse(args), '');
        await ctx.stub.putState('called', Buffer.from(chaincode));
        return JSON.stringify({ status: answer.status, payload: text(answer.payload || '') });
    }

    async callOn(ctx, channel, chaincode, args) {
        const answer = await ctx.stub.invokeChaincode(chaincode, JSON.parse(args), channel);
        return JSON.stringify({ status: answer.status, payload: answer.payload.toString() });
    }

    async refuse(_ctx, reason) {
        throw new Error(reason);
    }

    async dawdle(_ctx, milliseconds) {
        await new Promise((resolve) => setTimeout(resolve, Number(milliseconds)));
    }

    async whoAmI(ctx) {
        return JSON.stringify({
            msp: ctx.clientIdentity.getMSPID(),
            role: ctx.clientIdentity.getAttributeValue('role'),
            transaction: ctx.stub.getTxID(),
            channel: ctx.stub.getChannelID(),
        });
    }

    // The test ends this process while the function waits.
    async wait(ctx) {
        await ctx.stub.putState('waited', Buffer.from('yes'));
        console.log(`waiting in ${ctx.stub.getTxID()}`);
        await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
}

module.exports = { Assets };
