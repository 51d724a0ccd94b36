/**
 * A ring of mono float samples for one producer and one consumer in different threads (an AudioWorklet and
 * the media worker), over shared memory and without locks. The counters are free-running 32-bit numbers, so
 * that full and empty differ and the indices may wrap. Nothing here allocates after construction. Waiting is
 * in audio-ring-wait, which an audio thread must not use.
 */

/** Words of the header that the other end may wait for. */
export const RING_WORDS = { written: 0, read: 1 } as const;
const WRITTEN = RING_WORDS.written;
const READ = RING_WORDS.read;
const OVERRUN = 2;
const UNDERRUN = 3;
const STREAMING = 4;
const HEADER_WORDS = 16;

/** Allocates shared memory for a ring of at least `samples` samples (rounded up to a power of two). */
export function allocateAudioRing(samples: number): SharedArrayBuffer {
  let capacity = 128;
  while (capacity < samples) capacity *= 2;
  return new SharedArrayBuffer(HEADER_WORDS * 4 + capacity * 4);
}

/** One end of a ring. Which end may call what is said at each member. */
export interface AudioRing {
  /** Samples the ring can hold. */
  readonly capacity: number;
  /** Samples waiting to be read. */
  available(): number;
  /** Producer: appends samples and wakes the consumer; what does not fit is dropped and counted. */
  write(samples: Float32Array): number;
  /** Consumer: takes up to `target.length` samples and wakes the producer. @returns how many were there. */
  read(target: Float32Array): number;
  /** Consumer: throws away everything waiting. @returns how many samples that were. */
  flush(): number;
  /** Consumer: throws away up to `samples` of the oldest ones. @returns how many. */
  skip(samples: number): number;
  /** Consumer: counts samples that were wanted and not there. */
  countUnderrun(samples: number): void;
  /** Producer: says whether a stream is running, so that an idle ring is not taken for an underrun. */
  setStreaming(streaming: boolean): void;
  readonly streaming: boolean;
  /** Samples dropped because the ring was full, modulo 2^32. */
  readonly overruns: number;
  /** Samples missing when they were wanted, modulo 2^32. */
  readonly underruns: number;
}

/** Opens one end of a ring. @throws RangeError when the memory was not made by {@link allocateAudioRing}. */
export function openAudioRing(memory: SharedArrayBuffer): AudioRing {
  const capacity = memory.byteLength / 4 - HEADER_WORDS;
  if (capacity < 128 || (capacity & (capacity - 1)) !== 0)
    throw new RangeError('The shared memory has not the size of an audio ring');
  const words = new Int32Array(memory, 0, HEADER_WORDS);
  const samples = new Float32Array(memory, HEADER_WORDS * 4, capacity);
  const mask = capacity - 1;

  const available = (): number => (Atomics.load(words, WRITTEN) - Atomics.load(words, READ)) | 0;
  const skip = (count: number): number => {
    const taken = Math.min(count, available());
    if (taken === 0) return 0;
    Atomics.add(words, READ, taken);
    Atomics.notify(words, READ);
    return taken;
  };
  return {
    capacity,
    available,
    write(source) {
      const start = Atomics.load(words, WRITTEN);
      const space = capacity - ((start - Atomics.load(words, READ)) | 0);
      const count = Math.min(source.length, space);
      for (let i = 0; i < count; i++) samples[(start + i) & mask] = source[i] as number;
      if (count < source.length) Atomics.add(words, OVERRUN, source.length - count);
      if (count === 0) return 0;
      Atomics.store(words, WRITTEN, (start + count) | 0);
      Atomics.notify(words, WRITTEN);
      return count;
    },
    read(target) {
      const start = Atomics.load(words, READ);
      const count = Math.min(target.length, (Atomics.load(words, WRITTEN) - start) | 0);
      if (count === 0) return 0;
      for (let i = 0; i < count; i++) target[i] = samples[(start + i) & mask] as number;
      Atomics.store(words, READ, (start + count) | 0);
      Atomics.notify(words, READ);
      return count;
    },
    flush: () => skip(capacity),
    skip,
    countUnderrun(count) {
      Atomics.add(words, UNDERRUN, count);
    },
    setStreaming(streaming) {
      Atomics.store(words, STREAMING, streaming ? 1 : 0);
    },
    get streaming() {
      return Atomics.load(words, STREAMING) === 1;
    },
    get overruns() {
      return Atomics.load(words, OVERRUN) >>> 0;
    },
    get underruns() {
      return Atomics.load(words, UNDERRUN) >>> 0;
    },
  };
}
