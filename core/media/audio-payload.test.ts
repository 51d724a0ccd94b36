import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeAudioPayload,
  encodeAudioPayload,
  FRAME_DURATIONS_MS,
  type FrameDurationMs,
} from './audio-payload.ts';

/** SILK wideband packets of each duration (RFC 6716, table 2). */
const TOC: Readonly<Record<FrameDurationMs, number>> = { 10: 0x40, 20: 0x48, 40: 0x50, 60: 0x58 };

const payload = fc
  .record({
    time: fc.integer({ min: 0, max: 0xffffffff }),
    durationMs: fc.constantFrom(...FRAME_DURATIONS_MS),
    endOfSpurt: fc.boolean(),
    bodies: fc.array(fc.uint8Array({ minLength: 0, maxLength: 200 }), { minLength: 1, maxLength: 3 }),
  })
  .map(({ time, durationMs, endOfSpurt, bodies }) => {
    const [packet, ...redundant] = bodies.map((body) => Uint8Array.of(TOC[durationMs], ...body));
    return { time, durationMs, endOfSpurt, packet: packet as Uint8Array<ArrayBuffer>, redundant };
  });

describe('audio payload', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(payload, (original) => {
        const decoded = decodeAudioPayload(encodeAudioPayload(original));
        expect(decoded).toEqual({ ok: true, value: original });
      }),
    );
  });

  it('is laid out as documented', () => {
    const bytes = encodeAudioPayload({
      time: 0x01020304,
      durationMs: 20,
      endOfSpurt: true,
      packet: Uint8Array.of(0x48, 0xaa),
      redundant: [Uint8Array.of(0x48, 0xbb)],
    });
    expect([...bytes]).toEqual([0x15, 1, 2, 3, 4, 0, 2, 0x48, 0xbb, 0x48, 0xaa]);
  });

  it('refuses what breaks a rule', () => {
    const good = [0x10, 0, 0, 0, 1, 0x48, 0];
    const refused = (bytes: readonly number[]): boolean => !decodeAudioPayload(Uint8Array.from(bytes)).ok;
    expect(refused(good)).toBe(false);
    expect(refused([])).toBe(true);
    expect(refused(good.slice(0, 5))).toBe(true);
    for (const bit of [0x08, 0x40, 0x80]) expect(refused([0x10 | bit, ...good.slice(1)])).toBe(true);
    expect(refused([0x13, ...good.slice(1)])).toBe(true);
    // The packet is 20 ms long, the flags say 10.
    expect(refused([0x00, ...good.slice(1)])).toBe(true);
    expect(refused([0x11, 0, 0, 0, 1, 0, 9, 0x48])).toBe(true);
    expect(refused([0x11, 0, 0, 0, 1, 0, 1, 0x48])).toBe(true);
    expect(refused([0x11, 0, 0, 0, 1, 0, 0, 0x48, 0])).toBe(true);
  });

  it('answers any bytes with a value or a sentence', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeAudioPayload(bytes);
        if (!decoded.ok) expect(decoded.error).toMatch(/^audio payload: /);
        else expect(encodeAudioPayload(decoded.value)).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
