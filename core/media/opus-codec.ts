import { toDisposable, type Disposable } from '../base/disposable.ts';
import type { Bytes } from '../base/bytes.ts';
import { MAX_OPUS_PACKET_BYTES, readOpusPacket } from './opus-packet.ts';

/**
 * Opus over the raw exports of @evan/opus' WebAssembly build. Its own wrapper hides what voice over a lossy
 * network needs: decoding a packet's in-band FEC and concealing a missing one (docs/decisions/opus-binding.md).
 * Mono, 48 kHz, int16 inside, float outside.
 */

/** Samples per millisecond everywhere in the voice path. */
export const SAMPLES_PER_MS = 48;
const MAX_FRAME_SAMPLES = 120 * SAMPLES_PER_MS;

/** Thrown for libopus' own errors and for calls that would leave its buffers. */
export class OpusError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OpusError';
  }
}

/** How an encoder is set; may change between any two frames. */
export interface OpusEncoderSettings {
  /** bit/s, 6,000 to 128,000. */
  readonly bitrate: number;
  /** Loss to prepare for, percent. In-band FEC needs at least 5, below 32 kbit/s at least 10. */
  readonly expectedLossPercent: number;
}

/** Encodes mono frames of 10, 20, 40 or 60 ms. */
export interface OpusEncoder extends Disposable {
  configure(settings: OpusEncoderSettings): void;
  /** @throws OpusError when the number of samples is not one of the frame durations. */
  encode(samples: Float32Array): Bytes;
  /** Forgets the past, so that the first packet of a talk spurt carries nothing of the spurt before. */
  reset(): void;
}

/** Decodes one sender's packets in playing order. */
export interface OpusDecoder extends Disposable {
  /** Decodes a packet into `target`. @returns samples written. @throws OpusError on a malformed packet. */
  decode(packet: Uint8Array, target: Float32Array): number;
  /** Recovers the `samples` before `packet` from its in-band FEC; conceals when it carries none. */
  decodeFec(packet: Uint8Array, samples: number, target: Float32Array): number;
  /** Continues the signal for `samples` with nothing to go by (packet loss concealment). */
  conceal(samples: number, target: Float32Array): number;
  reset(): void;
}

/** One WebAssembly instance: its encoders and decoders share memory and scratch buffers. */
export interface OpusCodec {
  createEncoder(settings: OpusEncoderSettings): OpusEncoder;
  createDecoder(): OpusDecoder;
}

interface OpusExports {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  free(pointer: number): void;
  opus_encoder_get_size(channels: number): number;
  opus_encoder_init(encoder: number, rate: number, channels: number, application: number): number;
  opus_encode(encoder: number, pcm: number, frameSize: number, out: number, maxBytes: number): number;
  opus_encoder_ctl_set(encoder: number, request: number, value: number): number;
  opus_decoder_get_size(channels: number): number;
  opus_decoder_init(decoder: number, rate: number, channels: number): number;
  opus_decode(
    decoder: number,
    data: number,
    length: number,
    pcm: number,
    frameSize: number,
    decodeFec: number,
  ): number;
  opus_decoder_ctl_set(decoder: number, request: number, value: number): number;
}

// opus_defines.h
const OPUS_APPLICATION_VOIP = 2048;
const OPUS_SET_BITRATE = 4002;
const OPUS_SET_VBR = 4006;
const OPUS_SET_COMPLEXITY = 4010;
const OPUS_SET_INBAND_FEC = 4012;
const OPUS_SET_PACKET_LOSS_PERC = 4014;
const OPUS_SET_SIGNAL = 4024;
const OPUS_SIGNAL_VOICE = 3001;
const OPUS_RESET_STATE = 4028;

/** Instantiates the codec. `module` is @evan/opus' wasm/simd.wasm or, without SIMD, wasm/opus.wasm. */
export function createOpusCodec(module: WebAssembly.Module): OpusCodec {
  let int16: Int16Array<ArrayBuffer>;
  let uint8: Bytes;
  // Growth of the memory detaches every view on it.
  const refreshViews = (): void => {
    int16 = new Int16Array(opus.memory.buffer);
    uint8 = new Uint8Array(opus.memory.buffer);
  };
  const nothing = (): void => {};
  const opus = new WebAssembly.Instance(module, {
    wasi_snapshot_preview1: { fd_seek: nothing, fd_write: nothing, fd_close: nothing, proc_exit: nothing },
    env: { emscripten_notify_memory_growth: refreshViews },
  }).exports as unknown as OpusExports;

  const allocate = (bytes: number): number => {
    const pointer = opus.malloc(bytes);
    if (pointer === 0) throw new OpusError('The codec is out of memory');
    refreshViews();
    return pointer;
  };
  const pcm = allocate(MAX_FRAME_SAMPLES * 2);
  const data = allocate(MAX_OPUS_PACKET_BYTES);
  const checked = (result: number): number => {
    if (result < 0) throw new OpusError(`libopus refused with ${result}`);
    return result;
  };

  const takeSamples = (count: number, target: Float32Array): number => {
    const start = pcm >> 1;
    for (let i = 0; i < count; i++) target[i] = (int16[start + i] as number) / 32768;
    return count;
  };

  return {
    createEncoder(settings) {
      const encoder = allocate(opus.opus_encoder_get_size(1));
      checked(opus.opus_encoder_init(encoder, 48_000, 1, OPUS_APPLICATION_VOIP));
      const set = (request: number, value: number): void => {
        checked(opus.opus_encoder_ctl_set(encoder, request, value));
      };
      // Constant bit rate: packet sizes would otherwise tell what is said (RFC 6562).
      set(OPUS_SET_VBR, 0);
      set(OPUS_SET_COMPLEXITY, 9);
      set(OPUS_SET_SIGNAL, OPUS_SIGNAL_VOICE);
      set(OPUS_SET_INBAND_FEC, 1);
      const configure = ({ bitrate, expectedLossPercent }: OpusEncoderSettings): void => {
        set(OPUS_SET_BITRATE, bitrate);
        set(OPUS_SET_PACKET_LOSS_PERC, expectedLossPercent);
      };
      configure(settings);
      const lifetime = toDisposable(() => opus.free(encoder));
      return {
        configure,
        encode(samples) {
          const durationMs = samples.length / SAMPLES_PER_MS;
          if (durationMs !== 10 && durationMs !== 20 && durationMs !== 40 && durationMs !== 60)
            throw new OpusError(`A frame of ${samples.length} samples cannot be encoded`);
          const start = pcm >> 1;
          for (let i = 0; i < samples.length; i++) {
            const value = Math.round((samples[i] as number) * 32768);
            int16[start + i] = value > 32767 ? 32767 : value < -32768 ? -32768 : value;
          }
          const length = checked(opus.opus_encode(encoder, pcm, samples.length, data, MAX_OPUS_PACKET_BYTES));
          return uint8.slice(data, data + length);
        },
        reset: () => set(OPUS_RESET_STATE, 0),
        dispose: () => lifetime.dispose(),
      };
    },
    createDecoder() {
      const decoder = allocate(opus.opus_decoder_get_size(1));
      checked(opus.opus_decoder_init(decoder, 48_000, 1));
      const lifetime = toDisposable(() => opus.free(decoder));
      const load = (packet: Uint8Array): number => {
        const info = readOpusPacket(packet);
        if (!info) throw new OpusError('The packet is not an Opus packet');
        uint8.set(packet, data);
        return info.durationMs * SAMPLES_PER_MS;
      };
      const checkRoom = (samples: number, target: Float32Array): void => {
        if (samples > target.length || samples > MAX_FRAME_SAMPLES)
          throw new OpusError(`No room for ${samples} samples`);
      };
      return {
        decode(packet, target) {
          const samples = load(packet);
          checkRoom(samples, target);
          return takeSamples(
            checked(opus.opus_decode(decoder, data, packet.length, pcm, samples, 0)),
            target,
          );
        },
        decodeFec(packet, samples, target) {
          load(packet);
          checkRoom(samples, target);
          return takeSamples(
            checked(opus.opus_decode(decoder, data, packet.length, pcm, samples, 1)),
            target,
          );
        },
        conceal(samples, target) {
          checkRoom(samples, target);
          return takeSamples(checked(opus.opus_decode(decoder, 0, 0, pcm, samples, 0)), target);
        },
        reset() {
          checked(opus.opus_decoder_ctl_set(decoder, OPUS_RESET_STATE, 0));
        },
        dispose: () => lifetime.dispose(),
      };
    },
  };
}
