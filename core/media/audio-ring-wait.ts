import { RING_WORDS, type AudioRing } from './audio-ring.ts';

/** Looks this often (ms) when the runtime cannot wake us: a third of a 10 ms hardware buffer. */
const POLL_MS = 3;

/** Atomics.waitAsync (ES2024): Chromium, Deno and Node have it. */
type WaitAsync = (
  words: Int32Array<SharedArrayBuffer>,
  index: number,
  value: number,
  timeoutMs: number,
) => { readonly async: false } | { readonly async: true; readonly value: Promise<unknown> };

/** Resolves when the word changes, at once when it is not `seen` any more, or after `timeoutMs`. */
async function waitForChange(
  words: Int32Array<SharedArrayBuffer>,
  index: number,
  seen: number,
  timeoutMs: number,
): Promise<void> {
  const { waitAsync } = Atomics as unknown as { readonly waitAsync?: WaitAsync };
  if (!waitAsync) {
    await new Promise<void>((resolve) => setTimeout(resolve, Math.min(POLL_MS, timeoutMs)));
    return;
  }
  const outcome = waitAsync.call(Atomics, words, index, seen, timeoutMs);
  if (outcome.async) await outcome.value;
}

async function waitUntil(
  memory: SharedArrayBuffer,
  index: number,
  isMet: () => boolean,
  timeoutMs: number,
): Promise<void> {
  const words = new Int32Array(memory, 0, index + 1);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    // Read before the condition, so that a change in between ends the wait at once.
    const seen = Atomics.load(words, index);
    const remaining = deadline - performance.now();
    if (isMet() || remaining <= 0) return;
    await waitForChange(words, index, seen, remaining);
  }
}

/** Consumer: resolves when at least `samples` wait to be read, or after `timeoutMs`. */
export function waitForSamples(
  memory: SharedArrayBuffer,
  ring: AudioRing,
  samples: number,
  timeoutMs: number,
): Promise<void> {
  return waitUntil(memory, RING_WORDS.written, () => ring.available() >= samples, timeoutMs);
}

/** Producer: resolves when fewer than `samples` wait to be read, or after `timeoutMs`. */
export function waitForRoom(
  memory: SharedArrayBuffer,
  ring: AudioRing,
  samples: number,
  timeoutMs: number,
): Promise<void> {
  return waitUntil(memory, RING_WORDS.read, () => ring.available() < samples, timeoutMs);
}
