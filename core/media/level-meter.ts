/** What silence reads as. */
export const SILENCE_DB = -100;

/** Root mean square of samples in dB full scale (0 dB is a square wave at the limits), at least -100. */
export function levelDb(samples: Float32Array): number {
  let energy = 0;
  for (let i = 0; i < samples.length; i++) energy += (samples[i] as number) * (samples[i] as number);
  if (energy === 0 || samples.length === 0) return SILENCE_DB;
  return Math.max(SILENCE_DB, 10 * Math.log10(energy / samples.length));
}

/** Follows rises at once and falls slowly, as level meters do. */
export interface LevelMeter {
  /** Takes the level of the next 10 ms. @returns what the meter shows, dB. */
  update(db: number): number;
  readonly db: number;
}

/** Falls by 20 dB in 0.3 s. */
const FALL_DB_PER_UPDATE = 0.67;

/** Makes a meter that shows silence. */
export function createLevelMeter(): LevelMeter {
  let shown = SILENCE_DB;
  return {
    update(db) {
      shown = Math.max(db, shown - FALL_DB_PER_UPDATE, SILENCE_DB);
      return shown;
    },
    get db() {
      return shown;
    },
  };
}
