import OpusScript from 'opusscript';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOpusCodec, OpusError } from './opus-codec.ts';
import { hasInBandFec, readOpusPacket } from './opus-packet.ts';
import { opusModule, opusSimdModule } from './testing/codec-modules.ts';
import { bestCorrelation, rms, syntheticSpeech } from './testing/synthetic-speech.ts';

const SETTINGS = { bitrate: 32_000, expectedLossPercent: 10 };
/** libopus delays by 312 samples at 48 kHz (OPUS_GET_LOOKAHEAD). */
const LOOKAHEAD = 312;

function frames(samples: Float32Array, length: number): Float32Array[] {
  const out: Float32Array[] = [];
  for (let i = 0; i + length <= samples.length; i += length) out.push(samples.subarray(i, i + length));
  return out;
}

describe.each([
  ['SIMD', opusSimdModule],
  ['plain', opusModule],
])('Opus codec (%s)', (_name, module) => {
  it.each([10, 20, 40, 60] as const)('codes and decodes %i ms frames', (frameMs) => {
    const codec = createOpusCodec(module);
    const encoder = codec.createEncoder(SETTINGS);
    const decoder = codec.createDecoder();
    const speech = syntheticSpeech(2);
    const heard = new Float32Array(speech.length);
    let offset = 0;
    const sizes = new Set<number>();
    for (const frame of frames(speech, frameMs * 48)) {
      const packet = encoder.encode(frame);
      sizes.add(packet.length);
      expect(readOpusPacket(packet)).toMatchObject({ durationMs: frameMs, stereo: false });
      offset += decoder.decode(packet, heard.subarray(offset));
    }
    // Constant bit rate: the size says nothing about the contents.
    expect([...sizes]).toEqual([(32_000 * frameMs) / 8000]);
    expect(offset).toBe(Math.floor(speech.length / (frameMs * 48)) * frameMs * 48);
    const match = bestCorrelation(speech.subarray(0, offset), heard.subarray(0, offset), 500);
    expect(Math.abs(match.lag - LOOKAHEAD)).toBeLessThan(24);
    expect(match.value).toBeGreaterThan(frameMs === 10 ? 0.85 : 0.9);
    encoder.dispose();
    decoder.dispose();
  });
});

describe('Opus codec', () => {
  it('is understood by another decoder', () => {
    const encoder = createOpusCodec(opusSimdModule).createEncoder(SETTINGS);
    const other = new OpusScript(48_000, 1, OpusScript.Application.VOIP);
    const speech = syntheticSpeech(2, 5);
    const heard = new Float32Array(speech.length);
    let offset = 0;
    for (const frame of frames(speech, 960)) {
      const pcm = other.decode(Buffer.from(encoder.encode(frame)));
      for (let i = 0; i < pcm.length / 2; i++) heard[offset++] = pcm.readInt16LE(2 * i) / 32768;
    }
    expect(offset).toBe(96_000);
    expect(bestCorrelation(speech, heard, 500).value).toBeGreaterThan(0.9);
    other.delete();
    encoder.dispose();
  });

  it('recovers a lost frame from the next packet better than it conceals it', () => {
    const codec = createOpusCodec(opusSimdModule);
    const encoder = codec.createEncoder(SETTINGS);
    const speech = syntheticSpeech(4, 3);
    const packets = frames(speech, 960).map((frame) => encoder.encode(frame));
    const play = (useFec: boolean): Float32Array => {
      const decoder = codec.createDecoder();
      const heard = new Float32Array(packets.length * 960);
      packets.forEach((packet, index) => {
        const target = heard.subarray(index * 960, (index + 1) * 960);
        const next = packets[index + 1];
        const isLost = index % 4 === 3 && next !== undefined;
        if (!isLost) decoder.decode(packet, target);
        else if (useFec && hasInBandFec(next)) expect(decoder.decodeFec(next, 960, target)).toBe(960);
        else expect(decoder.conceal(960, target)).toBe(960);
      });
      decoder.dispose();
      return heard;
    };
    const recovered = bestCorrelation(speech, play(true), 400).value;
    const concealed = bestCorrelation(speech, play(false), 400).value;
    expect(packets.slice(1).filter(hasInBandFec).length).toBeGreaterThan(packets.length / 2);
    expect(recovered).toBeGreaterThan(concealed + 0.05);
    expect(recovered).toBeGreaterThan(0.8);
    encoder.dispose();
  });

  it('carries nothing of before a reset', () => {
    const encoder = createOpusCodec(opusSimdModule).createEncoder(SETTINGS);
    const speech = frames(syntheticSpeech(1, 9), 960);
    for (const frame of speech) encoder.encode(frame);
    encoder.reset();
    expect(hasInBandFec(encoder.encode(speech[10] as Float32Array))).toBe(false);
    encoder.dispose();
  });

  it('survives the growth of its memory', () => {
    const codec = createOpusCodec(opusSimdModule);
    const encoder = codec.createEncoder(SETTINGS);
    const decoders = Array.from({ length: 1200 }, () => codec.createDecoder());
    const frame = syntheticSpeech(1).subarray(9600, 10_560);
    const packet = encoder.encode(frame);
    const target = new Float32Array(960);
    for (const decoder of decoders) expect(decoder.decode(packet, target)).toBe(960);
    expect(rms(target)).toBeGreaterThan(0);
    for (const decoder of decoders) decoder.dispose();
    encoder.dispose();
  });

  it('refuses frames and buffers of the wrong size', () => {
    const codec = createOpusCodec(opusSimdModule);
    const encoder = codec.createEncoder(SETTINGS);
    const decoder = codec.createDecoder();
    expect(() => encoder.encode(new Float32Array(100))).toThrow(OpusError);
    expect(() => decoder.decode(encoder.encode(new Float32Array(960)), new Float32Array(959))).toThrow(
      OpusError,
    );
    expect(() => decoder.conceal(960, new Float32Array(959))).toThrow(OpusError);
    expect(() => decoder.decode(new Uint8Array(0), new Float32Array(5760))).toThrow(OpusError);
    expect(() => decoder.decode(new Uint8Array(1276), new Float32Array(5760))).toThrow(OpusError);
    encoder.dispose();
    decoder.dispose();
  });

  it('takes any bytes without leaving its buffers', () => {
    const codec = createOpusCodec(opusSimdModule);
    const decoder = codec.createDecoder();
    const witness = codec.createEncoder(SETTINGS);
    const target = new Float32Array(5760 + 1);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 1300 }), (bytes) => {
        target[5760] = 42;
        try {
          const count = decoder.decode(bytes, target);
          expect(count).toBe((readOpusPacket(bytes)?.durationMs ?? -1) * 48);
        } catch (error) {
          expect(error).toBeInstanceOf(OpusError);
        }
        expect(target[5760]).toBe(42);
        expect(witness.encode(new Float32Array(480)).length).toBe(40);
      }),
      { numRuns: 500 },
    );
    decoder.dispose();
    witness.dispose();
  });
});

describe('Opus packet', () => {
  it('reads the table of contents of RFC 6716', () => {
    expect(readOpusPacket(Uint8Array.of(0x08, 1))).toEqual({
      durationMs: 20,
      mode: 'silk',
      stereo: false,
      frames: 1,
    });
    expect(readOpusPacket(Uint8Array.of(0x60, 1))).toEqual({
      durationMs: 10,
      mode: 'hybrid',
      stereo: false,
      frames: 1,
    });
    expect(readOpusPacket(Uint8Array.of(0xfc, 1))).toEqual({
      durationMs: 20,
      mode: 'celt',
      stereo: true,
      frames: 1,
    });
    expect(readOpusPacket(Uint8Array.of(0x19, 1))?.durationMs).toBe(120);
    expect(readOpusPacket(Uint8Array.of(0x83, 0x04))).toMatchObject({ durationMs: 10, frames: 4 });
    expect(readOpusPacket(Uint8Array.of(0x83))).toBeUndefined();
    expect(readOpusPacket(Uint8Array.of(0x83, 0x00))).toBeUndefined();
    expect(readOpusPacket(Uint8Array.of(0x1b, 0x03))).toBeUndefined();
    expect(readOpusPacket(new Uint8Array(0))).toBeUndefined();
    expect(hasInBandFec(Uint8Array.of(0xfc, 0xff))).toBe(false);
  });
});
