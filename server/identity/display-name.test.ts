import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldName, nameSkeleton, parseDisplayName } from './display-name.ts';

describe('display names', () => {
  it.each([
    ['Anna', 'anna'],
    ['ＡＮＮＡ', 'anna'],
    ['Zoë', 'zoë'],
    ['Zoe\u0308', 'zoë'],
    ['  a   b ', 'a b'],
  ])('%j folds to %j', (raw, key) => {
    expect(parseDisplayName(raw)?.key).toBe(key);
  });

  it.each([
    '',
    '   ',
    'a\u0000b',
    'a\u200Bb',
    '\u202Eanna',
    '---',
    'x'.repeat(33),
    'a\u0300\u0301\u0302\u0303',
  ])('refuses %j', (raw) => {
    expect(parseDisplayName(raw)).toBeUndefined();
  });

  it.each([
    ['paypal', 'раураl'],
    ['Ursula', 'Ursu1a'],
    ['anna', 'ànna'],
    ['modern', 'modem'],
    ['a_b', 'a.b'],
    ['wow', 'vvovv'],
  ])('%j looks like %j', (a, b) => {
    expect(nameSkeleton(a)).toBe(nameSkeleton(b));
  });

  it.each(['admin', 'ADMIN', 'Αdmin', 'adm1n', 'r00t', 'аura', 'Моderator', 's e r v e r'])(
    'reserves %j',
    (raw) => {
      expect(parseDisplayName(raw)?.reserved).toBe(true);
    },
  );

  it('normalises to something that stays the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (raw) => {
        const first = parseDisplayName(raw);
        if (!first) return;
        const second = parseDisplayName(first.name);
        expect(second).toEqual(first);
        expect(foldName(first.key)).toBe(first.key);
        expect(first.name.length).toBeLessThanOrEqual(32);
      }),
    );
  });
});
