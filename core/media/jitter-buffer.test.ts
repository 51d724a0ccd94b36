import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../base/bytes.ts';
import {
  createJitterBuffer,
  MAX_BUFFERED_UNITS,
  type JitterBuffer,
  type PlayoutStep,
} from './jitter-buffer.ts';
import { createRandom } from './testing/synthetic-speech.ts';

/** A 20 ms SILK packet whose flags say that it carries in-band FEC, and one that carries none. */
const WITH_FEC: Bytes = Uint8Array.of(0x48, 0x40, 0);
const WITHOUT_FEC: Bytes = Uint8Array.of(0x48, 0, 0);

interface Arrival {
  readonly at: number;
  readonly time: number;
  readonly units?: number;
  readonly endOfSpurt?: boolean;
  readonly packet?: Bytes;
}
interface Played {
  readonly at: number;
  readonly step: PlayoutStep;
}

/** Runs a buffer against arrivals, pulling whenever the audio before is used up, every 10 ms at best. */
function simulate(
  arrivals: readonly Arrival[],
  untilMs: number,
): {
  readonly played: readonly Played[];
  readonly buffer: JitterBuffer;
  readonly speaking: readonly number[];
} {
  let now = 0;
  const buffer = createJitterBuffer(() => now);
  const sorted = [...arrivals].sort((a, b) => a.at - b.at);
  const played: Played[] = [];
  const speaking: number[] = [];
  let next = 0;
  let busyUntil = 0;
  let largest = 0;
  for (now = 0; now < untilMs; now += 1) {
    for (let arrival = sorted[next]; arrival && arrival.at <= now; arrival = sorted[++next])
      buffer.push({
        time: arrival.time >>> 0,
        units: arrival.units ?? 2,
        packet: arrival.packet ?? WITH_FEC,
        endOfSpurt: arrival.endOfSpurt ?? false,
      });
    largest = Math.max(largest, buffer.size);
    if (now % 10 === 0 && buffer.speaking) speaking.push(now);
    if (now % 10 !== 0 || now < busyUntil) continue;
    const step = buffer.pull();
    played.push({ at: now, step });
    const stretch = step.kind === 'frame' ? step.stretchMs : 0;
    busyUntil = now + (step.kind === 'silence' ? 10 : step.units * 10) + Math.round(stretch / 10) * 10;
  }
  expect(largest).toBeLessThanOrEqual(MAX_BUFFERED_UNITS);
  return { played, buffer, speaking };
}

const regular = (count: number, delayMs: (index: number) => number, from = 0): Arrival[] =>
  Array.from({ length: count }, (_, i) => ({ at: from + i * 20 + delayMs(i), time: from / 10 + i * 2 }));

const framesOf = (played: readonly Played[]): number[] =>
  played.flatMap(({ step }) => (step.kind === 'frame' || step.kind === 'recover' ? [step.time] : []));

describe('jitter buffer', () => {
  it('plays an even stream without a gap and settles near the least delay', () => {
    const { played, buffer } = simulate(
      regular(200, () => 5),
      3900,
    );
    const times = framesOf(played);
    expect(times).toEqual(Array.from({ length: times.length }, (_, i) => i * 2));
    expect(times.length).toBeGreaterThan(180);
    expect(buffer.stats).toMatchObject({ lost: 0, late: 0, concealed: 0 });
    expect(buffer.stats.targetMs).toBe(10);
    expect(buffer.stats.delayMs).toBeLessThan(25);
  });

  it('puts packets in order and plays copies once', () => {
    const arrivals = regular(100, (i) => (i % 3 === 0 ? 25 : 0));
    const { played, buffer } = simulate(
      [...arrivals, ...arrivals.map((one) => ({ ...one, at: one.at + 3 }))],
      1900,
    );
    const times = framesOf(played);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(times).size).toBe(times.length);
    expect(buffer.stats.duplicates + buffer.stats.late).toBeGreaterThanOrEqual(90);
    expect(buffer.stats.lost).toBe(0);
  });

  it('grows with jitter and shrinks again when the network calms down', () => {
    const random = createRandom(4);
    const rough = regular(400, () => random() * 80);
    const calm = regular(1500, () => 0, 8000);
    const during = simulate(rough, 7900).buffer.stats;
    expect(during.targetMs).toBeGreaterThanOrEqual(60);
    expect(during.targetMs).toBeLessThanOrEqual(130);
    const { stats } = simulate([...rough, ...calm], 37_900).buffer;
    expect(stats.targetMs).toBeLessThanOrEqual(40);
    expect(stats.delayMs).toBeLessThan(70);
    // At most 5 % of the rough packets were too late, as the quantile promises.
    expect(during.late / 400).toBeLessThan(0.08);
  });

  it('recovers single losses from in-band FEC and conceals where there is none', () => {
    const arrivals = regular(300, () => 0).filter((_, i) => i % 10 !== 9);
    const fec = simulate(arrivals, 5900).buffer.stats;
    expect(fec.recovered).toBeGreaterThan(24);
    expect(fec.lost - fec.recovered).toBeLessThan(4);
    const plain = simulate(
      arrivals.map((one) => ({ ...one, packet: WITHOUT_FEC })),
      5900,
    );
    expect(plain.buffer.stats.recovered).toBe(0);
    expect(plain.buffer.stats.concealed).toBeGreaterThan(24);
  });

  it('uses redundant copies for frames that did not come', () => {
    let now = 0;
    const buffer = createJitterBuffer(() => now);
    const frame = (time: number) => ({ time, units: 2, packet: WITHOUT_FEC, endOfSpurt: false });
    const kinds: string[] = [];
    for (let i = 0; i < 60; i++) {
      now = i * 20;
      if (i % 5 !== 4) {
        buffer.push(frame(i * 2));
        if (i > 0) buffer.push(frame((i - 1) * 2), 'redundant');
      }
      kinds.push(buffer.pull().kind);
    }
    expect(buffer.stats.recovered).toBeGreaterThan(8);
    expect(kinds.slice(5)).not.toContain('conceal');
  });

  it('waits for what comes late and plays it, instead of giving it up', () => {
    // One frame in a hundred comes 15 ms late, which is no reason to hold all the others back.
    const { played, buffer } = simulate(
      regular(1000, (i) => (i % 100 === 50 ? 15 : 0)),
      19_900,
    );
    const times = framesOf(played);
    expect(times).toEqual(Array.from({ length: times.length }, (_, i) => i * 2));
    expect(buffer.stats).toMatchObject({ lost: 0, late: 0, recovered: 0 });
    expect(buffer.stats.concealed).toBeLessThanOrEqual(25);
    expect(buffer.stats.delayMs).toBeLessThan(60);
  });

  it('waits longer when frames are asked for too early, and forgets that again', () => {
    let now = 0;
    const buffer = createJitterBuffer(() => now);
    const push = (i: number): void =>
      buffer.push({ time: i * 2, units: 2, packet: WITH_FEC, endOfSpurt: false });
    let pulledUntil = 0;
    const pullUntil = (end: number): void => {
      for (; pulledUntil < end; pulledUntil += 10) {
        const step = buffer.pull();
        if (step.kind === 'frame') pulledUntil += 10 + Math.round(step.stretchMs / 10) * 10;
      }
    };
    // The device takes 20 ms ahead of time once in a second.
    for (let i = 0; i < 300; i++) {
      now = i * 20;
      push(i);
      pullUntil(now + (i % 50 === 49 ? 40 : 10));
    }
    expect(buffer.stats.targetMs).toBeGreaterThan(10);
    expect(buffer.stats.targetMs).toBeLessThanOrEqual(30);
    for (let i = 300; i < 3300; i++) {
      now = i * 20;
      push(i);
      pullUntil(now + 10);
    }
    expect(buffer.stats.targetMs).toBe(10);
    expect(buffer.stats.lost).toBe(0);
  });

  it('does not take what was held back on this side for a slow network', () => {
    let now = 0;
    const buffer = createJitterBuffer(() => now);
    for (let i = 0; i < 300; i++) {
      now = i * 20;
      // Every ten frames the keys come 60 ms after the first frame that needs them.
      const phase = i % 10;
      for (const index of phase < 3 ? [] : phase === 3 ? [i - 3, i - 2, i - 1, i] : [i])
        buffer.push(
          { time: index * 2, units: 2, packet: WITH_FEC, endOfSpurt: false },
          index < i ? 'held' : 'network',
        );
      buffer.pull();
    }
    expect(buffer.stats.targetMs).toBeLessThanOrEqual(30);
    expect(buffer.stats).toMatchObject({ received: 300, lost: 0, late: 0 });
  });

  it('ends a spurt without concealment, holds the light for 200 ms, and starts the next one in time', () => {
    const first = regular(10, () => 0).map((one, i) => ({ ...one, endOfSpurt: i === 9 }));
    const second = regular(10, () => 0, 1000).map((one, i) => ({ ...one, endOfSpurt: i === 9 }));
    const { played, buffer, speaking } = simulate([...first, ...second], 2000);
    expect(played.filter(({ step }) => step.kind === 'conceal')).toEqual([]);
    expect(framesOf(played).length).toBe(20);
    expect(buffer.stats.lost).toBe(0);
    const starts = played.filter(({ step }) => step.kind === 'frame' && step.startsSpurt).map(({ at }) => at);
    expect(starts.length).toBe(2);
    expect(starts[1]).toBeGreaterThanOrEqual(1010);
    expect(starts[1]).toBeLessThanOrEqual(1050);
    const lastOfFirst = Math.max(
      ...played.filter(({ at, step }) => at < 900 && step.kind === 'frame').map(({ at }) => at),
    );
    const lit = Math.max(...speaking.filter((at) => at < 1000));
    expect(lit - lastOfFirst).toBeGreaterThan(180);
    expect(lit - lastOfFirst).toBeLessThanOrEqual(210);
  });

  it('fades out and falls silent when everything stops, then goes on', () => {
    const arrivals = [...regular(50, () => 0), ...regular(50, () => 0, 3000)];
    const { played } = simulate(arrivals, 4000);
    const conceals = played.flatMap(({ step }) => (step.kind === 'conceal' ? [step] : []));
    expect(conceals.length).toBeGreaterThan(0);
    expect(conceals.reduce((sum, { units }) => sum + units, 0)).toBeLessThanOrEqual(10 + 2);
    for (const { gainFrom, gainTo } of conceals) expect(gainTo).toBeLessThan(gainFrom);
    expect(framesOf(played).filter((time) => time >= 300).length).toBeGreaterThan(40);
  });

  it('catches up after the network held everything back', () => {
    const stalled = regular(300, (i) => (i >= 100 && i < 150 ? (150 - i) * 20 : 0));
    const { played, buffer } = simulate(stalled, 5900);
    const times = framesOf(played);
    expect(new Set(times).size).toBe(times.length);
    expect(buffer.stats.delayMs).toBeLessThan(350);
    expect(times.filter((time) => time >= 400).length).toBeGreaterThan(80);
  });

  it('counts media time across the wrap at 2^32', () => {
    const start = 0xffffffff - 99;
    const arrivals = Array.from({ length: 200 }, (_, i) => ({ at: i * 20, time: start + i * 2 }));
    const { played, buffer } = simulate(arrivals, 3900);
    expect(framesOf(played).length).toBeGreaterThan(180);
    expect(buffer.stats.lost).toBe(0);
  });

  it('never plays a frame twice or backwards and stays bounded, whatever arrives', () => {
    const arrival = fc.record({
      at: fc.integer({ min: 0, max: 3000 }),
      time: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 0xffffffff })),
      units: fc.constantFrom(1, 2, 4, 6),
      endOfSpurt: fc.boolean(),
      packet: fc.constantFrom(WITH_FEC, WITHOUT_FEC),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 150 }), (arrivals) => {
        const { played, buffer } = simulate(arrivals, 4000);
        let end = -Infinity;
        for (const { step } of played) {
          if (step.kind !== 'frame' && step.kind !== 'recover') continue;
          expect(step.time).toBeGreaterThanOrEqual(end);
          end = step.time + step.units;
        }
        const { received, lost, recovered } = buffer.stats;
        expect(received).toBe(arrivals.length);
        expect(recovered).toBeLessThanOrEqual(lost);
      }),
      { numRuns: 300 },
    );
  });
});
