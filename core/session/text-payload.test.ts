import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTextPayload, encodeTextPayload } from './text-payload.ts';

const id = new Uint8Array(16).fill(7);

describe('text payload', () => {
  it('gives back the text under its own id only', () => {
    const payload = encodeTextPayload(id, 'hello ☕');
    expect(decodeTextPayload(payload, id)).toBe('hello ☕');
    expect(decodeTextPayload(payload, new Uint8Array(16).fill(8))).toBeUndefined();
  });

  it('never throws on bytes from elsewhere', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodeTextPayload(bytes, id);
      }),
    );
  });
});
