import { describe, expect, it } from 'vitest';
import { isVersionRange, satisfiesRange } from './semver.ts';

describe('caret ranges', () => {
  it.each([
    ['0.1.0', '^0.1', true],
    ['0.1.7', '^0.1.2', true],
    ['0.1.1', '^0.1.2', false],
    ['0.2.0', '^0.1', false],
    ['1.4.0', '^1.2', true],
    ['1.1.9', '^1.2', false],
    ['2.0.0', '^1.2', false],
    ['0.0.3', '^0.0.3', true],
    ['0.0.4', '^0.0.3', false],
    ['0.0.4', '^0.0', true],
    ['0.1', '^0.1', false],
    ['0.1.0', '*', false],
  ])('%s in %s: %s', (version, range, expected) => {
    expect(satisfiesRange(version, range)).toBe(expected);
  });

  it.each(['*', '1.2', '^1', '>=1.0', '^01.2', '^1.2.3-beta', '^1.2 || ^2.0'])('%s is refused', (range) => {
    expect(isVersionRange(range)).toBe(false);
  });
});
