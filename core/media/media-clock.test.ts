import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMediaClock } from './media-clock.ts';

describe('media clock', () => {
  it('counts blocks', () => {
    const clock = createMediaClock(5);
    for (let i = 0; i < 1000; i++) expect(clock.next(i * 10 + (i % 3) * 4, 0, false)).toBe(5 + i);
  });

  it('jumps over audio that was lost, not over audio that waits', () => {
    const clock = createMediaClock();
    for (let i = 0; i < 100; i++) clock.next(i * 10, 0, false);
    // This worker was busy for 300 ms; the audio is all there.
    for (let i = 0; i < 30; i++) expect(clock.next(1300, 290 - i * 10, false)).toBe(100 + i);
    // The audio service stood still for 300 ms.
    expect(clock.next(1600, 0, false)).toBe(160);
    expect(clock.next(1610, 0, false)).toBe(161);
  });

  it('corrects small errors when nobody hears it', () => {
    const clock = createMediaClock();
    for (let i = 0; i < 100; i++) clock.next(i * 10, 0, false);
    expect(clock.next(1050, 0, false)).toBe(100);
    expect(clock.next(1060, 0, true)).toBe(106);
  });

  it('takes lateness that lasts for lost audio, and lateness that passes not', () => {
    const clock = createMediaClock();
    for (let i = 0; i < 100; i++) clock.next(i * 10, 0, false);
    // Two blocks run 60 ms late, then all is as before.
    for (let i = 100; i < 200; i++) expect(clock.next(i * 10 + (i < 102 ? 60 : 0), 0, false)).toBe(i);
    // 60 ms were lost for good.
    const times = Array.from({ length: 60 }, (_, i) => clock.next((200 + i) * 10 + 60, 0, false));
    expect(times[0]).toBe(200);
    expect(times.at(-1)).toBe(200 + 59 + 6);
    // 10 ms more: nobody hears the correction between two spurts.
    for (let i = 0; i < 40; i++) expect(clock.next((260 + i) * 10 + 71, 0, false)).toBe(266 + i);
    expect(clock.next(3000 + 71, 0, true)).toBe(307);
  });

  it('follows a device that is 100 ppm slow for an hour without a jump', () => {
    const clock = createMediaClock();
    for (let i = 0; i < 360_000; i++)
      if (clock.next(i * 10.001, 0, false) !== i) throw new Error(`jump at block ${i}`);
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.integer({ min: -500, max: 1000 }), fc.integer({ min: 0, max: 200 }), fc.boolean()),
        ),
        (steps) => {
          const clock = createMediaClock();
          let now = 0;
          let last = -1;
          for (const [passed, backlog, start] of steps) {
            now += passed;
            const time = clock.next(now, backlog, start);
            expect(time).toBeGreaterThan(last);
            last = time;
          }
        },
      ),
    );
  });
});
