import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import {
  DATAGRAM_KIND,
  forEachBundled,
  MAX_DATAGRAM_BYTES,
  MIN_MEDIA_DATAGRAM_BYTES,
  readMediaHeader,
  writeMediaHeader,
  type MediaKind,
} from './media-datagram.ts';

describe('media header', () => {
  it('is read as it was written, the epoch by its low 8 bits', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<MediaKind[]>(1, 2, 3, 4),
        fc.nat(100_000),
        fc.nat(0xffff),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: MIN_MEDIA_DATAGRAM_BYTES, max: MAX_DATAGRAM_BYTES }),
        (kind, epoch, slot, counter, length) => {
          const datagram = new Uint8Array(length);
          writeMediaHeader(datagram, { kind, epoch, slot, counter });
          expect(readMediaHeader(datagram)).toEqual({ kind, epoch: epoch & 0xff, slot, counter });
        },
      ),
    );
  });

  it('has the layout of the specification', () => {
    const bytes = new Uint8Array(8);
    writeMediaHeader(bytes, { kind: 1, epoch: 0x1ff, slot: 0x0203, counter: 0x84050607 });
    expect([...bytes]).toEqual([1, 0xff, 2, 3, 0x84, 5, 6, 7]);
  });

  it('is refused with unknown kinds, set flags and wrong lengths', () => {
    for (let first = 0; first < 256; first++) {
      const datagram = new Uint8Array(MIN_MEDIA_DATAGRAM_BYTES);
      datagram[0] = first;
      expect(readMediaHeader(datagram) !== undefined).toBe(first >= 1 && first <= 4);
    }
    for (const length of [0, 1, 8, MIN_MEDIA_DATAGRAM_BYTES - 1, MAX_DATAGRAM_BYTES + 1]) {
      const datagram = new Uint8Array(length);
      if (length > 0) datagram[0] = 1;
      expect(readMediaHeader(datagram)).toBeUndefined();
    }
  });
});

describe('bundles', () => {
  const bundle = (parts: readonly Uint8Array[]): Uint8Array =>
    concatBytes(
      new Uint8Array([DATAGRAM_KIND.bundle, parts.length]),
      ...parts.flatMap((part) => [new Uint8Array([part.length >> 8, part.length & 0xff]), part]),
    );

  it('give back every datagram', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 8 }), (parts) => {
        const seen: Uint8Array[] = [];
        expect(forEachBundled(bundle(parts), (part) => seen.push(part))).toBe(parts.length);
        expect(seen.every((part, index) => equalBytes(part, parts[index] as Uint8Array))).toBe(true);
      }),
    );
  });

  it('that are cut or damaged never give more than they hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const bytes = concatBytes(new Uint8Array([DATAGRAM_KIND.bundle]), noise);
        let total = 0;
        const count = forEachBundled(bytes, (part) => {
          expect(part.length).toBeGreaterThan(0);
          total += part.length + 2;
        });
        expect(count).toBeLessThanOrEqual(bytes[1] ?? 0);
        expect(total).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1_000 },
    );
    const whole = bundle([new Uint8Array(5), new Uint8Array(6)]);
    for (let length = 0; length < whole.length; length++)
      expect(forEachBundled(whole.subarray(0, length), () => {})).toBe(length >= 9 ? 1 : 0);
    expect(forEachBundled(new Uint8Array([1, 1, 0, 1, 0]), () => {})).toBe(0);
  });
});
