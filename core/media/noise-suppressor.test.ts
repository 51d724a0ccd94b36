import { describe, expect, it } from 'vitest';
import { createNoiseSuppressor, NOISE_FRAME_SAMPLES } from './noise-suppressor.ts';
import { rnnoiseModule } from './testing/codec-modules.ts';
import { bestCorrelation, createRandom, rms, syntheticSpeech } from './testing/synthetic-speech.ts';

function run(samples: Float32Array): { readonly out: Float32Array; readonly speech: number } {
  const suppressor = createNoiseSuppressor(rnnoiseModule);
  const out = samples.slice();
  let speech = 0;
  let frames = 0;
  for (let i = 0; i + NOISE_FRAME_SAMPLES <= out.length; i += NOISE_FRAME_SAMPLES) {
    speech += suppressor.process(out.subarray(i, i + NOISE_FRAME_SAMPLES));
    frames += 1;
  }
  suppressor.dispose();
  return { out, speech: speech / frames };
}

describe('noise suppressor', () => {
  it('turns noise down by more than 10 dB', () => {
    const random = createRandom(7);
    const noise = Float32Array.from({ length: 96_000 }, () => (random() * 2 - 1) * 0.05);
    const { out, speech } = run(noise);
    const reduction = 20 * Math.log10(rms(noise.subarray(48_000)) / rms(out.subarray(48_000)));
    expect(reduction).toBeGreaterThan(10);
    expect(speech).toBeLessThan(0.5);
  });

  it('lets speech through, 10 ms later', () => {
    const speech = syntheticSpeech(3, 2);
    const { out } = run(speech);
    const match = bestCorrelation(speech, out, 960);
    expect(match.lag).toBe(NOISE_FRAME_SAMPLES);
    expect(match.value).toBeGreaterThan(0.8);
  });
});
