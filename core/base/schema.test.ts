import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  array,
  boolean,
  bytes,
  integer,
  nothing,
  nullable,
  number,
  object,
  oneOf,
  optional,
  parse,
  record,
  string,
  variants,
  type Schema,
} from './schema.ts';

const issue = (schema: Schema<unknown>, value: unknown): string => {
  const parsed = parse(schema, value);
  return parsed.ok ? 'accepted' : `${parsed.error.path}: ${parsed.error.message}`;
};

describe('schema', () => {
  it('says where and what', () => {
    const schema = object({
      a: array(object({ b: integer({ min: 1, max: 3 }) }), { max: 2 }),
      c: optional(string({ max: 2 })),
    });
    expect(issue(schema, { a: [{ b: 1 }, { b: 4 }] })).toBe('a[1].b: expected a whole number from 1 to 3');
    expect(issue(schema, { a: [{}] })).toBe('a[0].b: expected a value');
    expect(issue(schema, { a: [1] })).toBe('a[0]: expected an object');
    expect(issue(schema, { a: [{ b: 1 }, { b: 1 }, { b: 1 }] })).toBe(
      'a: expected a list of at most 2 items',
    );
    expect(issue(schema, { a: [], c: 'abc' })).toBe('c: expected text of 0 to 2 characters');
    expect(issue(schema, { a: [], c: null })).toBe('c: expected text');
    expect(issue(schema, [])).toBe(': expected an object');
    expect(issue(schema, new Uint8Array(2))).toBe(': expected an object');
  });

  it('copies, drops what is not declared, and reads own fields only', () => {
    const schema = object({ a: integer() });
    const input = { a: 1, b: 2 };
    const parsed = parse(schema, input);
    expect(parsed).toEqual({ ok: true, value: { a: 1 } });
    expect(parsed.ok && parsed.value).not.toBe(input);
    expect(issue(schema, Object.create({ a: 1 }))).toBe('a: expected a value');
    expect(issue(object({ toString: string({ max: 9 }) }), {})).toBe('toString: expected a value');
  });

  it('leaves missing optional fields out', () => {
    const parsed = parse(object({ a: optional(integer()) }), { a: undefined });
    expect(parsed.ok && Object.keys(parsed.value)).toEqual([]);
  });

  it('checks the simple kinds', () => {
    for (const bad of [1.5, NaN, Infinity, 2 ** 53, -1, '1', 1n, null, undefined, true])
      expect(parse(integer(), bad).ok).toBe(false);
    for (const bad of [NaN, Infinity, '1', null]) expect(parse(number(), bad).ok).toBe(false);
    expect(parse(number({ min: 0, max: 1 }), 0.5).ok).toBe(true);
    expect(parse(boolean, 0).ok).toBe(false);
    expect(parse(nothing, null).ok).toBe(true);
    expect(parse(nothing, undefined).ok).toBe(false);
    expect(parse(nullable(integer()), null)).toEqual({ ok: true, value: null });
    expect(issue(bytes({ length: 2 }), new Uint8Array(3))).toBe(': expected 2 bytes');
    expect(issue(bytes({ min: 1, max: 2 }), new Uint8Array(0))).toBe(': expected 1 to 2 bytes');
    expect(parse(bytes({ length: 2 }), [1, 2]).ok).toBe(false);
    expect(parse(oneOf(['a', 'b']), 'c').ok).toBe(false);
    expect(parse(string({ max: 5, pattern: /^a+$/ }), 'aab').ok).toBe(false);
  });

  it('tells variants apart by own names only', () => {
    const schema = variants('t', { a: object({ x: integer() }), b: object({}) });
    expect(parse(schema, { t: 'a', x: 1, y: 2 })).toEqual({ ok: true, value: { t: 'a', x: 1 } });
    for (const name of ['c', 'toString', '__proto__', 'constructor', 1, undefined])
      expect(parse(schema, { t: name }).ok).toBe(false);
  });

  it('keeps records without prototype', () => {
    const parsed = parse(record(integer(), { max: 2 }), JSON.parse('{"__proto__":1}'));
    expect(parsed.ok && Object.getPrototypeOf(parsed.value)).toBeNull();
    expect(parsed.ok && Object.keys(parsed.value)).toEqual(['__proto__']);
    expect(parse(record(integer(), { max: 1 }), { a: 1, b: 2 }).ok).toBe(false);
  });

  it('never throws, whatever it is given', () => {
    const schema = variants('t', {
      a: object({ x: array(record(nullable(string({ max: 3 })), { max: 3 }), { max: 3 }) }),
    });
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }),
        (value) => {
          expect(typeof parse(schema, value).ok).toBe('boolean');
          expect(typeof parse(schema, { t: 'a', x: value }).ok).toBe('boolean');
        },
      ),
    );
  });
});
