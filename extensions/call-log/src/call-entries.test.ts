import { describe, expect, it } from 'vitest';
import { entriesBetween, presentIn } from './call-entries.ts';

const people = (...keys: readonly string[]): ReadonlyMap<string, string> =>
  new Map(keys.map((key) => [key, key.toUpperCase()]));
const told = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] =>
  entriesBetween(before, after, 0, 0).map(({ name, what }) => `${name} ${what}`);

describe('the call log', () => {
  it('tells who was there, who joined and who left', () => {
    expect(told(people(), people('a', 'b'))).toEqual(['A present', 'B present']);
    expect(told(people('a'), people('a', 'b'))).toEqual(['B joined']);
    expect(told(people('a', 'b'), people('a'))).toEqual(['B left']);
    expect(told(people('a', 'b'), people('a', 'c'))).toEqual(['C joined', 'B left']);
  });

  it('says nothing of others when the user leaves', () => {
    expect(told(people('a', 'b'), people())).toEqual([]);
  });

  it('numbers its lines without gaps', () => {
    expect(entriesBetween(people(), people('a', 'b'), 5, 7).map(({ id, at }) => [id, at])).toEqual([
      ['7', 5],
      ['8', 5],
    ]);
  });

  it('does not count who is leaving', () => {
    const member = { session: 1, self: false, volume: 1, external: false };
    const call = {
      state: 'joined',
      room: 1,
      muted: false,
      deafened: false,
      epoch: 1,
      suite: '',
      code: '',
      mismatch: false,
      members: [
        { ...member, key: 'a', name: 'A', leaving: false },
        { ...member, key: 'b', name: 'B', leaving: true },
      ],
    } as const;
    expect([...presentIn(call).keys()]).toEqual(['a']);
    expect(presentIn({ state: 'none', muted: false, deafened: false }).size).toBe(0);
  });
});
