import { describe, expect, it } from 'vitest';
import { absoluteTime, dayName, relativeTime } from './time-text.ts';

const now = new Date(2026, 4, 20, 15, 0, 0).getTime();

describe('times', () => {
  it.each([
    [0, 'now'],
    [-30_000, 'now'],
    [5 * 60_000, '5 min. ago'],
    [2 * 3_600_000, '2 hr. ago'],
  ])('%i ms ago', (age, expected) => {
    expect(relativeTime(now - age, now, 'en')).toBe(expected);
  });

  it('gives the date of what is older than a day or in the future', () => {
    expect(relativeTime(now - 3 * 86_400_000, now, 'en')).toContain('2026');
    expect(relativeTime(now + 3_600_000, now, 'en')).toContain('2026');
    expect(absoluteTime(now, 'en')).toContain('Wednesday');
  });

  it('names days by the calendar', () => {
    expect(dayName(new Date(2026, 4, 20, 0, 0, 1).getTime(), now, 'en')).toBe('Today');
    expect(dayName(new Date(2026, 4, 19, 23, 59).getTime(), now, 'en')).toBe('Yesterday');
    expect(dayName(new Date(2026, 4, 17).getTime(), now, 'en')).toContain('May 17, 2026');
  });
});
