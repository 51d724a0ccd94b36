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
const JUMP_MS = 100;
const JUMP_AT_SPURT_START_MS = 30;
/** Share of the error corrected per block: a time constant of 20 s keeps 50 ppm of drift within 1 ms. */
const DRIFT_GAIN = 0.0005;

/** Makes a clock that starts at `start`. It never goes back, whatever the callers' clocks do. */
export function createMediaClock(start = 0): MediaClock {
  let time = start;
  let originMs: number | undefined;
  return {
    next(nowMs, backlogMs, atSpurtStart) {
      originMs ??= nowMs - backlogMs - time * UNIT_MS;
      const errorMs = nowMs - backlogMs - (originMs + time * UNIT_MS);
      if (errorMs > (atSpurtStart ? JUMP_AT_SPURT_START_MS : JUMP_MS)) time += Math.round(errorMs / UNIT_MS);
      else originMs += errorMs * DRIFT_GAIN;
      const current = time;
      time += 1;
      return current;
    },
  };
}
