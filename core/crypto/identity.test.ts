import { describe, expect, it } from 'vitest';
import { ed25519 } from '@noble/curves/ed25519.js';
import { fromHex, toHex, utf8, type Bytes } from '../base/bytes.ts';
import { fingerprint, generateIdentity, identityFromSecret, sign, verifySignature } from './identity.ts';

const hex = (text: string): Bytes => fromHex(text) as Bytes;

describe('identity', () => {
  it('makes the signature of RFC 8032 §7.1 test 3', () => {
    const identity = identityFromSecret(
      hex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'),
    );
    expect(toHex(identity.publicKey)).toBe(
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    );
    const signature = sign(identity, hex('af82'));
    expect(toHex(signature)).toBe(
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    );
    expect(verifySignature(identity.publicKey, hex('af82'), signature)).toBe(true);
  });

  it('refuses any changed bit of message, key and signature', () => {
    const identity = generateIdentity();
    const message = utf8('hello');
    const signature = sign(identity, message);
    for (let bit = 0; bit < 512; bit++) {
      const changed = signature.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifySignature(identity.publicKey, message, changed)).toBe(false);
    }
    for (let bit = 0; bit < 256; bit++) {
      const changed = identity.publicKey.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifySignature(changed, message, signature)).toBe(false);
    }
    expect(verifySignature(identity.publicKey, utf8('hellp'), signature)).toBe(false);
    expect(verifySignature(generateIdentity().publicKey, message, signature)).toBe(false);
  });

  it('refuses small-order keys, for which one signature fits many messages', () => {
    // R = A = the neutral element, S = 0 satisfies the cofactored equation for every message.
    const neutral = hex(`01${'00'.repeat(31)}`);
    const signature = hex(`01${'00'.repeat(63)}`);
    expect(ed25519.verify(signature, utf8('anything'), neutral, { zip215: true })).toBe(true);
    expect(verifySignature(neutral, utf8('anything'), signature)).toBe(false);
    const orderEight = hex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
    expect(verifySignature(orderEight, utf8('anything'), signature)).toBe(false);
  });

  it('answers false for malformed input instead of throwing', () => {
    const identity = generateIdentity();
    const signature = sign(identity, utf8('x'));
    expect(verifySignature(new Uint8Array(31), utf8('x'), signature)).toBe(false);
    expect(verifySignature(new Uint8Array(33), utf8('x'), signature)).toBe(false);
    expect(verifySignature(identity.publicKey, utf8('x'), signature.subarray(1))).toBe(false);
    expect(verifySignature(new Uint8Array(32).fill(0xff), utf8('x'), signature)).toBe(false);
    expect(() => identityFromSecret(new Uint8Array(31))).toThrow();
  });

  it('shows a fingerprint of 8 groups of 4 hex digits', () => {
    // SHA-256 of 32 zero bytes begins 66687aadf862bd776c8fc18b8e9f8e20.
    expect(fingerprint(new Uint8Array(32))).toBe('6668 7aad f862 bd77 6c8f c18b 8e9f 8e20');
  });
});
