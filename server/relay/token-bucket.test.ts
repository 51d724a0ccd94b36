import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTokenBucket } from './token-bucket.ts';

it('allows the burst, then the rate', () => {
  const bucket = createTokenBucket(10, 3, 0);
  expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([true, true, true, false]);
  expect(bucket.waitFor(0)).toBe(100);
  expect(bucket.take(99)).toBe(false);
  expect(bucket.take(100)).toBe(true);
  expect(bucket.isFull(1000)).toBe(true);
  expect(bucket.charge(1000, 13)).toBe(1000);
});

it('never gives more than burst plus rate times time, however it is asked', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 300 }),
      (rate, burst, gaps) => {
        const bucket = createTokenBucket(rate, burst, 0);
        let now = 0;
        let taken = 0;
        for (const gap of gaps) {
          now += gap;
          if (bucket.take(now)) taken++;
        }
        expect(taken).toBeLessThanOrEqual(burst + (rate * now) / 1000 + 1e-6);
      },
    ),
  );
});
