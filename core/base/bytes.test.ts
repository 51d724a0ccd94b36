import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  compareBytes,
  concatBytes,
  equalBytes,
  equalSecretBytes,
  fromHex,
  fromUtf8,
  randomBytes,
  toHex,
  u32,
  utf8,
  wipe,
} from './bytes.ts';

const bytes = fc.uint8Array({ maxLength: 20 });

describe('bytes', () => {
  it('go to hex and back', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(fromHex(toHex(value))).toEqual(new Uint8Array(value));
        expect(fromHex(toHex(value).toUpperCase())).toEqual(new Uint8Array(value));
        expect(toHex(value)).toBe(Buffer.from(value).toString('hex'));
      }),
    );
    for (const bad of ['0', 'zz', '0x00', ' 00', '0g', '\u0660\u0660']) expect(fromHex(bad)).toBeUndefined();
  });

  it('compare as unsigned values', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        const same = Buffer.compare(a, b) === 0;
        expect(equalBytes(a, b)).toBe(same);
        expect(equalSecretBytes(a, b)).toBe(same);
      }),
    );
    expect(compareBytes(new Uint8Array([0x80]), new Uint8Array([0x7f]))).toBeGreaterThan(0);
  });

  it('are joined, made and wiped', () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect(Buffer.from(concatBytes(...parts))).toEqual(Buffer.concat(parts));
      }),
    );
    expect([...u32(0xfffefdfc)]).toEqual([0xff, 0xfe, 0xfd, 0xfc]);
    expect(randomBytes(32)).not.toEqual(randomBytes(32));
    const secret = randomBytes(8);
    wipe(secret, undefined);
    expect(secret).toEqual(new Uint8Array(8));
  });

  it('as text are strict UTF-8', () => {
    expect(fromUtf8(utf8('a\u00e9\u{1f600}'))).toBe('a\u00e9\u{1f600}');
    for (const bad of ['ff', 'c080', 'eda080', 'f4908080'])
      expect(() => fromUtf8(fromHex(bad) as Uint8Array)).toThrow(TypeError);
    // A byte order mark is text like any other here, or two encodings would decode alike.
    expect(fromUtf8(fromHex('efbbbf61') as Uint8Array)).toBe('\ufeffa');
  });
});
