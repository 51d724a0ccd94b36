import { openAudioRing, type AudioRing } from '../../../core/media/audio-ring.ts';
import { openAudioTapWriter, type AudioTapWriter } from '../audio-tap-ring.ts';
import type { WorkletOptions } from './worklet-options.ts';

/** Plays the playback ring. Runs on the audio thread: nothing here allocates or waits. */
class PlaybackProcessor extends AudioWorkletProcessor {
  readonly #ring: AudioRing;
  readonly #tap: AudioTapWriter | undefined;

  constructor(options: { readonly processorOptions?: unknown }) {
    super();
    const { ring, tap } = options.processorOptions as WorkletOptions;
    this.#ring = openAudioRing(ring);
    this.#tap = tap ? openAudioTapWriter(tap) : undefined;
  }

  process(
    _inputs: readonly (readonly Float32Array[])[],
    outputs: readonly (readonly Float32Array[])[],
  ): boolean {
    const channel = outputs[0]?.[0];
    if (!channel) return true;
    const count = this.#ring.read(channel);
    if (count < channel.length) {
      channel.fill(0, count);
      if (this.#ring.streaming) this.#ring.countUnderrun(channel.length - count);
    }
    this.#tap?.write(channel);
    return true;
  }
}

registerProcessor('conclave-playback', PlaybackProcessor);
