/**
 * How long to hold packets before playing them. For each packet the arrival time minus the media time is a
 * transit time with an unknown constant; the smallest one of the last seconds stands for a packet that met no
 * queue. Delays relative to it go into a histogram that slowly forgets, and the target is its 95 % quantile
 * (after NetEq's DelayManager in WebRTC, which uses the same quantile over the same kind of histogram).
 */
export interface DelayEstimator {
  /** Takes a packet's arrival and media time, both in ms. */
  update(arrivalMs: number, mediaMs: number): void;
  /** Transit time of an undelayed packet, ms. */
  baseMs(nowMs: number): number;
  /** Relative delay that 95 % of the packets stay within, ms. */
  readonly quantileMs: number;
  /** Mean deviation of transit times (RFC 3550 §6.4.1), ms. */
  readonly jitterMs: number;
}

/** Upper bound of what is waited for. */
export const MAX_TARGET_MS = 500;
const BUCKET_MS = 5;
const BUCKETS = MAX_TARGET_MS / BUCKET_MS;
const QUANTILE = 0.95;
/** Half of what the histogram knows is forgotten in 230 packets, 4.6 s at 20 ms. */
const FORGET_FACTOR = 0.997;
/** Until this many packets have come the estimate is not trusted to be small. */
const TRUSTED_AFTER = 8;
const INITIAL_QUANTILE_MS = 40;
const SLOT_MS = 200;
const SLOTS = 10;

/** Makes an estimator that knows nothing. */
export function createDelayEstimator(): DelayEstimator {
  const histogram = new Float64Array(BUCKETS);
  const slotMinimum = new Float64Array(SLOTS).fill(Infinity);
  const slotNumber = new Float64Array(SLOTS).fill(-1);
  let packets = 0;
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
      packets += 1;
      const relative = transit - baseMs(arrivalMs);
      const bucket = Math.min(BUCKETS - 1, Math.floor(relative / BUCKET_MS));
      // In the beginning forgetting is faster, so that the first packets do not count for ever.
      const keep = Math.min(FORGET_FACTOR, 1 - 1 / packets);
      for (let i = 0; i < BUCKETS; i++) histogram[i] = (histogram[i] as number) * keep;
      histogram[bucket] = (histogram[bucket] as number) + (1 - keep);
      let below = 0;
      let index = 0;
      while (index < BUCKETS - 1 && below + (histogram[index] as number) < QUANTILE) {
        below += histogram[index] as number;
        index += 1;
      }
      quantileMs = (index + 1) * BUCKET_MS;
      if (packets < TRUSTED_AFTER) quantileMs = Math.max(quantileMs, INITIAL_QUANTILE_MS);
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
