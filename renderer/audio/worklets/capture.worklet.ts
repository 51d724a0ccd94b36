import { openAudioRing, type AudioRing } from '../../../core/media/audio-ring.ts';
import { openAudioTapWriter, type AudioTapWriter } from '../audio-tap-ring.ts';
import type { WorkletOptions } from './worklet-options.ts';

/** Writes the microphone into the capture ring. Runs on the audio thread: nothing here allocates or waits. */
class CaptureProcessor extends AudioWorkletProcessor {
  readonly #ring: AudioRing;
  readonly #tap: AudioTapWriter | undefined;

  constructor(options: { readonly processorOptions?: unknown }) {
    super();
    const { ring, tap } = options.processorOptions as WorkletOptions;
    this.#ring = openAudioRing(ring);
    this.#tap = tap ? openAudioTapWriter(tap) : undefined;
  }

  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const channel = inputs[0]?.[0];
    // No channel means that the microphone has ended; the next one gets a new node.
    if (!channel) return true;
    this.#ring.write(channel);
    this.#tap?.write(channel);
    return true;
  }
}

registerProcessor('conclave-capture', CaptureProcessor);
