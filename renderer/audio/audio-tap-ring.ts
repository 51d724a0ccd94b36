/**
 * A diagnostic recording that a worklet makes without allocating: every render quantum's 128 samples and the
 * wall time in ms, in shared memory that wraps around. Only the demo, tests and benchmarks ask for it.
 */

/** Samples of a render quantum. */
export const TAP_QUANTUM = 128;

const HEADER_BYTES = 8;
const STAMP_BYTES = 8;
const ENTRY_BYTES = STAMP_BYTES + TAP_QUANTUM * 4;

/** Writing end, in a worklet. */
export interface AudioTapWriter {
  /** Records one quantum and the time now. */
  write(samples: Float32Array): void;
}

/** Allocates a tap that holds the last `seconds` at 48 kHz. */
export function allocateAudioTap(seconds: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + Math.ceil((seconds * 48_000) / TAP_QUANTUM) * ENTRY_BYTES);
}

function layout(memory: SharedArrayBuffer): {
  readonly count: Int32Array;
  readonly stamps: Float64Array;
  readonly samples: Float32Array;
  readonly quanta: number;
} {
  const quanta = Math.floor((memory.byteLength - HEADER_BYTES) / ENTRY_BYTES);
  return {
    count: new Int32Array(memory, 0, 1),
    stamps: new Float64Array(memory, HEADER_BYTES, quanta),
    samples: new Float32Array(memory, HEADER_BYTES + quanta * STAMP_BYTES, quanta * TAP_QUANTUM),
    quanta,
  };
}

/** Opens the writing end. */
export function openAudioTapWriter(memory: SharedArrayBuffer): AudioTapWriter {
  const { count, stamps, samples, quanta } = layout(memory);
  return {
    write(source) {
      const index = Atomics.load(count, 0);
      const slot = index % quanta;
      stamps[slot] = Date.now();
      const start = slot * TAP_QUANTUM;
      for (let i = 0; i < TAP_QUANTUM; i++) samples[start + i] = source[i] as number;
      Atomics.store(count, 0, index + 1);
    },
  };
}

/** Copies what a tap holds, oldest first. `stamps[i]` belongs to the quantum that starts at sample 128 i. */
export function readAudioTap(memory: SharedArrayBuffer): {
  readonly samples: Float32Array<ArrayBuffer>;
  readonly stamps: Float64Array<ArrayBuffer>;
} {
  const { count, stamps, samples, quanta } = layout(memory);
  const end = Atomics.load(count, 0);
  // One quantum of distance to the writer, which may be at work while this copies.
  const begin = Math.max(0, end - quanta + 1);
  const outStamps = new Float64Array(end - begin);
  const outSamples = new Float32Array((end - begin) * TAP_QUANTUM);
  for (let index = begin; index < end; index++) {
    const slot = index % quanta;
    outStamps[index - begin] = stamps[slot] as number;
    outSamples.set(
      samples.subarray(slot * TAP_QUANTUM, (slot + 1) * TAP_QUANTUM),
      (index - begin) * TAP_QUANTUM,
    );
  }
  return { samples: outSamples, stamps: outStamps };
}
