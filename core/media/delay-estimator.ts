/**
 * How long to hold packets before playing them. For each packet the arrival time minus the media time is a
 * transit time with an unknown constant; the smallest one of the last seconds stands for a packet that met no
 * queue. Delays relative to it go into a histogram that slowly forgets, and the target is its 95 % quantile
 * (after NetEq's DelayManager in WebRTC, which takes the same quantile of the largest delay of each interval).
 */
export interface DelayEstimator {
  /** Takes a packet's arrival and media time, both in ms. */
  update(arrivalMs: number, mediaMs: number): void;
  /** Transit time of an undelayed packet, ms. */
  baseMs(nowMs: number): number;
  /** Relative delay that 95 % of the intervals stay within, ms. */
  readonly quantileMs: number;
  /** Mean deviation of transit times (RFC 3550 §6.4.1), ms. */
  readonly jitterMs: number;
}

/** Upper bound of what is waited for. */
export const MAX_TARGET_MS = 500;
const BUCKET_MS = 5;
const BUCKETS = MAX_TARGET_MS / BUCKET_MS;
const QUANTILE = 0.95;
/**
 * The largest delay of each interval is what counts, so that a burst of packets after one hold-up of the
 * network is one event and not fifty.
 */
const INTERVAL_MS = 200;
/** Half of what the histogram knows is forgotten in 34 intervals, 7 s of speech. */
const FORGET_FACTOR = 0.98;
/** Until this many intervals are over the estimate is not trusted to be small. */
const TRUSTED_AFTER = 3;
const INITIAL_QUANTILE_MS = 40;
const SLOT_MS = 200;
const SLOTS = 10;

/** Makes an estimator that knows nothing. */
export function createDelayEstimator(): DelayEstimator {
  const histogram = new Float64Array(BUCKETS);
  // A calm past: three bad intervals raise the target, at the start as later, one does not.
  histogram[0] = 1;
  const slotMinimum = new Float64Array(SLOTS).fill(Infinity);
  const slotNumber = new Float64Array(SLOTS).fill(-1);
  let intervals = -1;
  let intervalStart = -Infinity;
  let intervalMaximum = 0;
  let lastTransit: number | undefined;
  let jitterMs = 0;
  let quantileMs = INITIAL_QUANTILE_MS;
  let lastBase = 0;

  const baseMs = (nowMs: number): number => {
    const oldest = Math.floor(nowMs / SLOT_MS) - SLOTS;
    let base = Infinity;
    for (let i = 0; i < SLOTS; i++)
      if ((slotNumber[i] as number) > oldest) base = Math.min(base, slotMinimum[i] as number);
    // Nothing in the window: the last known value is better than none.
    if (base !== Infinity) lastBase = base;
    return lastBase;
  };

  const closeInterval = (): void => {
    const bucket = Math.floor(intervalMaximum / BUCKET_MS);
    for (let i = 0; i < BUCKETS; i++) histogram[i] = (histogram[i] as number) * FORGET_FACTOR;
    histogram[bucket] = (histogram[bucket] as number) + (1 - FORGET_FACTOR);
    let below = 0;
    let index = 0;
    while (index < BUCKETS - 1 && below + (histogram[index] as number) < QUANTILE) {
      below += histogram[index] as number;
      index += 1;
    }
    quantileMs = (index + 1) * BUCKET_MS;
    if (intervals + 1 < TRUSTED_AFTER) quantileMs = Math.max(quantileMs, INITIAL_QUANTILE_MS);
  };

  return {
    update(arrivalMs, mediaMs) {
      const transit = arrivalMs - mediaMs;
      if (lastTransit !== undefined) jitterMs += (Math.abs(transit - lastTransit) - jitterMs) / 16;
      lastTransit = transit;
      const number = Math.floor(arrivalMs / SLOT_MS);
      const slot = ((number % SLOTS) + SLOTS) % SLOTS;
      if (slotNumber[slot] !== number) {
        slotNumber[slot] = number;
        slotMinimum[slot] = transit;
      } else {
        slotMinimum[slot] = Math.min(slotMinimum[slot] as number, transit);
      }
      if (arrivalMs - intervalStart >= INTERVAL_MS) {
        if (intervals >= 0 && intervalMaximum < MAX_TARGET_MS) closeInterval();
        intervals += 1;
        intervalStart = arrivalMs;
        intervalMaximum = 0;
      }
      const relative = transit - baseMs(arrivalMs);
      // An interval with packets later than could ever be waited for is a hold-up and does not count.
      intervalMaximum = Math.max(intervalMaximum, relative);
    },
    baseMs,
    get quantileMs() {
      return quantileMs;
    },
    get jitterMs() {
      return jitterMs;
    },
  };
}
