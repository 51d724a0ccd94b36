import type { Disposable } from '../base/disposable.ts';
import type { Bytes } from '../base/bytes.ts';
import { decodeAudioPayload } from './audio-payload.ts';
import { createJitterBuffer, type JitterStats, type PlayoutStep } from './jitter-buffer.ts';
import { OpusError, SAMPLES_PER_MS, type OpusDecoder } from './opus-codec.ts';
import { MAX_STRETCH_SAMPLES, stretchSpeech } from './time-stretch.ts';

/** Captured audio is processed in blocks of 10 ms, the unit of media time. */
export const BLOCK_SAMPLES = 480;
/**
 * The mix is made in blocks of 2.5 ms, so that the playback ring is filled to its mark and not up to 10 ms above
 * it.
 */
export const MIX_SAMPLES = 120;
const MAX_STEP_SAMPLES = 60 * SAMPLES_PER_MS + MAX_STRETCH_SAMPLES;

/** Plays what one person sends. */
export interface VoiceReceiver extends Disposable {
  /** Takes an opened payload, `held` if it had to wait for its key. @returns what is wrong with it, or nothing. */
  receive(payload: Bytes, held?: boolean): string | undefined;
  /** Fills `target` with what is next. @returns false when that is silence and nothing was written. */
  read(target: Float32Array): boolean;
  readonly speaking: boolean;
  readonly stats: JitterStats;
}

/** Makes a receiver; it owns the decoder. `now` is a monotonic clock in ms. */
export function createVoiceReceiver(decoder: OpusDecoder, now: () => number): VoiceReceiver {
  const buffer = createJitterBuffer(now);
  const decoded = new Float32Array(MAX_STEP_SAMPLES);
  let decodedLength = 0;
  let decodedOffset = 0;

  const decodeStep = (step: Exclude<PlayoutStep, { readonly kind: 'silence' }>): number => {
    const samples = step.units * BLOCK_SAMPLES;
    try {
      if (step.kind === 'recover') return decoder.decodeFec(step.packet, samples, decoded);
      if (step.kind === 'frame') {
        if (step.startsSpurt) decoder.reset();
        const length = decoder.decode(step.packet, decoded);
        return step.stretchMs === 0
          ? length
          : stretchSpeech(decoded, length, step.stretchMs * SAMPLES_PER_MS);
      }
      const length = decoder.conceal(samples, decoded);
      const change = (step.gainTo - step.gainFrom) / length;
      for (let i = 0; i < length; i++) decoded[i] = (decoded[i] as number) * (step.gainFrom + change * i);
      return length;
    } catch (error) {
      if (!(error instanceof OpusError)) throw error;
      // Authenticated but broken audio: one silent frame, and the decoder goes on with the next.
      decoded.fill(0, 0, samples);
      return samples;
    }
  };

  return {
    receive(bytes, held = false) {
      const parsed = decodeAudioPayload(bytes);
      if (!parsed.ok) return parsed.error;
      const { time, durationMs, endOfSpurt, packet, redundant } = parsed.value;
      const units = durationMs / 10;
      buffer.push({ time, units, packet, endOfSpurt }, held ? 'held' : 'network');
      redundant.forEach((copy, index) =>
        buffer.push(
          { time: (time - units * (index + 1)) >>> 0, units, packet: copy, endOfSpurt: false },
          'redundant',
        ),
      );
      return undefined;
    },
    read(target) {
      let written = 0;
      while (written < target.length) {
        if (decodedOffset < decodedLength) {
          const count = Math.min(target.length - written, decodedLength - decodedOffset);
          target.set(decoded.subarray(decodedOffset, decodedOffset + count), written);
          decodedOffset += count;
          written += count;
          continue;
        }
        const step = buffer.pull();
        if (step.kind === 'silence') {
          if (written === 0) return false;
          target.fill(0, written);
          return true;
        }
        decodedLength = decodeStep(step);
        decodedOffset = 0;
      }
      return true;
    },
    get speaking() {
      return buffer.speaking;
    },
    get stats() {
      return buffer.stats;
    },
    dispose: () => decoder.dispose(),
  };
}
