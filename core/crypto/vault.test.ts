import { describe, expect, it } from 'vitest';
import { fromHex, randomBytes, toHex, utf8, type Bytes } from '../base/bytes.ts';
import { createRecordCipher, deriveKey, unwrapKeyWithPassphrase, wrapKeyWithPassphrase } from './vault.ts';

const damaged = expect.objectContaining({ code: 'vault_damaged' });

describe('record cipher', () => {
  it('opens what it sealed, under the same name and key only', () => {
    const key = randomBytes(32);
    const cipher = createRecordCipher(key);
    const sealed = cipher.seal('history/1', utf8('secret'));
    expect(createRecordCipher(key).open('history/1', sealed)).toEqual(utf8('secret'));
    expect(cipher.seal('history/1', utf8('secret'))).not.toEqual(sealed);
    expect(() => cipher.open('history/2', sealed)).toThrow(damaged);
    expect(() => createRecordCipher(randomBytes(32)).open('history/1', sealed)).toThrow(damaged);
  });

  it('refuses every flipped bit and every truncation', () => {
    const cipher = createRecordCipher(randomBytes(32));
    const sealed = cipher.seal('name', utf8('abc'));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => cipher.open('name', changed)).toThrow(damaged);
    }
    for (let length = 0; length < sealed.length; length++)
      expect(() => cipher.open('name', sealed.subarray(0, length))).toThrow(damaged);
  });
});

describe('passphrase wrapping', () => {
  it('gives the key back for the passphrase, however its accents were typed', async () => {
    const key = randomBytes(32);
    const wrapped = await wrapKeyWithPassphrase(key, 'caf\u00e9');
    expect(await unwrapKeyWithPassphrase(wrapped, 'cafe\u0301')).toEqual(key);
    await expect(unwrapKeyWithPassphrase(wrapped, 'cafe')).rejects.toMatchObject({
      code: 'passphrase_wrong',
    });
    const changed = wrapped.slice();
    changed[wrapped.length - 1]! ^= 1;
    await expect(unwrapKeyWithPassphrase(changed, 'caf\u00e9')).rejects.toMatchObject({
      code: 'passphrase_wrong',
    });
  });

  it('refuses a header that asks for too little or too much work, at once', async () => {
    const wrapped = await wrapKeyWithPassphrase(randomBytes(32), 'x');
    expect(new DataView(wrapped.buffer).getUint32(1)).toBe(600_000);
    for (const iterations of [0, 1, 599_999, 10_000_001, 0xffffffff]) {
      const changed = wrapped.slice();
      new DataView(changed.buffer).setUint32(1, iterations);
      await expect(unwrapKeyWithPassphrase(changed, 'x')).rejects.toMatchObject({ code: 'vault_damaged' });
    }
    await expect(unwrapKeyWithPassphrase(wrapped.subarray(0, 40), 'x')).rejects.toMatchObject({
      code: 'vault_damaged',
    });
  });
});

describe('key derivation', () => {
  it('is HKDF-SHA256 of RFC 5869', () => {
    // Test case 3 of appendix A has neither salt nor info.
    const okm = deriveKey(fromHex('0b'.repeat(22)) as Bytes, '', 42);
    expect(toHex(okm)).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    );
    expect(deriveKey(okm, 'a', 32)).not.toEqual(deriveKey(okm, 'b', 32));
  });
});
