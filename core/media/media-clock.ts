/**
 * Media time of the microphone, in units of 10 ms. It counts captured audio, but audio time is not wall
 * time: a stall of the audio service is lost for good, and devices drift by tens of ppm. So the count jumps
 * forward when audio was truly lost, and follows drift otherwise: receivers then see a lost stretch instead
 * of a delay that never goes away.
 */
export interface MediaClock {
  /**
   * Takes the next 10 ms block.
   * @param nowMs when the block is processed.
   * @param backlogMs audio that is captured already but not processed yet; late is not lost.
   * @param atSpurtStart nobody hears a jump here, so even a small one is made.
   * @returns the media time of the block.
   */
  next(nowMs: number, backlogMs: number, atSpurtStart: boolean): number;
}

const UNIT_MS = 10;
/** Lost for certain: nothing holds audio back this long and delivers it in the end. */
const JUMP_MS = 100;
/** Lateness that lasts is lost audio; lateness that does not was a thread that ran late. */
const LASTING_BLOCKS = 15;
const LASTING_MS = 40;
const LASTING_AT_SPURT_START_MS = 8;
const JUMP_AT_SPURT_START_MS = 30;
/** Share of the error corrected per block: a time constant of 20 s keeps 50 ppm of drift within 1 ms. */
const DRIFT_GAIN = 0.0005;

/** Makes a clock that starts at `start`. It never goes back, whatever the callers' clocks do. */
export function createMediaClock(start = 0): MediaClock {
  let time = start;
  let originMs: number | undefined;
  /** Smallest errors of this stretch of blocks and of the one before: what has lasted through both. */
  let smallest = Infinity;
  let smallestBefore = -Infinity;
  let blocks = 0;
  /** How much of the lateness is audio that will not come any more, ms. */
  const lostMs = (errorMs: number, atSpurtStart: boolean): number => {
    if (errorMs > (atSpurtStart ? JUMP_AT_SPURT_START_MS : JUMP_MS)) return errorMs;
    const lasting = Math.min(errorMs, smallest, smallestBefore);
    return lasting > (atSpurtStart ? LASTING_AT_SPURT_START_MS : LASTING_MS) ? lasting : 0;
  };
  return {
    next(nowMs, backlogMs, atSpurtStart) {
      originMs ??= nowMs - backlogMs - time * UNIT_MS;
      const errorMs = nowMs - backlogMs - (originMs + time * UNIT_MS);
      const lost = lostMs(errorMs, atSpurtStart);
      if (lost > 0) {
        time += Math.round(lost / UNIT_MS);
        smallest = Infinity;
        smallestBefore = -Infinity;
        blocks = 0;
      } else {
        originMs += errorMs * DRIFT_GAIN;
        smallest = Math.min(smallest, errorMs);
        blocks += 1;
        if (blocks % LASTING_BLOCKS === 0) {
          smallestBefore = smallest;
          smallest = Infinity;
        }
      }
      const current = time;
      time += 1;
      return current;
    },
  };
}
