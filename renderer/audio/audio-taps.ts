import { allocateAudioTap, readAudioTap } from './audio-tap-ring.ts';

/** What was recorded at one end. `stamps[i]` is the wall time in ms of the quantum at sample 128 i. */
export interface TapRecording {
  readonly samples: Float32Array<ArrayBuffer>;
  readonly stamps: Float64Array<ArrayBuffer>;
}

/** Recordings of the microphone and of what is played; exists only with diagnostics switched on. */
export interface AudioTaps {
  /** The last seconds of both, oldest first. */
  read(): { readonly capture: TapRecording; readonly playback: TapRecording };
}

/** Memory for the taps, to be given to the worklets, and their reading end. */
export function createAudioTaps(seconds: number): AudioTaps & {
  readonly captureMemory: SharedArrayBuffer;
  readonly playbackMemory: SharedArrayBuffer;
} {
  const captureMemory = allocateAudioTap(seconds);
  const playbackMemory = allocateAudioTap(seconds);
  return {
    captureMemory,
    playbackMemory,
    read: () => ({ capture: readAudioTap(captureMemory), playback: readAudioTap(playbackMemory) }),
  };
}
