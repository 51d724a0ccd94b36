import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { toHex } from '../base/bytes.ts';
import { parse } from '../base/schema.ts';
import {
  formatGroupReference,
  groupReferenceSchema,
  mlsGroupId,
  parseGroupReference,
} from './group-reference.ts';

describe('group references', () => {
  const reference = fc.record({
    kind: fc.constantFrom<('call' | 'text')[]>('call', 'text'),
    room: fc.nat(999_999_999),
    generation: fc.nat(999_999_999),
  });

  it('are parsed as they were formatted', () => {
    fc.assert(
      fc.property(reference, (value) => {
        expect(parseGroupReference(formatGroupReference(value))).toEqual(value);
      }),
    );
  });

  it('have one spelling only', () => {
    for (const text of [
      'call:01:2',
      'call:1:02',
      'call:1',
      'call:1:2:3',
      ' call:1:2',
      'Call:1:2',
      'voice:1:2',
      'call:-1:2',
      'call:1:2\n',
      'call:1e3:2',
      '',
      'call:1234567890123456:1',
    ])
      expect(parseGroupReference(text)).toBeUndefined();
  });

  it('parse only what the schema lets through', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^(call|text):[0-9]{1,18}:[0-9]{1,18}$/)),
        (text) => {
          if (parseGroupReference(text)) expect(parse(groupReferenceSchema, text).ok).toBe(true);
        },
      ),
    );
  });

  it('give different group ids on different servers', () => {
    const ids = [
      mlsGroupId(new Uint8Array(32), 'call:1:1'),
      mlsGroupId(new Uint8Array(32).fill(1), 'call:1:1'),
      mlsGroupId(new Uint8Array(32), 'text:1:1'),
      mlsGroupId(new Uint8Array(32), 'call:1:2'),
    ];
    expect(new Set(ids.map(toHex)).size).toBe(4);
  });
});
