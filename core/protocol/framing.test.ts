import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { concatBytes, equalBytes, type Bytes } from '../base/bytes.ts';
import {
  createFrameReader,
  frameMessage,
  FramingError,
  MAX_FRAME_BYTES,
  MAX_MESSAGE_BYTES,
} from './framing.ts';

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const sorted = [...places.map((place) => place % (bytes.length + 1)), 0, bytes.length].sort(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}
const head = (value: number): Bytes => {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
};

describe('framing', () => {
  it('gives back messages however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (messages, places) => {
          const reader = createFrameReader(MAX_MESSAGE_BYTES);
          const stream = concatBytes(...messages.map(frameMessage));
          const read = cut(stream, places).flatMap((chunk) => reader.push(chunk));
          expect(read).toEqual(messages.map((message) => new Uint8Array(message)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('splits and joins long messages at every boundary', () => {
    for (const length of [
      0,
      1,
      MAX_FRAME_BYTES - 1,
      MAX_FRAME_BYTES,
      MAX_FRAME_BYTES + 1,
      3 * MAX_FRAME_BYTES,
      200_001,
    ]) {
      const message = new Uint8Array(length).map((_, index) => index * 31);
      const framed = frameMessage(message);
      expect(framed.length).toBe(length + 4 * Math.max(1, Math.ceil(length / MAX_FRAME_BYTES)));
      const reader = createFrameReader(MAX_MESSAGE_BYTES);
      const read = cut(framed, [3, 5, 70_000, 65_540, 131_080]).flatMap((chunk) => reader.push(chunk));
      expect(read).toHaveLength(1);
      expect(equalBytes(read[0] as Bytes, message)).toBe(true);
    }
  });

  it('reads one byte at a time', () => {
    const reader = createFrameReader(1000);
    const stream = concatBytes(
      frameMessage(new Uint8Array([1, 2])),
      frameMessage(new Uint8Array()),
      frameMessage(new Uint8Array([3])),
    );
    const read = [...stream].flatMap((byte) => reader.push(new Uint8Array([byte])));
    expect(read).toEqual([new Uint8Array([1, 2]), new Uint8Array(), new Uint8Array([3])]);
  });

  it('refuses frames and messages over their limits before it keeps their bytes', () => {
    expect(() => createFrameReader(MAX_MESSAGE_BYTES).push(head(MAX_FRAME_BYTES + 1))).toThrow(
      'frame too large',
    );
    expect(() => createFrameReader(100).push(head(101))).toThrow('message too large');
    expect(() => createFrameReader(100).push(head(0x80000000))).toThrow('empty continuation');
    const reader = createFrameReader(100);
    reader.push(concatBytes(head(0x80000000 | 60), new Uint8Array(60)));
    expect(() => reader.push(head(41))).toThrow('message too large');
    expect(() => frameMessage(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toThrow(FramingError);
  });

  it('lets the limit be raised between messages', () => {
    const reader = createFrameReader(10);
    expect(reader.push(frameMessage(new Uint8Array(10)))).toHaveLength(1);
    reader.setMaxMessageBytes(20);
    expect(reader.push(frameMessage(new Uint8Array(20)))).toHaveLength(1);
    expect(() => reader.push(frameMessage(new Uint8Array(21)))).toThrow(FramingError);
  });

  it('survives noise: it reads, waits or throws FramingError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }), (chunks) => {
        const reader = createFrameReader(1000);
        try {
          for (const chunk of chunks)
            for (const message of reader.push(chunk)) expect(message.length).toBeLessThanOrEqual(1000);
        } catch (error) {
          expect(error).toBeInstanceOf(FramingError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
