import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { syntheticSpeech } from './testing/synthetic-speech.ts';
import { MAX_STRETCH_SAMPLES, stretchSpeech } from './time-stretch.ts';

const tone = (length: number, frequency: number): Float32Array =>
  Float32Array.from({ length: length + MAX_STRETCH_SAMPLES }, (_, i) =>
    i < length ? 0.5 * Math.sin((2 * Math.PI * frequency * i) / 48_000) : 0,
  );

/** The largest step between neighbours: a cut in the wrong place shows as a jump. */
function roughness(samples: Float32Array, length: number): number {
  let largest = 0;
  for (let i = 1; i < length; i++)
    largest = Math.max(largest, Math.abs((samples[i] as number) - (samples[i - 1] as number)));
  return largest;
}

describe('time stretching', () => {
  it.each([-480, 480])('changes a tone by whole periods, without a jump (%i)', (change) => {
    const samples = tone(960, 200);
    const before = roughness(samples, 960);
    const length = stretchSpeech(samples, 960, change);
    expect(Math.abs(length - 960) % 240).toBe(0);
    expect(Math.sign(length - 960)).toBe(Math.sign(change));
    expect(roughness(samples, length)).toBeLessThan(before * 1.2);
  });

  it('finds periods in voiced speech and leaves what has none', () => {
    const speech = syntheticSpeech(4, 2);
    let changed = 0;
    for (let start = 0; start + 960 <= speech.length; start += 960) {
      const frame = new Float32Array(960 + MAX_STRETCH_SAMPLES);
      frame.set(speech.subarray(start, start + 960));
      const length = stretchSpeech(frame, 960, -480);
      expect(length).toBeGreaterThanOrEqual(480);
      expect(length).toBeLessThanOrEqual(960);
      if (length < 960) changed += 1;
    }
    expect(changed).toBeGreaterThan(60);
    const noise = Float32Array.from({ length: 1440 }, () => Math.random() - 0.5);
    const copy = noise.slice();
    expect(stretchSpeech(noise, 960, -480)).toBe(960);
    expect(noise).toEqual(copy);
  });

  it('leaves numbers in range, whatever the signal and the wish', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.double({ min: -600, max: 600, noNaN: true }),
        fc.constantFrom(480, 960),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, change, frame, loudness) => {
          const samples = new Float32Array(frame + MAX_STRETCH_SAMPLES);
          samples.set(
            syntheticSpeech(0.5, seed)
              .subarray(9600, 9600 + frame)
              .map((sample) => sample * loudness),
          );
          const length = stretchSpeech(samples, frame, change);
          expect(Number.isInteger(length)).toBe(true);
          expect(length).toBeLessThanOrEqual(samples.length);
          expect(samples.subarray(0, length).every((sample) => Math.abs(sample) <= 1)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does nothing without room or for changes shorter than a period', () => {
    expect(stretchSpeech(tone(960, 200), 960, -100)).toBe(960);
    expect(stretchSpeech(new Float32Array(960), 960, 480)).toBe(960);
    expect(stretchSpeech(new Float32Array(1440), 960, 480)).toBe(1440);
  });
});
