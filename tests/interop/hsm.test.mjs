// The unmodified @hyperledger/fabric-gateway package, signing with a key on a PKCS#11 token.
//
// TALLYSTICK_PROFILE names a client profile whose key is on a token; test_hsm.py makes both.

import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { after, before, describe, test } from 'node:test';

import * as grpc from '@grpc/grpc-js';
import { connect, hash, signers } from '@hyperledger/fabric-gateway';

const profileFile = process.env.TALLYSTICK_PROFILE;
assert.ok(profileFile, 'set TALLYSTICK_PROFILE to a client profile whose key is on a token');

const currencyOf = (answer) => JSON.parse(new TextDecoder().decode(answer)).currency;
const newAccount = () => `CHF-${crypto.randomBytes(4).toString('hex')}`;

// What Fabric takes for CKA_ID: the hash of the public point.
function subjectKeyId(certificate) {
    const { x, y } = new crypto.X509Certificate(certificate).publicKey.export({ format: 'jwk' });
    const coordinates = [x, y].map((part) => Buffer.from(part, 'base64url'));
    const point = Buffer.concat([Buffer.from([4]), ...coordinates]);
    return crypto.createHash('sha256').update(point).digest();
}

// One call after the other: the package's signer uses one session, which signs once at a time.
describe('A key on a token', () => {
    let profile, certificate, factory, token, client, gateway, cash;

    const file = (name) => fs.readFile(path.resolve(path.dirname(profileFile), profile[name]));

    before(async () => {
        profile = JSON.parse(await fs.readFile(profileFile, 'utf8'));
        certificate = await file('certificate');
        factory = signers.newHSMSignerFactory(profile.key.library);
        token = factory.newSigner({
            label: profile.key.token,
            pin: process.env[profile.key.pin_env],
            identifier: subjectKeyId(certificate),
        });
        client = new grpc.Client(profile.gateway, grpc.credentials.createSsl(await file('tls_ca')));
        gateway = connect({
            client,
            hash: hash.sha256,
            identity: { mspId: profile.msp_id, credentials: certificate },
            signer: token.signer,
        });
        cash = gateway.getNetwork(profile.channel).getContract('cash');
    });

    after(() => {
        gateway?.close();
        client?.close();
        token?.close();
        factory?.dispose();
    });

    test('submits and evaluates', async () => {
        const account = newAccount();
        await cash.submitTransaction('open_cash', account, 'CHF');
        assert.equal(currencyOf(await cash.evaluateTransaction('cash', account)), 'CHF');
    });

    test('signs what was prepared elsewhere', async () => {
        const draft = cash.newProposal('open_cash', { arguments: [newAccount(), 'CHF'] });
        const proposal = gateway.newSignedProposal(
            draft.getBytes(), await token.signer(draft.getDigest()));
        const unsigned = await proposal.endorse();
        const transaction = gateway.newSignedTransaction(
            unsigned.getBytes(), await token.signer(unsigned.getDigest()));
        const commit = await transaction.submit();
        const status = await gateway.newSignedCommit(
            commit.getBytes(), await token.signer(commit.getDigest())).getStatus();
        assert.ok(status.successful, `code ${status.code}`);
    });
});
