import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { equalBytes, fromUtf8 } from '../base/bytes.ts';
import { generateIdentity, sign, verifySignature } from '../crypto/identity.ts';
import { decodeCbor } from './cbor.ts';
import {
  decodeDescriptor,
  descriptorSigningInput,
  encodeDescriptor,
  MAX_DESCRIPTOR_BYTES,
  type ServerDescriptor,
} from './server-descriptor.ts';

const server = generateIdentity();
const unsigned = {
  v: 1,
  serverId: server.publicKey,
  name: 'Test relay',
  endpoints: [
    { kind: 'quic', port: 4433 },
    { kind: 'fallback', port: 4433 },
  ],
  certs: [{ sha256: new Uint8Array(32).fill(9), notBefore: 1, notAfter: 2 }],
  gate: 'password',
  issuedAt: 10,
  expiresAt: 20,
} as const;
const signed: ServerDescriptor = { ...unsigned, signature: sign(server, descriptorSigningInput(unsigned)) };

describe('server descriptor', () => {
  it('is read as it was written and its signature verifies', () => {
    const decoded = decodeDescriptor(encodeDescriptor(signed));
    expect(decoded).toEqual({ ok: true, value: signed });
    if (decoded.ok)
      expect(
        verifySignature(
          decoded.value.serverId,
          descriptorSigningInput(decoded.value),
          decoded.value.signature,
        ),
      ).toBe(true);
  });

  it('with any bit flipped is refused or no longer signed', () => {
    const encoded = encodeDescriptor(signed);
    for (let bit = 0; bit < encoded.length * 8; bit += 3) {
      const changed = encoded.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const decoded = decodeDescriptor(changed);
      if (decoded.ok)
        expect(
          verifySignature(
            decoded.value.serverId,
            descriptorSigningInput(decoded.value),
            decoded.value.signature,
          ),
        ).toBe(false);
    }
  });

  it('signs a text of its own in front of deterministic CBOR without the signature', () => {
    const input = descriptorSigningInput(signed);
    const prefix = 'conclave/descriptor/v1';
    expect(fromUtf8(input.subarray(0, prefix.length))).toBe(prefix);
    expect(Object.keys(decodeCbor(input.subarray(prefix.length)) as object)).not.toContain('signature');
    expect(equalBytes(input, descriptorSigningInput({ ...unsigned, name: 'Other' }))).toBe(false);
  });

  it('says what is wrong', () => {
    const check = (change: object): unknown => decodeDescriptor(encodeDescriptor({ ...signed, ...change }));
    expect(check({ v: 2 })).toEqual({ ok: false, error: 'v: expected a whole number from 1 to 1' });
    expect(check({ serverId: new Uint8Array(31) })).toEqual({
      ok: false,
      error: 'serverId: expected 32 bytes',
    });
    expect(check({ endpoints: [{ kind: 'quic', port: 0 }] })).toMatchObject({
      ok: false,
      error: expect.stringContaining('endpoints[0].port'),
    });
    expect(check({ gate: 'captcha' })).toMatchObject({ ok: false });
    expect(decodeDescriptor(new Uint8Array(MAX_DESCRIPTOR_BYTES + 1))).toEqual({
      ok: false,
      error: 'too long',
    });
  });

  it('never throws on noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(decodeDescriptor(noise).ok).toBe(false);
      }),
    );
  });
});
