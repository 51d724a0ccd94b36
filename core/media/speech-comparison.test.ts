import { describe, expect, it } from 'vitest';
import { createOpusCodec } from './opus-codec.ts';
import { compareSpeech, STAMP_QUANTUM, type StampedAudio } from './speech-comparison.ts';
import { opusSimdModule } from './testing/codec-modules.ts';
import { createRandom, syntheticSpeech } from './testing/synthetic-speech.ts';

const START = 1_700_000_000_000;

/** Stamps as a worklet makes them: whole milliseconds, one per quantum. */
function stamped(samples: Float32Array, startMs = START): StampedAudio {
  const stamps = Float64Array.from({ length: Math.floor(samples.length / STAMP_QUANTUM) }, (_, i) =>
    Math.floor(startMs + (i * STAMP_QUANTUM) / 48),
  );
  return { samples, stamps };
}

/** The samples `delayMs` later, at a quarter of the loudness. */
function late(samples: Float32Array, delayMs: number): Float32Array {
  const out = new Float32Array(samples.length);
  out.set(samples.map((sample) => sample / 4).subarray(0, samples.length - delayMs * 48), delayMs * 48);
  return out;
}

describe('speech comparison', () => {
  it('finds the delay of the same speech', () => {
    const speech = syntheticSpeech(5);
    const result = compareSpeech(stamped(speech), stamped(late(speech, 137)));
    expect(result.correlation).toBeGreaterThan(0.999);
    expect(result.delay?.p50).toBeGreaterThanOrEqual(133);
    expect(result.delay?.p95).toBeLessThanOrEqual(141);
    expect(result.windows.length).toBeGreaterThanOrEqual(4);
  });

  it('recognises speech after a codec and through noise', () => {
    const speech = syntheticSpeech(4, 3);
    const codec = createOpusCodec(opusSimdModule);
    const encoder = codec.createEncoder({ bitrate: 32_000, expectedLossPercent: 5 });
    const decoder = codec.createDecoder();
    const heard = new Float32Array(speech.length);
    for (let i = 0; i + 960 <= speech.length; i += 960)
      decoder.decode(encoder.encode(speech.subarray(i, i + 960)), heard.subarray(i, i + 960));
    const random = createRandom(3);
    for (let i = 0; i < heard.length; i++) heard[i] = (heard[i] as number) + (random() - 0.5) * 0.01;
    const result = compareSpeech(stamped(speech), stamped(heard, START + 60));
    expect(result.correlation).toBeGreaterThan(0.9);
    expect(result.delay?.p50).toBeGreaterThanOrEqual(62);
    expect(result.delay?.p50).toBeLessThanOrEqual(71);
    encoder.dispose();
    decoder.dispose();
  });

  it('does not take other speech or noise for the source', () => {
    const random = createRandom(9);
    const noise = Float32Array.from({ length: 4 * 48_000 }, () => (random() - 0.5) * 0.4);
    const source = stamped(syntheticSpeech(4, 1));
    expect(compareSpeech(source, stamped(syntheticSpeech(4, 8))).correlation).toBeLessThan(0.5);
    expect(compareSpeech(source, stamped(noise)).correlation).toBeLessThan(0.3);
  });

  it('finds nothing in silence', () => {
    expect(compareSpeech(stamped(syntheticSpeech(2)), stamped(new Float32Array(96_000)))).toEqual({
      windows: [],
      correlation: 0,
      delay: undefined,
    });
  });
});
