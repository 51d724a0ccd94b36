import { describe, expect, it } from 'vitest';
import { findPlaintext, pcmMarkers, textMarkers } from './plaintext-search.ts';

describe('plaintext search', () => {
  it('finds a text in every encoding it could leak in', () => {
    const text = 'the wind is turning to the north';
    const markers = textMarkers([text]);
    const pad = Buffer.from([1, 2, 3, 4]);
    for (const shift of [0, 1, 2, 3]) {
      const around = Buffer.concat([pad.subarray(0, shift), Buffer.from(text), pad]);
      for (const leak of [
        around,
        Buffer.from(around.toString('base64')),
        Buffer.from(around.toString('hex')),
      ])
        expect(findPlaintext([Buffer.from('nothing'), leak], markers)).toBe(true);
    }
    expect(findPlaintext([Buffer.from(text, 'utf16le')], markers)).toBe(true);
    expect(findPlaintext([Buffer.from('the wind is turning'), Buffer.from([0, 1])], markers)).toBe(false);
  });

  it('finds raw audio as integers and as floats', () => {
    const samples = Float32Array.from(
      { length: 4800 },
      (_, i) => 0.5 * Math.sin(i / 20) + 0.3 * Math.sin(i / 7.3),
    );
    const markers = pcmMarkers(samples);
    expect(markers.length).toBeGreaterThan(10);
    const int16 = Buffer.alloc(9600);
    samples.forEach((sample, i) => int16.writeInt16LE(Math.round(sample * 32767), 2 * i));
    expect(findPlaintext([int16], markers)).toBe(true);
    expect(findPlaintext([Buffer.from(samples.buffer)], markers)).toBe(true);
    expect(findPlaintext([Buffer.alloc(9600, 7)], markers)).toBe(false);
  });
});
