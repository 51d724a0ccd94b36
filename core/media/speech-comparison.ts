/**
 * Compares what was heard with what was said: finds where each stretch of the heard signal comes from in the
 * source and how alike the two are. Used to prove that real speech arrived, and how late.
 */

/** A recording. `stamps[i]` is the wall time in ms of the quantum that starts at sample i * `quantum`. */
export interface StampedAudio {
  readonly samples: Float32Array;
  readonly stamps: Float64Array;
}

/** What was found for one window of the heard signal. */
export interface ComparedWindow {
  /** First sample of the window in the heard signal. */
  readonly start: number;
  /** The matching sample of the source; negative when the window begins before the recording. */
  readonly sourceStart: number;
  /** Normalised correlation at the best alignment, -1 to 1. */
  readonly correlation: number;
}

/** The outcome of a comparison. */
export interface SpeechComparison {
  readonly windows: readonly ComparedWindow[];
  /** Mean of the windows' correlations, weighted by their energy; 0 when there was no speech. */
  readonly correlation: number;
  /** Time from source to heard quantum of matching windows, ms; undefined when none matches. */
  readonly delay: { readonly p50: number; readonly p95: number } | undefined;
}

/** Samples per time stamp: a render quantum. */
export const STAMP_QUANTUM = 128;

const SAMPLE_RATE = 48_000;
const DECIMATION = 12;
/** Windows whose power is below -50 dB hold no speech to compare. */
const MIN_POWER = 1e-5;
/** Delay is read only from windows that surely match. */
const MATCH_CORRELATION = 0.6;

/** Averages groups of samples: a crude low-pass filter, good enough to align speech. */
function decimate(samples: Float32Array): Float32Array {
  const out = new Float32Array(Math.floor(samples.length / DECIMATION));
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let j = 0; j < DECIMATION; j++) sum += samples[i * DECIMATION + j] as number;
    out[i] = sum / DECIMATION;
  }
  return out;
}

/** The start in `source` between `from` and `to` where `length` samples are most like `heard` at `start`. */
function align(
  source: Float32Array,
  heard: Float32Array,
  start: number,
  length: number,
  from: number,
  to: number,
): { readonly at: number; readonly correlation: number } | undefined {
  const first = Math.max(0, from);
  const last = Math.min(source.length - length, to);
  if (last < first) return undefined;
  let heardPower = 0;
  for (let i = 0; i < length; i++) heardPower += (heard[start + i] as number) ** 2;
  let sourcePower = 0;
  for (let i = 0; i < length; i++) sourcePower += (source[first + i] as number) ** 2;
  let best = -2;
  let at = first;
  for (let candidate = first; candidate <= last; candidate++) {
    let cross = 0;
    for (let i = 0; i < length; i++)
      cross += (source[candidate + i] as number) * (heard[start + i] as number);
    const norm = Math.sqrt(Math.max(0, sourcePower) * heardPower);
    const value = norm > 0 ? cross / norm : 0;
    if (value > best) {
      best = value;
      at = candidate;
    }
    sourcePower += (source[candidate + length] ?? 0) ** 2 - (source[candidate] as number) ** 2;
  }
  return { at, correlation: best };
}

function power(samples: Float32Array, start: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (samples[start + i] as number) ** 2;
  return sum / length;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}

/**
 * Compares two 48 kHz recordings whose stamps come from the same wall clock. The cost is about 25 million
 * multiplications per window.
 * @param options.windowMs length of a window, by default 1 s. @param options.maxDelayMs longest delay, by default 1.5 s.
 */
export function compareSpeech(
  source: StampedAudio,
  heard: StampedAudio,
  options: { readonly windowMs?: number; readonly maxDelayMs?: number } = {},
): SpeechComparison {
  const { windowMs = 1000, maxDelayMs = 1500 } = options;
  const length = Math.round((windowMs * SAMPLE_RATE) / 1000);
  const coarseLength = Math.floor(length / DECIMATION);
  // Before the recording began there was silence, as far as this comparison is concerned.
  const lead = Math.ceil((maxDelayMs * SAMPLE_RATE) / 1000 / DECIMATION) * DECIMATION;
  const said = new Float32Array(lead + source.samples.length);
  said.set(source.samples, lead);
  const coarseSource = decimate(said);
  const coarseHeard = decimate(heard.samples);
  const windows: ComparedWindow[] = [];
  const delays: number[] = [];
  let weighted = 0;
  let weights = 0;
  for (let start = 0; start + length <= heard.samples.length; start += length) {
    const energy = power(heard.samples, start, length);
    if (energy < MIN_POWER) continue;
    // The source of a window heard at some time was captured before it, by at most the longest delay.
    const heardAt = heard.stamps[Math.floor(start / STAMP_QUANTUM)] ?? Number.NaN;
    const earliest = sampleAt(source.stamps, heardAt - maxDelayMs);
    const latest = sampleAt(source.stamps, heardAt + 20);
    const coarse = align(
      coarseSource,
      coarseHeard,
      Math.floor(start / DECIMATION),
      coarseLength,
      Math.floor((earliest === 0 ? 0 : lead + earliest) / DECIMATION),
      Math.ceil((lead + latest) / DECIMATION),
    );
    if (!coarse) continue;
    const centre = coarse.at * DECIMATION + (start % DECIMATION);
    const fine = align(said, heard.samples, start, length, centre - DECIMATION, centre + DECIMATION);
    if (!fine) continue;
    const sourceStart = fine.at - lead;
    windows.push({ start, sourceStart, correlation: fine.correlation });
    weighted += fine.correlation * energy;
    weights += energy;
    if (fine.correlation < MATCH_CORRELATION) continue;
    for (let offset = 0; offset < length; offset += STAMP_QUANTUM) {
      const captured = source.stamps[Math.floor((sourceStart + offset) / STAMP_QUANTUM)];
      const played = heard.stamps[Math.floor((start + offset) / STAMP_QUANTUM)];
      if (captured !== undefined && played !== undefined) delays.push(played - captured);
    }
  }
  delays.sort((a, b) => a - b);
  return {
    windows,
    correlation: weights === 0 ? 0 : weighted / weights,
    delay: delays.length === 0 ? undefined : { p50: quantile(delays, 0.5), p95: quantile(delays, 0.95) },
  };
}

/** The first sample stamped at `time` or later. */
function sampleAt(stamps: Float64Array, time: number): number {
  let low = 0;
  let high = stamps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stamps[middle] as number) < time) low = middle + 1;
    else high = middle;
  }
  return low * STAMP_QUANTUM;
}
