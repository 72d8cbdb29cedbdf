// The network that these tests talk to, and who may talk to it.
//
// TALLYSTICK_NETWORK names its directory, with a profile of each organisation in `profiles` and all
// keys in `crypto`; TALLYSTICK_OUTSIDER that of the keys of an organisation off the channel.

import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after } from 'node:test';

import * as grpc from '@grpc/grpc-js';
import * as fabric from '@hyperledger/fabric-gateway';
import { connect, hash, signers } from '@hyperledger/fabric-gateway';
import { gateway as messages, msp } from '@hyperledger/fabric-protos';

export const ATS = 'ATSMSP';
export const CLEARING = 'ClearingMSP';
export const AGENT = 'TransferAgentMSP';

export const bytesOf = (text) => new TextEncoder().encode(text);
export const textOf = (bytes) => new TextDecoder().decode(bytes);

const started = Date.now().toString(36);
let names = 0;
// A name that no other test has used.
export const fresh = (name) => `${name}-${started}-${process.pid}-${names++}`;

const directory = variable('TALLYSTICK_NETWORK');
const clients = [];
// Whose peers these are: most tests are for both, and a few say why they are not.
export const fabrics = variable('TALLYSTICK_PEERS') === 'fabric';
after(() => clients.forEach((client) => client.close()));

function variable(name) {
    assert.ok(process.env[name], `set ${name}: tests/interop/run starts these tests`);
    return process.env[name];
}

export function profileOf(mspId) {
    const file = path.join(directory, 'profiles', `${mspId}.json`);
    const profile = JSON.parse(fs.readFileSync(file, 'utf8'));
    const absolute = (name) => path.resolve(path.dirname(file), profile[name]);
    const msp = path.dirname(path.dirname(absolute('key')));
    const shown = profile.tls_key && {
        tlsCertificate: absolute('tls_certificate'),
        tlsKey: absolute('tls_key'),
    };
    return { ...profile, msp, tlsCa: absolute('tls_ca'), ...shown };
}

export const CHANNEL = profileOf(ATS).channel;

// Where the one node of an organisation listens.
function addressOf(mspId) {
    const file = path.join(directory, 'topology.json');
    const { host, organizations } = JSON.parse(fs.readFileSync(file, 'utf8'));
    const { peers, orderers } = organizations.find(({ msp_id: id }) => id === mspId);
    const [{ port }] = [...peers, ...orderers];
    return `${host}:${port}`;
}

// An identity and its key, read from a directory in the form of an MSP.
function memberFrom(folder, mspId) {
    const only = (kind) => {
        const [file] = fs.readdirSync(path.join(folder, kind));
        return fs.readFileSync(path.join(folder, kind, file));
    };
    return {
        identity: { mspId, credentials: only('signcerts') },
        signer: signers.newPrivateKeySigner(crypto.createPrivateKey(only('keystore'))),
    };
}

export const clientOf = (mspId) => memberFrom(profileOf(mspId).msp, mspId);
export const nodeOf = (mspId, kind, name) =>
    memberFrom(path.join(directory, 'crypto', mspId, kind, name, 'msp'), mspId);
export const outsider = () =>
    memberFrom(path.join(variable('TALLYSTICK_OUTSIDER'), 'users', 'admin', 'msp'), 'OutsiderMSP');

// What a client shows of itself where TLS is mutual, and the hash by which it binds requests to it.
export function tlsOf(mspId) {
    const { tlsCertificate, tlsKey } = profileOf(mspId);
    if (!tlsCertificate) {
        return {};
    }
    const certificate = fs.readFileSync(tlsCertificate);
    const digest = hash.sha256(new crypto.X509Certificate(certificate).raw);
    return { certificate, key: fs.readFileSync(tlsKey), digest };
}

// Connects a member, the organisation's client if nobody is named, to the peer of an organisation.
export function open(mspId, { at = mspId, member = clientOf(mspId), tls = tlsOf(mspId) } = {}) {
    const { gateway: address, tlsCa } = profileOf(at);
    const shown = [tls.key ?? null, tls.certificate ?? null];
    const credentials = grpc.credentials.createSsl(fs.readFileSync(tlsCa), ...shown);
    const client = new grpc.Client(address, credentials);
    const within = (seconds) => () => ({ deadline: Date.now() + seconds * 1000 });
    const gateway = connect({
        client,
        hash: hash.sha256,
        tlsClientCertificateHash: tls.digest,
        ...member,
        evaluateOptions: within(20),
        endorseOptions: within(30),
        submitOptions: within(20),
        commitStatusOptions: within(60),
        chaincodeEventsOptions: within(60),
        blockEventsOptions: within(60),
        filteredBlockEventsOptions: within(60),
        blockAndPrivateDataEventsOptions: within(60),
    });
    clients.push(client);
    const network = gateway.getNetwork(CHANNEL);
    return { gateway, network, contract: (name) => network.getContract(name), ...member };
}

// Reads events until `enough` says so of what came so far; returns them all.
export async function read(events, enough = () => true) {
    const seen = [];
    try {
        for await (const event of events) {
            seen.push(event);
            if (await enough(event, seen)) {
                return seen;
            }
        }
    } finally {
        events.close();
    }
    throw new Error(`the stream ended after ${seen.length} events`);
}

export async function first(events) {
    return (await read(events))[0];
}

// Sends a transaction and returns what became of it, without judging.
export async function settle(contract, name, options) {
    const commit = await contract.submitAsync(name, options);
    return commit.getStatus();
}

// What waits for any transaction of any channel; not signed yet.
export function commitOf({ gateway, identity }, transactionId, channel = CHANNEL) {
    const creator = new msp.SerializedIdentity();
    creator.setMspid(identity.mspId);
    creator.setIdBytes(identity.credentials);
    const request = new messages.CommitStatusRequest();
    request.setChannelId(channel);
    request.setTransactionId(transactionId);
    request.setIdentity(creator.serializeBinary());
    const unsigned = new messages.SignedCommitStatusRequest();
    unsigned.setRequest(request.serializeBinary());
    return gateway.newCommit(unsigned.serializeBinary());
}

// Returns once the peers of these organisations have committed a transaction too.
export async function committedAt(transactionId, ...mspIds) {
    const waiting = mspIds.map((mspId) => commitOf(open(mspId), transactionId).getStatus());
    await Promise.all(waiting);
}

export async function failureOf(promise) {
    return promise.then(
        (result) => assert.fail(`it did not fail: ${result}`),
        (error) => error,
    );
}

// Checks class, gRPC code, text and details of a failure of the gateway. `details` holds one
// [MSP id, message] for each node that had a say, in any order. Code and texts may be patterns.
export function check(
    error,
    { type = 'GatewayError', code, message, details = [], transactionId = /^[0-9a-f]{64}$/ },
) {
    assert.equal(error.name, type, String(error.stack));
    assert.ok(error instanceof fabric.GatewayError);
    // The package exports SubmitError to the type checker alone.
    assert.ok(type === 'SubmitError' || error instanceof fabric[type]);
    matches(grpc.status[error.code], code);
    const text = error.message.replace(/^\d+ [A-Z_]+: /, '');
    matches(text, message);
    const byMsp = (one, other) => one.mspId.localeCompare(other.mspId);
    const told = [...error.details].sort(byMsp);
    assert.deepEqual(told.map(({ mspId }) => mspId), details.map(([mspId]) => mspId).sort());
    for (const [mspId, wanted] of details) {
        const { address, message: said } = told.find((detail) => detail.mspId === mspId);
        matches(said, wanted);
        assert.equal(address, addressOf(mspId));
    }
    if (type !== 'GatewayError') {
        assert.match(error.transactionId, transactionId);
    }
}

function matches(text, wanted) {
    if (wanted instanceof RegExp) {
        assert.match(text, wanted);
    } else {
        assert.equal(text, wanted);
    }
}
