import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes, fromHex, randomBytes, toHex, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import {
  MAX_DATAGRAM_BYTES,
  readMediaHeader,
  writeMediaHeader,
  type MediaHeader,
  type MediaKind,
} from '../protocol/media-datagram.ts';
import vectors from '../../test/fixtures/frame-cipher/frames.json' with { type: 'json' };
import {
  createFrameOpener,
  createFrameSealer,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_FRAMES_PER_KEY,
  REPLAY_WINDOW_FRAMES,
  type OpenedFrame,
} from './frame-cipher.ts';

const hex = (text: string): Bytes => fromHex(text) as Bytes;
const open = (
  opener: { open(d: Uint8Array, h: MediaHeader): OpenedFrame },
  datagram: Uint8Array,
): OpenedFrame => {
  const header = readMediaHeader(datagram);
  if (!header) throw new Error('no header');
  return opener.open(datagram, header);
};
const sealWith = (key: Uint8Array, header: MediaHeader, plain: Uint8Array): Bytes => {
  const head = new Uint8Array(8);
  writeMediaHeader(head, header);
  const nonce = concatBytes(new Uint8Array(16), head);
  return concatBytes(head, xchacha20poly1305(key, nonce, head).encrypt(plain));
};

describe('frame cipher', () => {
  it('gives exactly the bytes of XChaCha20-Poly1305', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.constantFrom<MediaKind[]>(1, 2, 3, 4),
        fc.nat(1000),
        fc.nat(0xffff),
        fc.nat(MAX_FRAMES_PER_KEY - 1),
        fc.uint8Array({ minLength: 1, maxLength: MAX_FRAME_PAYLOAD_BYTES }),
        (key, kind, epoch, slot, counter, payload) => {
          const sealer = createFrameSealer({ key, kind, epoch, slot, firstCounter: counter });
          const datagram = sealer.seal(payload);
          expect(datagram).toEqual(
            sealWith(key, { kind, epoch, slot, counter }, concatBytes(new Uint8Array(16), payload)),
          );
          expect(datagram.length).toBe(payload.length + 40);
          const opener = createFrameOpener(key);
          expect(open(opener, datagram)).toEqual({ status: 'opened', payload: new Uint8Array(payload) });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives the bytes of the fixed vectors', () => {
    expect(vectors.frames.length).toBeGreaterThan(3);
    for (const { kind, epoch, slot, counter, key, payload, datagram } of vectors.frames) {
      const options = { key: hex(key), kind: kind as MediaKind, epoch, slot, firstCounter: counter };
      expect(toHex(createFrameSealer(options).seal(hex(payload)))).toBe(datagram);
      expect(open(createFrameOpener(hex(key)), hex(datagram))).toEqual({
        status: 'opened',
        payload: hex(payload),
      });
    }
  });

  it('refuses every flipped bit of header and ciphertext, and the window does not move', () => {
    const key = randomBytes(32);
    const sealer = createFrameSealer({ key, kind: 1, epoch: 7, slot: 3 });
    const datagram = sealer.seal(randomBytes(60));
    const opener = createFrameOpener(key);
    for (let bit = 0; bit < datagram.length * 8; bit++) {
      const changed = datagram.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const header = readMediaHeader(changed);
      if (!header) {
        expect(bit).toBeLessThan(8);
        continue;
      }
      expect(opener.open(changed, header).status).toBe('forged');
    }
    expect(open(opener, datagram).status).toBe('opened');
    expect(open(opener, datagram).status).toBe('replayed');
  });

  it('refuses a valid tag over a block that is not zero', () => {
    const key = randomBytes(32);
    const header: MediaHeader = { kind: 1, epoch: 1, slot: 2, counter: 3 };
    for (let bit = 0; bit < 128; bit++) {
      const block = new Uint8Array(16);
      block[bit >> 3]! ^= 1 << (bit & 7);
      const opener = createFrameOpener(key);
      expect(open(opener, sealWith(key, header, concatBytes(block, randomBytes(40)))).status).toBe(
        'uncommitted',
      );
    }
  });

  it('keeps senders, kinds and epochs apart', () => {
    const a = randomBytes(32);
    const b = randomBytes(32);
    const datagram = createFrameSealer({ key: b, kind: 1, epoch: 0, slot: 1 }).seal(randomBytes(10));
    expect(open(createFrameOpener(a), datagram).status).toBe('forged');
    const otherKind = datagram.slice();
    otherKind[0] = 2;
    expect(open(createFrameOpener(b), otherKind).status).toBe('forged');
    expect(open(createFrameOpener(b), datagram).status).toBe('opened');
  });

  it('stops for good at 2^31 frames', () => {
    const sealer = createFrameSealer({
      key: randomBytes(32),
      kind: 1,
      epoch: 0,
      slot: 0,
      firstCounter: 0x7fffffff,
    });
    sealer.seal(new Uint8Array(1));
    for (let i = 0; i < 3; i++) {
      expect(() => sealer.seal(new Uint8Array(1))).toThrow(
        expect.objectContaining({ code: 'frame_limit_reached' }),
      );
    }
    expect(sealer.counter).toBe(MAX_FRAMES_PER_KEY);
  });

  it('refuses payloads that do not fit and keys of the wrong length', () => {
    const sealer = createFrameSealer({ key: randomBytes(32), kind: 1, epoch: 0, slot: 0 });
    expect(sealer.seal(new Uint8Array(MAX_FRAME_PAYLOAD_BYTES)).length).toBe(MAX_DATAGRAM_BYTES);
    expect(() => sealer.seal(new Uint8Array(MAX_FRAME_PAYLOAD_BYTES + 1))).toThrow(CodedError);
    expect(() => sealer.seal(new Uint8Array(0))).toThrow(CodedError);
    expect(() => createFrameOpener(randomBytes(31))).toThrow(RangeError);
    sealer.dispose();
    expect(() => sealer.seal(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'frame_key_gone' }));
  });

  it('agrees with a plain model of the replay window under loss, reordering, repetition and forgery', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            // Mostly near the front, sometimes far away.
            jump: fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -2200, max: 2200 })),
            forge: fc.boolean(),
          }),
          { maxLength: 120 },
        ),
        (steps) => {
          const key = new Uint8Array(32).fill(5);
          const opener = createFrameOpener(key);
          const seen = new Set<number>();
          let newest = -1;
          let position = 3000;
          for (const { jump, forge } of steps) {
            position = Math.max(0, position + jump);
            const datagram = sealWith(
              key,
              { kind: 1, epoch: 0, slot: 0, counter: position },
              new Uint8Array(17),
            );
            if (forge) datagram[datagram.length - 1]! ^= 1;
            const fresh =
              position > newest || (newest - position < REPLAY_WINDOW_FRAMES && !seen.has(position));
            const expected = !fresh ? 'replayed' : forge ? 'forged' : 'opened';
            expect(open(opener, datagram).status).toBe(expected);
            if (expected === 'opened') {
              seen.add(position);
              newest = Math.max(newest, position);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
