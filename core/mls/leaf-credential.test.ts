import { expect, it } from 'vitest';
import { randomBytes } from '../base/bytes.ts';
import { generateIdentity } from '../crypto/identity.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../protocol/cbor.ts';
import { encodeLeafCredential, verifyLeafCredential } from './leaf-credential.ts';

const identity = generateIdentity();
const leafKey = randomBytes(32);
const groupId = randomBytes(40);
const changed = (encoded: Uint8Array, changes: Record<string, CborValue | undefined>): Uint8Array =>
  encodeCbor({ ...(decodeCbor(encoded) as Record<string, CborValue>), ...changes });

it('gives back the name that its holder signed, with all 32 characters in any script', () => {
  for (const name of ['Ben', 'é', '語'.repeat(32)]) {
    const encoded = encodeLeafCredential(identity, { session: 7, name }, leafKey, groupId);
    expect(verifyLeafCredential(encoded, leafKey, groupId)).toEqual({
      identity: identity.publicKey,
      session: 7,
      name,
    });
  }
});

it('is refused with another name, without its name, and with a name it never had', () => {
  const named = encodeLeafCredential(identity, { session: 7, name: 'Ben' }, leafKey, groupId);
  for (const changes of [{ name: 'Ada' }, { name: 'Be' }, { name: undefined }, { name: undefined, v: 1 }])
    expect(verifyLeafCredential(changed(named, changes), leafKey, groupId)).toBeUndefined();
  const unnamed = encodeLeafCredential(identity, { session: 7, name: '' }, leafKey, groupId);
  expect(verifyLeafCredential(unnamed, leafKey, groupId)).toMatchObject({ name: '' });
  for (const changes of [{ name: 'Ada' }, { name: 'Ada', v: 2 }, { v: 2 }, { session: 8 }])
    expect(verifyLeafCredential(changed(unnamed, changes), leafKey, groupId)).toBeUndefined();
});

it('belongs to one leaf key and one group', () => {
  const encoded = encodeLeafCredential(identity, { session: 7, name: 'Ben' }, leafKey, groupId);
  expect(verifyLeafCredential(encoded, randomBytes(32), groupId)).toBeUndefined();
  expect(verifyLeafCredential(encoded, leafKey, randomBytes(40))).toBeUndefined();
});
