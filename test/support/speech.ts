import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readWav, resample, type Recording } from './wav-file.ts';

const PROMPTS = '/usr/share/sounds/alsa';
const PROMPT_NAMES = [
  'Front_Center',
  'Front_Left',
  'Front_Right',
  'Rear_Center',
  'Rear_Left',
  'Rear_Right',
  'Side_Left',
  'Side_Right',
];

/**
 * Speech at 48 kHz: the recorded voice prompts of alsa-utils where they are installed, else the spoken
 * sentence in the fixtures.
 */
export function loadSpeech(root: string): Recording {
  const prompts = PROMPT_NAMES.map((name) => join(PROMPTS, `${name}.wav`));
  if (!prompts.every((path) => existsSync(path)))
    return resample(readWav(join(root, 'test/fixtures/speech.wav')), 48_000);
  const parts = prompts.map((path) => resample(readWav(path), 48_000).samples);
  const samples = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    samples.set(part, offset);
    offset += part.length;
  }
  return { sampleRate: 48_000, samples };
}
