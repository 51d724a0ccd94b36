import { describe, expect, it } from 'vitest';
import { createDeferred, createMutex, delay, systemClock, withTimeout } from './async.ts';
import { createFakeClock } from './testing/fake-clock.ts';

describe('mutex', () => {
  it('runs sections one after another in the order of the calls, past failures', async () => {
    const mutex = createMutex();
    const seen: string[] = [];
    const gate = createDeferred<void>();
    const first = mutex.run(async () => {
      seen.push('a');
      await gate.promise;
      seen.push('b');
      throw new Error('first');
    });
    const second = mutex.run(() => {
      seen.push('c');
      return Promise.resolve(7);
    });
    gate.resolve();
    await expect(first).rejects.toThrow('first');
    expect(await second).toBe(7);
    expect(seen).toEqual(['a', 'b', 'c']);
  });
});

describe('timeouts', () => {
  it('reject in time, leave no timer, and pass on what came before', async () => {
    const clock = createFakeClock();
    const never = createDeferred<number>();
    const late = withTimeout(clock, 100, never.promise, () => new Error('late'));
    clock.advance(99);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1);
    await expect(late).rejects.toThrow('late');
    expect(await withTimeout(clock, 100, Promise.resolve(5), () => new Error('late'))).toBe(5);
    await expect(
      withTimeout(clock, 100, Promise.reject(new Error('own')), () => new Error('late')),
    ).rejects.toThrow('own');
    expect(clock.pendingTimers).toBe(0);
  });

  it('of the system clock fire once and can be cancelled', async () => {
    await delay(systemClock, 1);
    let fired = false;
    systemClock.setTimer(0, () => (fired = true)).dispose();
    await delay(systemClock, 2);
    expect(fired).toBe(false);
    expect(Math.abs(systemClock.wallTime() - Date.now())).toBeLessThan(1_000);
  });
});

describe('fake clock', () => {
  it('runs timers at their own moments, in order, also those set meanwhile', () => {
    const clock = createFakeClock(1_000);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.now()}`);
    clock.setTimer(20, note('b'));
    clock.setTimer(10, () => {
      note('a')();
      clock.setTimer(5, note('c'));
    });
    clock.setTimer(20, note('d'));
    expect(clock.untilNext).toBe(10);
    clock.advance(20);
    expect(seen).toEqual(['a@1010', 'c@1015', 'b@1020', 'd@1020']);
    expect(clock.runNext()).toBe(false);
    clock.setTimer(50, note('e'));
    expect(clock.runNext()).toBe(true);
    expect(clock.now()).toBe(1_070);
  });
});
