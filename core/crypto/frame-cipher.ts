import { chacha20poly1305, hchacha } from '@noble/ciphers/chacha.js';
import { wipe, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import type { Disposable } from '../base/disposable.ts';
import {
  MAX_DATAGRAM_BYTES,
  MEDIA_HEADER_BYTES,
  MEDIA_SEAL_BYTES,
  writeMediaHeader,
  type MediaHeader,
  type MediaKind,
} from '../protocol/media-datagram.ts';

/**
 * The cipher of media datagrams: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) over 16 zero bytes and the
 * payload, with the nonce 16 zero bytes || header and the header as additional data. One key serves one
 * sender, kind and epoch, and the counter in the header never repeats under it, so no nonce does.
 *
 * The AEAD alone does not commit to its key: somebody who knows two keys can make one datagram that opens
 * under both. The zero block, checked after decryption, takes that away (Albertini et al., "How to Abuse and
 * Fix Authenticated Encryption Without Key Commitment", USENIX Security 2022).
 */

/** Frames sealed under one key before the sender must stop (protocol: rekey long before 2^31). */
export const MAX_FRAMES_PER_KEY = 0x80000000;
/** Longest payload that fits into a datagram. */
export const MAX_FRAME_PAYLOAD_BYTES = MAX_DATAGRAM_BYTES - MEDIA_HEADER_BYTES - MEDIA_SEAL_BYTES;
/** How far behind the newest authentic frame another one is still accepted. */
export const REPLAY_WINDOW_FRAMES = 1024;

const COMMITMENT_BYTES = 16;
const TAG_BYTES = 16;
/** "expand 32-byte k" as little-endian words (RFC 8439 §2.3). */
const SIGMA = new Uint32Array([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);

/**
 * The subkey of XChaCha20 for a nonce that begins with 16 zero bytes. It depends on the key alone here, so
 * it is derived once and each frame costs one plain ChaCha20-Poly1305 (half the time, measured).
 */
function deriveSubkey(key: Uint8Array): Bytes {
  if (key.length !== 32) throw new RangeError('a frame key has 32 bytes');
  const words = new Uint32Array(8);
  const view = new DataView(key.buffer, key.byteOffset, 32);
  for (let i = 0; i < 8; i++) words[i] = view.getUint32(4 * i, true);
  const out = new Uint32Array(8);
  hchacha(SIGMA, words, new Uint32Array(4), out);
  const subkey = new Uint8Array(32);
  const target = new DataView(subkey.buffer);
  out.forEach((word, i) => target.setUint32(4 * i, word, true));
  words.fill(0);
  out.fill(0);
  return subkey;
}

/** Seals the frames of one sender, kind and epoch. Disposing overwrites the key. */
export interface FrameSealer extends Disposable {
  /**
   * Gives the whole datagram.
   * @throws CodedError `frame_limit_reached` after 2^31 frames, `frame_too_large` over 960 bytes of payload.
   */
  seal(payload: Uint8Array): Bytes;
  /** The counter the next frame will carry. */
  readonly counter: number;
}

/** Makes a sealer. The key is copied; `firstCounter` goes on where an earlier sealer of the same key stopped. */
export function createFrameSealer(options: {
  readonly key: Uint8Array;
  readonly kind: MediaKind;
  readonly epoch: number;
  readonly slot: number;
  readonly firstCounter?: number;
}): FrameSealer {
  const { kind, epoch, slot } = options;
  const subkey = deriveSubkey(options.key);
  const nonce = new Uint8Array(12);
  const header = nonce.subarray(4);
  let counter = options.firstCounter ?? 0;
  let disposed = false;
  return {
    get counter() {
      return counter;
    },
    seal(payload) {
      if (disposed) throw new CodedError('frame_key_gone', 'The key of this epoch was dropped');
      if (counter >= MAX_FRAMES_PER_KEY)
        throw new CodedError('frame_limit_reached', 'Too many frames under one key; a new epoch is needed');
      if (payload.length === 0 || payload.length > MAX_FRAME_PAYLOAD_BYTES)
        throw new CodedError('frame_too_large', `A frame has 1 to ${MAX_FRAME_PAYLOAD_BYTES} bytes`);
      const datagram = new Uint8Array(MEDIA_HEADER_BYTES + MEDIA_SEAL_BYTES + payload.length);
      writeMediaHeader(header, { kind, epoch, slot, counter });
      // Counted before sealing: whatever happens below, this nonce is used up.
      counter += 1;
      datagram.set(header);
      datagram.set(payload, MEDIA_HEADER_BYTES + COMMITMENT_BYTES);
      const plain = datagram.subarray(MEDIA_HEADER_BYTES, datagram.length - TAG_BYTES);
      // Sealed in place: input and output start at the same byte.
      chacha20poly1305(subkey, nonce, header).encrypt(plain, datagram.subarray(MEDIA_HEADER_BYTES));
      return datagram;
    },
    dispose() {
      disposed = true;
      wipe(subkey);
    },
  };
}

/** What became of a datagram. `payload` is fresh memory. */
export type OpenedFrame =
  | { readonly status: 'opened'; readonly payload: Bytes }
  /** `forged`: bad tag. `replayed`: seen before or too old. `uncommitted`: valid tag, but no zero block. */
  | { readonly status: 'forged' | 'replayed' | 'uncommitted' };

/** Opens the frames of one sender, kind and epoch. Disposing overwrites the key. */
export interface FrameOpener extends Disposable {
  open(datagram: Uint8Array, header: MediaHeader): OpenedFrame;
}

const FORGED: OpenedFrame = { status: 'forged' };
const REPLAYED: OpenedFrame = { status: 'replayed' };
const UNCOMMITTED: OpenedFrame = { status: 'uncommitted' };

/** Makes an opener with an empty replay window. The key is copied. `header` must be read from the datagram. */
export function createFrameOpener(key: Uint8Array): FrameOpener {
  const subkey = deriveSubkey(key);
  const nonce = new Uint8Array(12);
  const scratch = new Uint8Array(COMMITMENT_BYTES + MAX_FRAME_PAYLOAD_BYTES);
  const window = createReplayWindow();
  let disposed = false;
  return {
    open(datagram, header) {
      if (
        disposed ||
        header.counter >= MAX_FRAMES_PER_KEY ||
        datagram.length <= MEDIA_HEADER_BYTES + MEDIA_SEAL_BYTES ||
        datagram.length > MAX_DATAGRAM_BYTES
      )
        return FORGED;
      if (!window.isFresh(header.counter)) return REPLAYED;
      const additional = datagram.subarray(0, MEDIA_HEADER_BYTES);
      nonce.set(additional, 4);
      const length = datagram.length - MEDIA_HEADER_BYTES - TAG_BYTES;
      const plain = scratch.subarray(0, length);
      try {
        chacha20poly1305(subkey, nonce, additional).decrypt(datagram.subarray(MEDIA_HEADER_BYTES), plain);
      } catch {
        return FORGED;
      }
      // Only an authentic frame may move the window, or anybody could shut it with one large counter.
      window.mark(header.counter);
      let difference = 0;
      for (let i = 0; i < COMMITMENT_BYTES; i++) difference |= plain[i] as number;
      if (difference !== 0) {
        wipe(plain);
        return UNCOMMITTED;
      }
      const payload = plain.slice(COMMITMENT_BYTES);
      wipe(plain);
      return { status: 'opened', payload };
    },
    dispose() {
      disposed = true;
      wipe(subkey, scratch);
    },
  };
}

interface ReplayWindow {
  isFresh(counter: number): boolean;
  mark(counter: number): void;
}

/** A sliding bit map over the last 1024 counters (the algorithm of RFC 6479, bit by bit). */
function createReplayWindow(): ReplayWindow {
  const seen = new Uint8Array(REPLAY_WINDOW_FRAMES);
  let newest = -1;
  return {
    isFresh(counter) {
      if (counter > newest) return true;
      if (newest - counter >= REPLAY_WINDOW_FRAMES) return false;
      return seen[counter % REPLAY_WINDOW_FRAMES] === 0;
    },
    mark(counter) {
      if (counter > newest) {
        const steps = counter - newest;
        if (steps >= REPLAY_WINDOW_FRAMES) seen.fill(0);
        else
          for (let passed = newest + 1; passed < counter; passed++) seen[passed % REPLAY_WINDOW_FRAMES] = 0;
        newest = counter;
      }
      seen[counter % REPLAY_WINDOW_FRAMES] = 1;
    },
  };
}
