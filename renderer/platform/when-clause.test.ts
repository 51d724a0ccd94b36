import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContextKeyService } from './context-keys.ts';
import { evaluateWhen, keysOfWhen, parseWhen, type ContextKeyValue } from './when-clause.ts';

const context: Readonly<Record<string, ContextKeyValue>> = {
  yes: true,
  no: false,
  count: 3,
  text: 'voice',
  list: ['a', 'voice'],
  empty: [],
  numeral: '12',
};

function holds(clause: string): boolean {
  const parsed = parseWhen(clause);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return evaluateWhen(parsed.value, (key) => context[key]);
}

describe('when clauses', () => {
  it.each([
    ['yes', true],
    ['no', false],
    ['missing', false],
    ['!no', true],
    ['!!yes', true],
    ['true', true],
    ['false || yes', true],
    ['yes && no', false],
    ['yes && no || yes', true],
    ['yes && (no || yes)', true],
    ['no && yes || no', false],
    ['no || yes && yes', true],
    ['!(yes && no)', true],
    ["text == 'voice'", true],
    ['text == voice', true],
    ['text === voice', true],
    ['text != voice', false],
    ['text !== chat', true],
    ['count == 3', true],
    ['count == 03', false],
    ['yes == true', true],
    ['missing == false', true],
    ['missing == undefined', false],
    ['missing != x', true],
    ['count > 2', true],
    ['count >= 3', true],
    ['count < 3', false],
    ['count <= 3', true],
    ['numeral > 9', true],
    ['text > 1', false],
    ['missing < 1', false],
    ['text =~ /^vo.ce$/', true],
    ['text =~ /^VO/i', true],
    ['text =~ /a\\/b/', false],
    ['count =~ /3/', false],
    ['text in list', true],
    ['text not in list', false],
    ['count in list', false],
    ['missing in list', false],
    ['text in missing', false],
    ['list', true],
    ['empty', false],
    ['view == rooms.tree', false],
  ])('%s is %s', (clause, expected) => {
    expect(holds(clause)).toBe(expected);
  });

  it.each([
    ['', 0],
    ['&& yes', 0],
    ['yes &&', 6],
    ['yes no', 4],
    ['(yes', 4],
    ['yes)', 3],
    ['text ==', 7],
    ['count < x', 8],
    ['text =~ x', 8],
    ['text =~ /(/', 8],
    ['text =~ /x', 8],
    ['text not list', 9],
    ['yes & no', 4],
    ["text == 'voice", 8],
  ])('refuses %j at %i', (clause, offset) => {
    const parsed = parseWhen(clause);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.error.offset).toBe(offset);
  });

  it('refuses what is too long or too deep instead of failing', () => {
    expect(parseWhen('a'.repeat(2000)).ok).toBe(false);
    expect(parseWhen('('.repeat(400) + 'a' + ')'.repeat(400)).ok).toBe(false);
    expect(parseWhen('!'.repeat(900) + 'a').ok).toBe(false);
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const parsed = parseWhen(text);
        if (parsed.ok) evaluateWhen(parsed.value, (key) => context[key]);
      }),
    );
  });

  it('names the keys it depends on', () => {
    const parsed = parseWhen("a && (!b || c == 'x') && d in e && f > 1");
    expect(parsed.ok && [...keysOfWhen(parsed.value)].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
});

describe('context keys', () => {
  it('evaluates with overlays, watches, and tells only real changes', () => {
    const keys = createContextKeyService();
    const seen: boolean[] = [];
    const watch = keys.watch('a && b', (value) => seen.push(value));
    keys.set('a', true);
    keys.set('a', true);
    keys.setAll({ a: true, b: true });
    keys.set('b', false);
    expect(seen).toEqual([false, true, false]);
    expect(keys.evaluate('b', { b: true })).toBe(true);
    expect(keys.evaluate('a', { a: undefined })).toBe(false);
    watch.dispose();
    keys.dispose();
  });

  it('tells a clause that cannot be parsed once and never lets it hold', () => {
    const keys = createContextKeyService();
    const problems: string[] = [];
    const subscription = keys.onDidFindProblem((problem) => problems.push(problem.when));
    expect(keys.evaluate('a &&')).toBe(false);
    expect(keys.evaluate('a &&')).toBe(false);
    expect(problems).toEqual(['a &&']);
    subscription.dispose();
    keys.dispose();
  });
});
