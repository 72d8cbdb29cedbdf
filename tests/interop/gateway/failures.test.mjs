// What a client is told when a call fails: class, gRPC code, text, and what each node said.
//
// Peers of Fabric say the same: tests/fabric runs this file against them. In details, a peer of
// another organisation has spoken over gRPC and the gateway's own has not, so their texts differ.

import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { describe, test } from 'node:test';

import { signers } from '@hyperledger/fabric-gateway';
import { common, gateway as messages, peer } from '@hyperledger/fabric-protos';

import {
    AGENT, ATS, CHANNEL, CLEARING, check, clientOf, commitOf, fabrics, failureOf, first, fresh,
    nodeOf, open, outsider, read,
} from './network.mjs';

const ats = open(ATS);
const assets = ats.contract('assets');
const bridge = ats.contract('bridge');
const nowhere = ats.gateway.getNetwork('nowhere');
const unknown = ats.contract('unknown');

const NOT_ENDORSED = 'failed to endorse transaction, see attached details for more info';
const NOT_ENOUGH =
    'failed to collect enough transaction endorsements, see attached details for more info';
const NO_COMBINATION =
    'no combination of peers can be derived which satisfy the endorsement policy: ';
const noMetadata = (chaincode, channel) =>
    `${NO_COMBINATION}No metadata was found for chaincode ${chaincode} in channel ${channel}`;
const noLocalEndorser = (kind) =>
    "no endorsers found in the gateway's organization; " +
    `retry specifying ${kind} organization(s) to protect transient data`;
const EVALUATION_FAILED = 'evaluate call to endorser returned error: ';
const OF_ANOTHER_PEER = 'rpc error: code = Unknown desc = ';
const transientData = { secret: 'x' };

const unsatisfied = (group) =>
    'implicit policy evaluation failed - 0 sub-policies were satisfied, ' +
    `but this policy requires 1 of the '${group}' sub-policies to be satisfied`;
const denied = (group) =>
    `Failed evaluating policy on signed data during check policy on channel [${CHANNEL}] with ` +
    `policy [/Channel/Application/${group}]: [${unsatisfied(group)}]`;

// A proposal with its channel header changed before it is signed.
function changed(proposal, change) {
    const proposed = messages.ProposedTransaction.deserializeBinary(proposal.getBytes());
    const inner = peer.Proposal.deserializeBinary(proposed.getProposal().getProposalBytes_asU8());
    const header = common.Header.deserializeBinary(inner.getHeader_asU8());
    const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8());
    change(channelHeader);
    header.setChannelHeader(channelHeader.serializeBinary());
    inner.setHeader(header.serializeBinary());
    proposed.getProposal().setProposalBytes(inner.serializeBinary());
    return ats.gateway.newProposal(proposed.serializeBinary());
}

// A prepared transaction that claims to belong to a channel that there is not.
function astray(transaction) {
    const prepared = messages.PreparedTransaction.deserializeBinary(transaction.getBytes());
    const payload = common.Payload.deserializeBinary(prepared.getEnvelope().getPayload_asU8());
    const header = payload.getHeader();
    const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8());
    channelHeader.setChannelId('nowhere');
    header.setChannelHeader(channelHeader.serializeBinary());
    prepared.getEnvelope().setPayload(payload.serializeBinary());
    return ats.gateway.newTransaction(prepared.serializeBinary());
}

async function refusedStream(stream) {
    return failureOf(stream.then(first));
}

describe('the chaincode fails', () => {
    const reason = 'chaincode response 500, no such asset';

    test('at Evaluate: its status and words', async () => {
        check(await failureOf(assets.evaluateTransaction('refuse', 'no such asset')), {
            code: 'UNKNOWN',
            message: EVALUATION_FAILED + reason,
            details: [[ATS, reason]],
        });
    });

    test('at Endorse: its status and words in the details', async () => {
        check(await failureOf(assets.submitTransaction('refuse', 'no such asset')), {
            type: 'EndorseError',
            code: 'ABORTED',
            message: NOT_ENDORSED,
            details: [[ATS, reason]],
        });
    });

    test('at Endorse by named organisations: those of each', async () => {
        const options = { arguments: ['no such asset'], endorsingOrganizations: [ATS, CLEARING] };
        check(await failureOf(assets.submit('refuse', options)), {
            type: 'EndorseError',
            code: 'ABORTED',
            message: NOT_ENOUGH,
            details: [[ATS, reason], [CLEARING, reason]],
        });
    });

    test('with a status of its own choice, in Python', async () => {
        const refusal = /^chaincode response 404, UNKNOWN_FUNCTION: no function 'nothing'/;
        check(await failureOf(bridge.submitTransaction('nothing')), {
            type: 'EndorseError',
            code: 'ABORTED',
            message: NOT_ENDORSED,
            details: [[ATS, refusal]],
        });
    });

    test('to give the same result twice: endorsers disagree', async () => {
        check(await failureOf(assets.submitTransaction('roll', fresh('dice'))), {
            type: 'EndorseError',
            code: 'ABORTED',
            message: NOT_ENOUGH,
            // Our gateway goes on, with what to do about it.
            details: [[CLEARING, /^ProposalResponsePayloads do not match/]],
        });
    });
});

describe('there is no such', () => {
    test('chaincode: Evaluate', async () => {
        const reason = `no peers available to evaluate chaincode unknown in channel ${CHANNEL}`;
        check(await failureOf(unknown.evaluateTransaction('get', 'x')), {
            code: 'FAILED_PRECONDITION',
            message: reason,
        });
        check(await failureOf(unknown.evaluate('get', { transientData })), {
            code: 'FAILED_PRECONDITION',
            message: `${noLocalEndorser('target')}: ${reason}`,
        });
    });

    test('chaincode: Endorse', async () => {
        check(await failureOf(unknown.submitTransaction('put', 'x')), {
            type: 'EndorseError',
            code: 'FAILED_PRECONDITION',
            message: noMetadata('unknown', CHANNEL),
        });
        check(await failureOf(unknown.submit('put', { transientData })), {
            type: 'EndorseError',
            code: 'FAILED_PRECONDITION',
            message: noLocalEndorser('endorsing'),
        });
        check(await failureOf(unknown.submit('put', { endorsingOrganizations: [ATS, AGENT] })), {
            type: 'EndorseError',
            code: 'UNAVAILABLE',
            message: `failed to find any endorsing peers for org(s): ${ATS}, ${AGENT}`,
        });
    });

    const noConfig =
        'failed to get config for channel [nowhere]: could not get last config for channel nowhere';
    const noPolicies = 'Failed to get policy manager for channel [nowhere]';

    test('channel: Evaluate', async () => {
        check(await failureOf(nowhere.getContract('assets').evaluateTransaction('get', 'x')), {
            code: 'UNAVAILABLE',
            message: noConfig,
        });
    });

    test('channel: Endorse', async () => {
        const contract = nowhere.getContract('assets');
        check(await failureOf(contract.submitTransaction('put', 'x', '1')), {
            type: 'EndorseError',
            code: 'FAILED_PRECONDITION',
            message: noMetadata('assets', 'nowhere'),
        });
        check(await failureOf(contract.submit('put', { transientData })), {
            type: 'EndorseError',
            code: 'FAILED_PRECONDITION',
            message: noLocalEndorser('endorsing'),
        });
        check(await failureOf(contract.submit('put', { endorsingOrganizations: [ATS] })), {
            type: 'EndorseError',
            code: 'UNAVAILABLE',
            message: `failed to find any endorsing peers for org(s): ${ATS}`,
        });
    });

    test('channel: Submit', async () => {
        const proposal = bridge.newProposal('keep', { arguments: [fresh('astray'), 'x'] });
        check(await failureOf(astray(await proposal.endorse()).submit()), {
            type: 'SubmitError',
            code: 'FAILED_PRECONDITION',
            message: noConfig,
        });
    });

    test('channel: CommitStatus', async () => {
        check(await failureOf(commitOf(ats, '0'.repeat(64), 'nowhere').getStatus()), {
            type: 'CommitStatusError',
            code: 'PERMISSION_DENIED',
            message: noPolicies,
        });
    });

    test('channel: ChaincodeEvents and block events', async () => {
        check(await refusedStream(nowhere.getChaincodeEvents('assets')), {
            code: 'PERMISSION_DENIED',
            message: noPolicies,
        });
        for (const stream of [
            nowhere.getBlockEvents(),
            nowhere.getFilteredBlockEvents(),
            nowhere.getBlockAndPrivateDataEvents(),
        ]) {
            assert.equal((await refusedStream(stream)).message, 'Unexpected status response: 404');
        }
    });

    test('organisation', async () => {
        const strangers = { arguments: ['x'], endorsingOrganizations: [ATS, 'NobodyMSP'] };
        check(await failureOf(assets.submit('increment', strangers)), {
            type: 'EndorseError',
            code: 'UNAVAILABLE',
            message: 'failed to find any endorsing peers for org(s): NobodyMSP',
        });
        const stranger = { arguments: ['x'], endorsingOrganizations: ['NobodyMSP'] };
        check(await failureOf(assets.evaluate('get', stranger)), {
            code: 'FAILED_PRECONDITION',
            message: `no peers available to evaluate chaincode assets in channel ${CHANNEL}`,
        });
    });

    test('combination of peers as the policy asks for', async () => {
        check(await failureOf(ats.contract('orphan').submitTransaction('keep', 'x', '1')), {
            type: 'EndorseError',
            code: 'FAILED_PRECONDITION',
            message: /: no peer combination can satisfy the endorsement policy( of orphan)?$/,
        });
    });

    test('block, nor the one before it', async () => {
        const startBlock = 1_000_000n;
        const error = await refusedStream(ats.network.getBlockEvents({ startBlock }));
        assert.equal(error.message, 'Unexpected status response: 404');
    });
});

// Each of the following is refused in every method.
async function refusedEverywhere(client, { reason, readers = denied('Readers'), sent }) {
    const contract = client.contract('assets');
    check(await failureOf(contract.evaluateTransaction('get', 'x')), {
        code: 'FAILED_PRECONDITION',
        message: EVALUATION_FAILED + reason,
        details: [[ATS, reason]],
    });
    check(await failureOf(contract.submitTransaction('put', 'x', '1')), {
        type: 'EndorseError',
        code: 'ABORTED',
        message: NOT_ENDORSED,
        details: [[ATS, reason]],
    });
    const options = { arguments: ['x', '1'], endorsingOrganizations: [ATS, CLEARING] };
    check(await failureOf(contract.submit('put', options)), {
        type: 'EndorseError',
        code: 'ABORTED',
        message: NOT_ENOUGH,
        details: [[ATS, reason], [CLEARING, OF_ANOTHER_PEER + reason]],
    });
    const elsewhere = { arguments: ['x'], endorsingOrganizations: [CLEARING] };
    check(await failureOf(contract.evaluate('get', elsewhere)), {
        code: 'UNAVAILABLE',
        message: 'failed to evaluate transaction, see attached details for more info',
        details: [[CLEARING, OF_ANOTHER_PEER + reason]],
    });
    if (sent) {
        const endorsed = await assets.newProposal('put', { arguments: ['x', '1'] }).endorse();
        const transaction = client.gateway.newTransaction(endorsed.getBytes());
        check(await failureOf(transaction.submit()), { type: 'SubmitError', ...sent });
    }
    if (readers) {
        const refusal = { code: 'PERMISSION_DENIED', message: readers };
        const commit = commitOf(client, '0'.repeat(64));
        check(await failureOf(commit.getStatus()), { type: 'CommitStatusError', ...refusal });
        check(await refusedStream(client.network.getChaincodeEvents('assets')), refusal);
        const { network } = client;
        for (const stream of [
            network.getBlockEvents(),
            network.getFilteredBlockEvents(),
            network.getBlockAndPrivateDataEvents(),
        ]) {
            assert.equal((await refusedStream(stream)).message, 'Unexpected status response: 403');
        }
    }
}

describe('the gateway refuses', () => {
    const accessDenied = `error validating proposal: access denied: channel [${CHANNEL}]`;
    const malformed = `${accessDenied} creator org unknown, creator is malformed`;
    const forbidden = {
        code: 'ABORTED',
        message:
            'received unsuccessful response from orderer: ' +
            `status=FORBIDDEN, info=${unsatisfied('Writers')}: permission denied`,
    };
    const { identity } = clientOf(ATS);
    const strangersKey = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

    test('a signature by another key', async () => {
        const member = { identity, signer: signers.newPrivateKeySigner(strangersKey) };
        await refusedEverywhere(open(ATS, { member }), {
            reason: `${accessDenied} creator org [${ATS}]`,
            sent: forbidden,
        });
    });

    test('a missing signature', async () => {
        const member = { identity, signer: async () => new Uint8Array(0) };
        await refusedEverywhere(open(ATS, { member }), {
            reason: 'error validating proposal: empty signature bytes',
            sent: { code: 'INVALID_ARGUMENT', message: 'prepared transaction must be signed' },
        });
    });

    test('a member of an organisation that is not on the channel', async () => {
        await refusedEverywhere(open(ATS, { member: outsider() }), { reason: malformed });
    });

    test('a certificate that the organisation it names did not issue', async () => {
        const { signer, identity: issued } = clientOf(CLEARING);
        const member = { signer, identity: { ...issued, mspId: ATS } };
        await refusedEverywhere(open(ATS, { member }), { reason: malformed, sent: forbidden });
    });

    test('what is no certificate', async () => {
        const { signer } = clientOf(ATS);
        const member = { signer, identity: { mspId: ATS, credentials: Buffer.from('none') } };
        await refusedEverywhere(open(ATS, { member }), { reason: malformed });
    });

    test('whoever may not write: a peer, which may read', async () => {
        const reader = open(ATS, { member: nodeOf(ATS, 'peers', 'peer0') });
        await refusedEverywhere(reader, { reason: denied('Writers'), readers: null });
        const block = await first(await reader.network.getBlockEvents({ startBlock: 0n }));
        assert.equal(block.getHeader().getNumber(), 0);
    });

    test('whoever may neither read nor write: an orderer', async () => {
        const member = nodeOf('OrdererMSP', 'orderers', 'orderer0');
        await refusedEverywhere(open(ATS, { member }), { reason: denied('Writers') });
    });

    test('a proposal whose transaction is on the ledger', async () => {
        const options = { arguments: [fresh('repeated'), 'x'] };
        const proposal = bridge.newProposal('keep', options);
        await (await (await proposal.endorse()).submit()).getStatus();
        const id = proposal.getTransactionId();
        const reason = new RegExp(
            `^duplicate transaction found \\[${id}\\]. Creator \\[[0-9a-f]+\\]$`,
        );
        check(await failureOf(proposal.endorse()), {
            type: 'EndorseError',
            code: 'ABORTED',
            message: NOT_ENDORSED,
            details: [[ATS, reason]],
        });
        check(await failureOf(proposal.evaluate()), {
            code: 'FAILED_PRECONDITION',
            message: /^evaluate call to endorser returned error: duplicate transaction found/,
            details: [[ATS, reason]],
        });
    });

    test('a proposal whose transaction id is not that of its nonce and creator', async () => {
        const proposal = changed(bridge.newProposal('get', { arguments: ['x'] }), (header) =>
            header.setTxId('0'.repeat(64)),
        );
        const reason = /error validating proposal: incorrectly computed txid '0+' -- expected '/;
        check(await failureOf(proposal.evaluate()), {
            code: 'FAILED_PRECONDITION',
            message: reason,
            details: [[ATS, reason]],
        });
    });

    const ours = { skip: fabrics && 'a peer of Fabric does not check it when it is the gateway' };

    test('a proposal from another time', ours, async () => {
        const proposal = changed(bridge.newProposal('get', { arguments: ['x'] }), (header) =>
            header.getTimestamp().setSeconds(header.getTimestamp().getSeconds() - 3600),
        );
        const reason = /request unauthorized due to incorrect timestamp .* set the client's clock$/;
        check(await failureOf(proposal.evaluate()), {
            code: 'FAILED_PRECONDITION',
            message: reason,
            details: [[ATS, reason]],
        });
    });

    test('a request that lacks something', async () => {
        check(await failureOf(commitOf(ats, '').getStatus()), {
            type: 'CommitStatusError',
            transactionId: /^$/,
            code: 'INVALID_ARGUMENT',
            message: 'transaction ID should not be empty',
        });
        check(await failureOf(ats.contract('').evaluateTransaction('get')), {
            code: 'INVALID_ARGUMENT',
            message:
                'failed to unpack transaction proposal: ' +
                `no chaincode name is provided, channel id [${CHANNEL}]`,
        });
        const nameless = ats.gateway.getNetwork('').getContract('assets');
        check(await failureOf(nameless.evaluateTransaction('get', 'x')), {
            code: 'INVALID_ARGUMENT',
            message: 'failed to unpack transaction proposal: no channel id provided',
        });
    });
});

describe('time runs out', () => {
    const soon = () => ({ deadline: Date.now() + 300 });
    // The node sees the deadline pass too, and then ends the call: it may be the first to do so.
    const late = { code: /^(DEADLINE_EXCEEDED|CANCELLED)$/, message: /./ };

    test('while the chaincode runs', async () => {
        const slow = () => assets.newProposal('dawdle', { arguments: ['2000'] });
        check(await failureOf(slow().evaluate(soon())), late);
        const error = await failureOf(slow().endorse(soon()));
        check(error, { type: 'EndorseError', ...late });
    });

    test('while a transaction is awaited that nobody has sent', async () => {
        check(await failureOf(commitOf(ats, '0'.repeat(64)).getStatus(soon())), {
            type: 'CommitStatusError',
            ...late,
        });
    });

    test('while nothing happens that a stream could tell', async () => {
        const contract = 'nothing-of-this-name';
        for (const stream of [
            ats.network.newChaincodeEventsRequest(contract, { startBlock: 0n }).getEvents(soon()),
            ats.network.newBlockEventsRequest().getEvents(soon()),
        ]) {
            const error = await failureOf(stream.then((events) => read(events, () => false)));
            check(error, late);
        }
    });

    test('because the client gives up', async () => {
        const events = await ats.network.getChaincodeEvents('assets');
        const waiting = failureOf(read(events, () => false));
        events.close();
        check(await waiting, { code: 'CANCELLED', message: 'Cancelled on client' });
    });
});
