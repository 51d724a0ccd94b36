import { readFileSync, writeFileSync } from 'node:fs';

/** Mono samples from -1 to 1. */
export interface Recording {
  readonly sampleRate: number;
  readonly samples: Float32Array;
}

/** Reads a 16-bit PCM WAV file, mixing its channels to one. */
export function readWav(path: string): Recording {
  const data = readFileSync(path);
  if (data.toString('latin1', 0, 4) !== 'RIFF' || data.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error(`${path} is not a WAV file`);
  let offset = 12;
  let channels = 0;
  let sampleRate = 0;
  while (offset + 8 <= data.length) {
    const name = data.toString('latin1', offset, offset + 4);
    const length = data.readUInt32LE(offset + 4);
    const body = offset + 8;
    if (name === 'fmt ') {
      channels = data.readUInt16LE(body + 2);
      sampleRate = data.readUInt32LE(body + 4);
      if (data.readUInt16LE(body + 14) !== 16) throw new Error(`${path} does not hold 16-bit samples`);
    } else if (name === 'data') {
      const frames = Math.floor(Math.min(length, data.length - body) / (2 * channels));
      const samples = new Float32Array(frames);
      for (let i = 0; i < frames; i++) {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += data.readInt16LE(body + 2 * (i * channels + c));
        samples[i] = sum / channels / 32768;
      }
      return { sampleRate, samples };
    }
    offset = body + length + (length & 1);
  }
  throw new Error(`${path} holds no samples`);
}

/** Writes a 16-bit mono WAV file. */
export function writeWav(path: string, { sampleRate, samples }: Recording): void {
  const data = Buffer.alloc(44 + 2 * samples.length);
  data.write('RIFF', 0, 'latin1');
  data.writeUInt32LE(36 + 2 * samples.length, 4);
  data.write('WAVEfmt ', 8, 'latin1');
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(sampleRate, 24);
  data.writeUInt32LE(2 * sampleRate, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36, 'latin1');
  data.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((sample, i) => {
    data.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32767), 44 + 2 * i);
  });
  writeFileSync(path, data);
}

/** Linear resampling: good enough for feeding speech into a microphone. */
export function resample({ sampleRate, samples }: Recording, target: number): Recording {
  if (sampleRate === target) return { sampleRate, samples };
  const out = new Float32Array(Math.floor((samples.length * target) / sampleRate));
  for (let i = 0; i < out.length; i++) {
    const position = (i * sampleRate) / target;
    const index = Math.floor(position);
    const fraction = position - index;
    out[i] = (samples[index] ?? 0) * (1 - fraction) + (samples[index + 1] ?? 0) * fraction;
  }
  return { sampleRate: target, samples: out };
}
