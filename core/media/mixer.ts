/** One person's part of a mix. */
export interface MixerInput {
  readonly samples: Float32Array;
  /** Linear, 0 to 2. */
  readonly gain: number;
}

/** Sums people into one signal that never leaves -1 to 1. */
export interface Mixer {
  /** Writes the mix of the inputs over `target`. Changes of gain are spread over the block. */
  mix(inputs: readonly MixerInput[], target: Float32Array): void;
  setOutputGain(gain: number): void;
}

/** Peaks are kept below this, -0.2 dB, so that later resampling does not clip either. */
const CEILING = 0.977;
/** The limiter turns down within 1 ms and lets go with a time constant of some 100 ms. */
const ATTACK_SAMPLES = 48;
const RELEASE_SAMPLES = 4800;

/** Makes a mixer. */
export function createMixer(): Mixer {
  let outputGain = 1;
  let lastOutputGain = 1;
  let limiterGain = 1;
  return {
    setOutputGain(gain) {
      outputGain = Math.min(2, Math.max(0, gain));
    },
    mix(inputs, target) {
      target.fill(0);
      for (const { samples, gain } of inputs)
        for (let i = 0; i < target.length; i++)
          target[i] = (target[i] as number) + (samples[i] as number) * gain;
      let peak = 0;
      const gainStep = (outputGain - lastOutputGain) / target.length;
      for (let i = 0; i < target.length; i++) {
        const value = (target[i] as number) * (lastOutputGain + gainStep * (i + 1));
        target[i] = value;
        peak = Math.max(peak, Math.abs(value));
      }
      lastOutputGain = outputGain;
      const needed = peak > CEILING ? CEILING / peak : 1;
      const from = limiterGain;
      limiterGain =
        needed < from ? needed : Math.min(needed, from + ((1 - from) * target.length) / RELEASE_SAMPLES);
      if (from === 1 && limiterGain === 1) return;
      const ramp = limiterGain < from ? Math.min(ATTACK_SAMPLES, target.length) : target.length;
      for (let i = 0; i < target.length; i++) {
        const gain = i < ramp ? from + ((limiterGain - from) * (i + 1)) / ramp : limiterGain;
        const value = (target[i] as number) * gain;
        // Only the attack's first millisecond can still be above the ceiling.
        target[i] = Math.min(CEILING, Math.max(-CEILING, value));
      }
    },
  };
}
