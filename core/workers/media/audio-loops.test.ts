import { describe, expect, it } from 'vitest';
import { allocateAudioRing, openAudioRing } from '../../media/audio-ring.ts';
import { createPlaybackLoop, PLAYBACK_LOW_WATER } from './audio-loops.ts';

async function until(isMet: () => boolean): Promise<void> {
  while (!isMet()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('playback loop', () => {
  it('keeps the ring filled, and fuller after underruns, up to a bound', async () => {
    const memory = allocateAudioRing(48_000);
    const device = openAudioRing(memory);
    const loop = createPlaybackLoop(memory, (block) => block.fill(0.5));
    loop.setActive(true);
    await until(() => device.available() >= PLAYBACK_LOW_WATER);
    expect(device.available()).toBeLessThan(PLAYBACK_LOW_WATER + 120);
    const quantum = new Float32Array(128);
    for (let i = 1; i <= 20; i++) {
      while (device.read(quantum) === 128);
      device.countUnderrun(1);
      const wanted = Math.min(2400, PLAYBACK_LOW_WATER + i * 240);
      await until(() => device.available() >= wanted);
      expect(device.available()).toBeLessThan(wanted + 120);
    }
    loop.dispose();
    while (device.read(quantum) > 0);
    await until(() => !device.streaming);
  });
});
