/** A small deterministic random generator (mulberry32), so that failures can be repeated. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Something like speech at 48 kHz: syllables of 120 to 300 ms, voiced ones with a gliding pitch and three
 * formants, unvoiced ones of noise, pauses in between. No two stretches are alike.
 */
export function syntheticSpeech(seconds: number, seed = 1): Float32Array<ArrayBuffer> {
  const random = createRandom(seed);
  const samples = new Float32Array(Math.round(seconds * 48_000));
  let position = 0;
  while (position < samples.length) {
    const length = Math.round((0.12 + random() * 0.18) * 48_000);
    const voiced = random() < 0.75;
    const pitch = 90 + random() * 120;
    const glide = (random() - 0.5) * 40;
    const formants = [300 + random() * 500, 900 + random() * 1300, 2300 + random() * 800];
    let phase = 0;
    let noise = 0;
    for (let i = 0; i < length && position + i < samples.length; i++) {
      const share = i / length;
      const envelope = Math.sin(Math.PI * share) ** 0.7;
      const frequency = pitch + glide * share;
      phase += frequency / 48_000;
      let value = 0;
      if (voiced) {
        for (let harmonic = 1; harmonic * frequency < 4000; harmonic++) {
          let weight = 0;
          for (const formant of formants) weight += 1 / (1 + ((harmonic * frequency - formant) / 120) ** 2);
          value += (weight / Math.sqrt(harmonic)) * Math.sin(2 * Math.PI * harmonic * phase);
        }
        value *= 0.12;
      } else {
        // Fricatives are far weaker than vowels.
        noise += (random() * 2 - 1 - noise) * 0.5;
        value = noise * 0.02;
      }
      samples[position + i] = Math.max(-1, Math.min(1, value * envelope));
    }
    position += length;
    if (random() < 0.2) position += Math.round(random() * 0.15 * 48_000);
  }
  return samples;
}

/** The largest normalised correlation of `b` with `a` when `b` is up to `maxLag` samples late. */
export function bestCorrelation(
  a: Float32Array,
  b: Float32Array,
  maxLag: number,
): { readonly lag: number; readonly value: number } {
  let best = { lag: 0, value: -1 };
  const length = Math.min(a.length, b.length) - maxLag;
  for (let lag = 0; lag <= maxLag; lag++) {
    let cross = 0;
    let first = 0;
    let second = 0;
    for (let i = 0; i < length; i++) {
      const x = a[i] as number;
      const y = b[i + lag] as number;
      cross += x * y;
      first += x * x;
      second += y * y;
    }
    const value = first === 0 || second === 0 ? 0 : cross / Math.sqrt(first * second);
    if (value > best.value) best = { lag, value };
  }
  return best;
}

/** Root mean square. */
export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}
