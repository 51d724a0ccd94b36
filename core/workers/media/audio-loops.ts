import { toDisposable, type Disposable } from '../../base/disposable.ts';
import { openAudioRing } from '../../media/audio-ring.ts';
import { waitForRoom, waitForSamples } from '../../media/audio-ring-wait.ts';
import { BLOCK_SAMPLES, MIX_SAMPLES } from '../../media/voice-receiver.ts';

/**
 * What the playback ring is kept filled to: the device takes audio in bursts of four quanta (512 samples), so
 * 640 plays cleanly and 512 does not (measured).
 */
export const PLAYBACK_LOW_WATER = 640;
/** Where this worker runs late, each underrun raises the mark by 5 ms up to 50 ms; calm lowers it again. */
const UNDERRUN_STEP = 240;
const MAX_LOW_WATER = 2400;
const CALM_STEP = 120;
const CALM_MS = 5000;
/** More captured audio than this was held up by this worker; sending it late would be delay for ever. */
const MAX_CAPTURE_BACKLOG = 4800;
const WAKE_UP_MS = 100;

/**
 * Hands captured audio on in blocks of 10 ms as it comes. What lies in the ring at the start is old and thrown
 * away.
 */
export function startCaptureLoop(
  memory: SharedArrayBuffer,
  take: (block: Float32Array, backlogMs: number) => void,
): Disposable {
  const ring = openAudioRing(memory);
  let isOver = false;
  const block = new Float32Array(BLOCK_SAMPLES);
  const run = async (): Promise<void> => {
    ring.flush();
    while (!isOver) {
      await waitForSamples(memory, ring, BLOCK_SAMPLES, WAKE_UP_MS);
      const backlog = ring.available();
      if (backlog > MAX_CAPTURE_BACKLOG) ring.skip(backlog - (backlog % BLOCK_SAMPLES) - BLOCK_SAMPLES);
      while (!isOver && ring.available() >= BLOCK_SAMPLES) {
        ring.read(block);
        take(block, ring.available() / 48);
      }
    }
  };
  void run();
  return toDisposable(() => {
    isOver = true;
  });
}

/** Keeps the playback ring filled while somebody may be heard. */
export interface PlaybackLoop extends Disposable {
  setActive(active: boolean): void;
}

/** Makes an inactive loop. `fill` writes the next 2.5 ms. */
export function createPlaybackLoop(
  memory: SharedArrayBuffer,
  fill: (block: Float32Array) => void,
): PlaybackLoop {
  const ring = openAudioRing(memory);
  let active = false;
  let running = false;
  const block = new Float32Array(MIX_SAMPLES);
  let lowWater = PLAYBACK_LOW_WATER;
  let underruns = ring.underruns;
  let calmSince = 0;
  const adapt = (): void => {
    const now = performance.now();
    if (ring.underruns !== underruns) {
      underruns = ring.underruns;
      lowWater = Math.min(MAX_LOW_WATER, lowWater + UNDERRUN_STEP);
      calmSince = now;
    } else if (now - calmSince > CALM_MS) {
      lowWater = Math.max(PLAYBACK_LOW_WATER, lowWater - CALM_STEP);
      calmSince = now;
    }
  };
  const run = async (): Promise<void> => {
    running = true;
    while (active) {
      adapt();
      while (ring.available() < lowWater) {
        fill(block);
        ring.write(block);
      }
      // Only now there is something to miss.
      ring.setStreaming(true);
      await waitForRoom(memory, ring, lowWater, WAKE_UP_MS);
    }
    ring.setStreaming(false);
    running = false;
  };
  const lifetime = toDisposable(() => {
    active = false;
  });
  return {
    setActive(next) {
      active = next;
      if (active && !running) void run();
    },
    dispose: () => lifetime.dispose(),
  };
}
