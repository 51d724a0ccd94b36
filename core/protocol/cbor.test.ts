import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { fromHex, toHex, type Bytes } from '../base/bytes.ts';
import { CborError, CONTROL_CBOR_LIMITS, decodeCbor, encodeCbor, type CborValue } from './cbor.ts';

const hex = (text: string): Bytes => fromHex(text) as Bytes;

const value: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthIdentifier: 'cbor' },
    fc.maxSafeInteger().filter((number) => number !== Number.MIN_SAFE_INTEGER),
    fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;
/** What comes back: small bigints as numbers, maps without prototype. */
const normal = (input: CborValue): unknown => {
  if (typeof input === 'bigint') return input <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(input) : input;
  if (input instanceof Uint8Array) return new Uint8Array(input);
  if (Array.isArray(input)) return (input as readonly CborValue[]).map(normal);
  if (typeof input === 'object' && input !== null)
    return Object.assign(
      Object.create(null) as object,
      Object.fromEntries(
        Object.entries(input as { [key: string]: CborValue }).map(([key, entry]) => [key, normal(entry)]),
      ),
    );
  return input;
};

describe('deterministic CBOR', () => {
  const examples: readonly (readonly [CborValue, string])[] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1000000, '1a000f4240'],
    [1000000000000, '1b000000e8d4a51000'],
    [18446744073709551615n, '1bffffffffffffffff'],
    [-1, '20'],
    [-1000, '3903e7'],
    [1.1, 'fb3ff199999999999a'],
    [-0, 'fb8000000000000000'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    ['IETF', '6449455446'],
    ['\u6c34', '63e6b0b4'],
    [[1, [2, 3]], '8201820203'],
    [{ b: 1, aa: 2, a: 3 }, 'a361610361620162616102'],
  ];
  it('writes and reads the examples of RFC 8949 appendix A', () => {
    for (const [input, expected] of examples) {
      expect(toHex(encodeCbor(input))).toBe(expected);
      expect(decodeCbor(hex(expected))).toEqual(normal(input));
    }
  });

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(value, (input) => {
        expect(decodeCbor(encodeCbor(input))).toEqual(normal(input));
      }),
      { numRuns: 500 },
    );
  });

  it('never does anything but decode or throw CborError, and what it reads it writes back alike', () => {
    const fuzz = (bytes: Uint8Array): void => {
      let decoded: unknown;
      try {
        decoded = decodeCbor(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CborError);
        return;
      }
      expect(encodeCbor(decoded as CborValue)).toEqual(new Uint8Array(bytes));
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fuzz), { numRuns: 5_000 });
    // Near misses find more than noise does.
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), fc.nat(), (input, where, byte, cut) => {
        const bytes = encodeCbor(input);
        bytes[where % bytes.length] = byte;
        fuzz(bytes);
        fuzz(bytes.subarray(0, cut % (bytes.length + 1)));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['1817', 'head is not the shortest'],
    ['190017', 'head is not the shortest'],
    ['1a00000017', 'head is not the shortest'],
    ['1b0000000000000017', 'head is not the shortest'],
    ['9f01ff', 'indefinite'],
    ['5f4101ff', 'indefinite'],
    ['c001', 'tags'],
    ['f7', 'simple value'],
    ['f818', 'simple value'],
    ['f90000', 'simple value'],
    ['fa00000000', 'simple value'],
    ['fb7ff0000000000000', 'finite'],
    ['fb7ff8000000000000', 'finite'],
    ['fb3ff0000000000000', 'whole numbers'],
    ['a201010202', 'map keys must be text'],
    ['a2616201616102', 'sorted'],
    ['a2616101616102', 'sorted'],
    ['61ff', 'UTF-8'],
    ['62c3', 'beyond the end'],
    ['5affffffff', 'beyond the end'],
    ['9affffffff', 'beyond the end'],
    ['bbffffffffffffffff', 'beyond the end'],
    ['3bffffffffffffffff', 'out of range'],
    ['', 'ends too early'],
    ['0000', 'after the end'],
  ])('refuses %s: %s', (bytes, message) => {
    expect(() => decodeCbor(hex(bytes))).toThrow(message);
  });

  it('bounds depth and size', () => {
    const nested = (depth: number): Bytes => hex('81'.repeat(depth) + '00');
    expect(decodeCbor(nested(CONTROL_CBOR_LIMITS.maxDepth))).toBeDefined();
    expect(() => decodeCbor(nested(CONTROL_CBOR_LIMITS.maxDepth + 1))).toThrow('nested');
    expect(() => decodeCbor(nested(60_000))).toThrow(CborError);
    expect(() => decodeCbor(new Uint8Array(CONTROL_CBOR_LIMITS.maxBytes + 1))).toThrow('too long');
    let deep: CborValue = 0;
    for (let i = 0; i < 100; i++) deep = [deep];
    expect(() => encodeCbor(deep)).toThrow(CborError);
  });

  it('keeps names that mean something to JavaScript harmless', () => {
    const decoded = decodeCbor(
      encodeCbor(JSON.parse('{"__proto__":{"x":1},"constructor":2}') as CborValue),
    ) as Record<string, unknown>;
    expect(Object.getPrototypeOf(decoded)).toBeNull();
    expect(Object.keys(decoded).sort()).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('refuses values it cannot hold', () => {
    for (const bad of [NaN, Infinity, -1n, 1n << 64n, (() => 0) as never, Symbol('x') as never])
      expect(() => encodeCbor(bad)).toThrow(CborError);
    expect(decodeCbor(encodeCbor({ a: undefined, b: 1 }))).toEqual({ b: 1 });
  });

  it('gives byte strings memory of their own', () => {
    const encoded = encodeCbor(new Uint8Array([1, 2, 3]));
    const decoded = decodeCbor(encoded) as Bytes;
    encoded.fill(0);
    expect(decoded).toEqual(new Uint8Array([1, 2, 3]));
  });
});
