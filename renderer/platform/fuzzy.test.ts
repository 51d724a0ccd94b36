import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzyMatch, fuzzyRank } from './fuzzy.ts';

function order(query: string, ...labels: readonly string[]): readonly string[] {
  return fuzzyRank(query, labels, (label) => ({ label })).map((ranked) => ranked.item);
}

describe('fuzzy matching', () => {
  it.each([
    ['tp', 'View: Toggle panel', [6, 13]],
    ['panel', 'View: Toggle panel', [13, 14, 15, 16, 17]],
    ['tgl', 'Toggle', [0, 3, 4]],
    ['', 'anything', []],
    ['panel view', 'View: Toggle panel', [0, 1, 2, 3, 13, 14, 15, 16, 17]],
  ])('%j in %j', (query, text, positions) => {
    expect(fuzzyMatch(query, text)?.positions).toEqual(positions);
  });

  it('wants every letter and every word', () => {
    expect(fuzzyMatch('xyz', 'Toggle')).toBeUndefined();
    expect(fuzzyMatch('toggle nothing', 'Toggle panel')).toBeUndefined();
    expect(fuzzyMatch('longer than it', 'it')).toBeUndefined();
  });

  it('prefers beginnings of words, runs of letters and shorter texts', () => {
    expect(order('mute', 'Commute table', 'Mute')[0]).toBe('Mute');
    expect(order('jc', 'Adjacent', 'Join call')[0]).toBe('Join call');
    expect(order('set', 'Some extra text', 'Open settings')[0]).toBe('Open settings');
    expect(order('join', 'Join call in another room', 'Join')[0]).toBe('Join');
  });

  it('keeps the given order among equals and puts description matches last', () => {
    expect(order('', 'b', 'a')).toEqual(['b', 'a']);
    const items = [
      { label: 'Other', description: 'lobby' },
      { label: 'Lobby', description: '' },
    ];
    expect(fuzzyRank('lobby', items, (item) => item).map((ranked) => ranked.item.label)).toEqual([
      'Lobby',
      'Other',
    ]);
  });

  it('gives positions that spell the query, for any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.string({ minLength: 1, maxLength: 5 }), (text, query) => {
        const match = fuzzyMatch(query, text);
        const word = query.trim();
        if (!match || /\s/.test(word) || word === '') return;
        const spelled = match.positions.map((position) => text[position]).join('');
        expect(spelled.toLowerCase()).toBe(word.toLowerCase());
      }),
    );
  });
});
