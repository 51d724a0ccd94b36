import { concatBytes, type Bytes } from '../base/bytes.ts';
import { failure, success, type Result } from '../base/result.ts';
import { readOpusPacket } from './opus-packet.ts';

/**
 * The plaintext inside a sealed audio frame:
 *
 *     u8   flags: bits 0-1 number of redundant frames, bit 2 end of talk spurt, bits 4-5 frame duration
 *          (10, 20, 40, 60 ms), the others zero
 *     u32  media time of the frame in units of 10 ms; goes on across epochs
 *     for each redundant frame, newest first: u16 length, Opus packet
 *     the rest is the frame's own Opus packet
 *
 * The frame before has the media time of this one less one duration, and so on: RFC 2198 in miniature.
 */
export interface AudioPayload {
  /** Media time in units of 10 ms, modulo 2^32. */
  readonly time: number;
  readonly durationMs: FrameDurationMs;
  /** This frame is the last one before silence. */
  readonly endOfSpurt: boolean;
  readonly packet: Bytes;
  /** Up to two frames before this one, newest first. */
  readonly redundant: readonly Bytes[];
}

/** Frame durations we use. */
export const FRAME_DURATIONS_MS = [10, 20, 40, 60] as const;
/** One of {@link FRAME_DURATIONS_MS}. */
export type FrameDurationMs = (typeof FRAME_DURATIONS_MS)[number];
/** How many earlier frames a payload may repeat. */
export const MAX_REDUNDANT_FRAMES = 2;

const HEAD_BYTES = 5;
const END_OF_SPURT = 0x04;
const RESERVED_BITS = 0xc8;

/** Writes a payload. */
export function encodeAudioPayload(payload: AudioPayload): Bytes {
  const head = new Uint8Array(HEAD_BYTES);
  head[0] =
    payload.redundant.length |
    (payload.endOfSpurt ? END_OF_SPURT : 0) |
    (FRAME_DURATIONS_MS.indexOf(payload.durationMs) << 4);
  new DataView(head.buffer).setUint32(1, payload.time);
  const parts: Uint8Array[] = [head];
  for (const packet of payload.redundant)
    parts.push(Uint8Array.of(packet.length >>> 8, packet.length & 0xff), packet);
  return concatBytes(...parts, payload.packet);
}

/** Reads a payload from an authenticated but otherwise untrusted sender; the error says what is wrong. */
export function decodeAudioPayload(bytes: Bytes): Result<AudioPayload, string> {
  if (bytes.length <= HEAD_BYTES) return failure('audio payload: too short');
  const flags = bytes[0] as number;
  const count = flags & 3;
  if (count > MAX_REDUNDANT_FRAMES || (flags & RESERVED_BITS) !== 0)
    return failure('audio payload: unknown flags');
  const durationMs = FRAME_DURATIONS_MS[(flags >> 4) & 3] as FrameDurationMs;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const redundant: Bytes[] = [];
  let offset = HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    if (offset + 2 > bytes.length) return failure('audio payload: redundant frame cut off');
    const length = view.getUint16(offset);
    offset += 2;
    if (offset + length > bytes.length) return failure('audio payload: redundant frame cut off');
    redundant.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  const packet = bytes.subarray(offset);
  // The jitter buffer counts in the declared duration and the decoder in the packet's own: they must agree.
  for (const each of [packet, ...redundant])
    if (readOpusPacket(each)?.durationMs !== durationMs)
      return failure('audio payload: not one Opus packet of the stated duration');
  return success({
    time: view.getUint32(1),
    durationMs,
    endOfSpurt: (flags & END_OF_SPURT) !== 0,
    packet,
    redundant,
  });
}
