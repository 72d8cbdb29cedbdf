// Sends a proposal of each kind with the unmodified @hyperledger/fabric-gateway package. Nobody endorses
// them: whoever listens at GATEWAY records what arrives (tests/fabric/record_proposals.py).

import * as crypto from 'node:crypto';
import * as fs from 'node:fs';

import * as grpc from '@grpc/grpc-js';
import { connect, hash, signers } from '@hyperledger/fabric-gateway';

const { GATEWAY, TLS_CA, CERTIFICATE, KEY, MSP_ID, CHANNEL } = process.env;
const client = new grpc.Client(GATEWAY, grpc.credentials.createSsl(fs.readFileSync(TLS_CA)));
const deadline = () => ({ deadline: Date.now() + 10_000 });
const gateway = connect({
    client,
    hash: hash.sha256,
    identity: { mspId: MSP_ID, credentials: fs.readFileSync(CERTIFICATE) },
    signer: signers.newPrivateKeySigner(crypto.createPrivateKey(fs.readFileSync(KEY))),
    evaluateOptions: deadline,
    endorseOptions: deadline,
});
const contract = gateway.getNetwork(CHANNEL).getContract('probe');
const named = gateway.getNetwork(CHANNEL).getContract('probe', 'org.example.Probe');
const transientData = { value: Buffer.from([0, 1, 255]), second: 'text' };

for (const send of [
    () => contract.evaluateTransaction('get', 'a'),
    () => contract.submitTransaction('put', 'a', '1'),
    () => contract.submit('hide', { arguments: ['shared', 'k'], transientData }),
    () => contract.submit('put', { arguments: ['a', Buffer.from([0, 255])], endorsingOrganizations: [MSP_ID] }),
    () => named.evaluateTransaction('get'),
]) {
    await send().then(
        () => { throw new Error('somebody endorsed it'); },
        () => undefined,
    );
}
gateway.close();
client.close();
