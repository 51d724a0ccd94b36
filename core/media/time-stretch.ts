/**
 * Makes speech a little shorter or longer without changing its pitch, by leaving out or repeating one pitch
 * period with a cross-fade (overlap-add as in NetEq's Accelerate and PreemptiveExpand).
 */

/** Pitch periods looked for: 2.5 to 10 ms, 400 to 100 Hz. */
const MIN_LAG = 120;
const MAX_LAG = 480;
/** The search runs on every fourth sample, then around the best one at full rate. */
const DECIMATION = 4;
/** Less alike than this, a cut would be heard. */
const MIN_CORRELATION = 0.6;
/** Quieter than this (-60 dB) any cut is fine. */
const SILENT_POWER = 1e-6;

/** Samples `changeSpeech` may add to a frame. */
export const MAX_STRETCH_SAMPLES = MAX_LAG;

function correlation(samples: Float32Array, lag: number, length: number, step: number): number {
  let cross = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i + lag < length; i += step) {
    const a = samples[i] as number;
    const b = samples[i + lag] as number;
    cross += a * b;
    first += a * a;
    second += b * b;
  }
  const power = Math.sqrt(first * second);
  return power === 0 ? 1 : cross / power;
}

/** The lag up to `maxLag` at which the signal is most like itself; `undefined` when it is not. */
function findPitch(samples: Float32Array, length: number, maxLag: number): number | undefined {
  let energy = 0;
  for (let i = 0; i < length; i++) energy += (samples[i] as number) * (samples[i] as number);
  if (energy / length < SILENT_POWER) return maxLag;
  let best = -1;
  let bestLag = 0;
  for (let lag = MIN_LAG; lag <= maxLag; lag += DECIMATION) {
    const value = correlation(samples, lag, length, DECIMATION);
    if (value > best) {
      best = value;
      bestLag = lag;
    }
  }
  const from = Math.max(MIN_LAG, bestLag - DECIMATION + 1);
  const to = Math.min(maxLag, bestLag + DECIMATION - 1);
  best = -1;
  for (let lag = from; lag <= to; lag++) {
    const value = correlation(samples, lag, length, 1);
    if (value > best) {
      best = value;
      bestLag = lag;
    }
  }
  return best >= MIN_CORRELATION ? bestLag : undefined;
}

/**
 * Changes the first `length` samples of `samples` in place by about `change` samples: one pitch period of at
 * most |change| is taken out (negative) or put in (positive; there must be room behind them).
 * @returns the new length, which is the old one when the signal has no suitable period.
 */
export function stretchSpeech(samples: Float32Array, length: number, change: number): number {
  const maxLag = Math.min(MAX_LAG, Math.floor(Math.abs(change)), length >> 1);
  if (maxLag < MIN_LAG || (change > 0 && length + maxLag > samples.length)) return length;
  const lag = findPitch(samples, length, maxLag);
  if (lag === undefined) return length;
  if (change < 0) {
    // Fade from the start into what comes one period later, then close the gap.
    for (let i = 0; i < lag; i++) {
      const weight = i / lag;
      samples[i] = (samples[i] as number) * (1 - weight) + (samples[i + lag] as number) * weight;
    }
    samples.copyWithin(lag, 2 * lag, length);
    return length - lag;
  }
  // Play the first period, then fade from the second back into the first, so that one is heard twice.
  samples.copyWithin(2 * lag, lag, length);
  for (let i = 0; i < lag; i++) {
    const weight = i / lag;
    const second = samples[lag + i] as number;
    samples[lag + i] = second * (1 - weight) + (samples[i] as number) * weight;
  }
  return length + lag;
}
