import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMixer } from './mixer.ts';

const tone = (amplitude: number, frequency = 440, offset = 0): Float32Array =>
  Float32Array.from(
    { length: 480 },
    (_, i) => amplitude * Math.sin((2 * Math.PI * frequency * (i + offset)) / 48_000),
  );

describe('mixer', () => {
  it('sums people by their gains and leaves quiet mixes alone', () => {
    const out = new Float32Array(480);
    const [a, b] = [tone(0.2), tone(0.1, 700)];
    createMixer().mix(
      [
        { samples: a, gain: 2 },
        { samples: b, gain: 0.5 },
      ],
      out,
    );
    for (let i = 0; i < 480; i++)
      expect(out[i]).toBeCloseTo((a[i] as number) * 2 + (b[i] as number) * 0.5, 5);
    createMixer().mix([], out);
    expect(out.every((sample) => sample === 0)).toBe(true);
  });

  it('never exceeds full scale and lets go again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (amplitudes) => {
          const mixer = createMixer();
          const out = new Float32Array(480);
          for (const amplitude of amplitudes) {
            mixer.mix([{ samples: tone(amplitude), gain: 1 }], out);
            expect(out.every((sample) => Math.abs(sample) <= 0.98)).toBe(true);
          }
          for (let i = 0; i < 100; i++) mixer.mix([{ samples: tone(0.5), gain: 1 }], out);
          expect(Math.max(...out)).toBeCloseTo(0.5, 2);
        },
      ),
    );
  });

  it('spreads a change of the output gain over the block', () => {
    const mixer = createMixer();
    const out = new Float32Array(480);
    const flat = new Float32Array(480).fill(0.25);
    mixer.setOutputGain(2);
    mixer.mix([{ samples: flat, gain: 1 }], out);
    expect(out[0]).toBeCloseTo(0.25, 2);
    expect(out[479]).toBeCloseTo(0.5, 5);
    mixer.setOutputGain(7);
    mixer.mix([{ samples: flat, gain: 1 }], out);
    expect(out[479]).toBeCloseTo(0.5, 5);
  });
});
