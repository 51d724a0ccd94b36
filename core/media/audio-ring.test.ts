import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateAudioRing, openAudioRing } from './audio-ring.ts';
import { waitForRoom, waitForSamples } from './audio-ring-wait.ts';

describe('audio ring', () => {
  it('gives every sample once and in order, whatever the block sizes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ write: fc.integer({ min: 0, max: 200 }), read: fc.integer({ min: 0, max: 200 }) }),
          {
            maxLength: 60,
          },
        ),
        (steps) => {
          const memory = allocateAudioRing(256);
          const producer = openAudioRing(memory);
          const consumer = openAudioRing(memory);
          let written = 0;
          let read = 0;
          let dropped = 0;
          for (const step of steps) {
            const accepted = producer.write(Float32Array.from({ length: step.write }, (_, i) => written + i));
            dropped += step.write - accepted;
            written += accepted;
            const target = new Float32Array(step.read);
            const count = consumer.read(target);
            for (let i = 0; i < count; i++) expect(target[i]).toBe(read + i);
            read += count;
            expect(consumer.available()).toBe(written - read);
          }
          expect(producer.overruns).toBe(dropped);
        },
      ),
    );
  });

  it('goes on when its counters wrap at 2^32', () => {
    const memory = allocateAudioRing(128);
    const words = new Int32Array(memory, 0, 2);
    words.fill(0x7fffffc0);
    const ring = openAudioRing(memory);
    const target = new Float32Array(100);
    for (let round = 0; round < 5; round++) {
      expect(ring.write(new Float32Array(100).fill(round))).toBe(100);
      expect(ring.read(target)).toBe(100);
      expect(target[99]).toBe(round);
    }
    words.fill(-50);
    expect(ring.write(new Float32Array(100).fill(9))).toBe(100);
    expect(ring.available()).toBe(100);
    expect(ring.skip(30)).toBe(30);
    expect(ring.flush()).toBe(70);
    expect(ring.available()).toBe(0);
  });

  it('refuses foreign memory', () => {
    expect(() => openAudioRing(new SharedArrayBuffer(1000))).toThrow(RangeError);
  });

  it('wakes a waiting reader and a waiting writer in another thread', async () => {
    const memory = allocateAudioRing(4096);
    const ring = openAudioRing(memory);
    // The other thread adds 480 samples, then takes 200, each as soon as it is told.
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const words = new Int32Array(workerData, 0, 16);
       parentPort.on('message', ({ index, count }) => {
         Atomics.add(words, index, count);
         Atomics.notify(words, index);
       });`,
      { eval: true, workerData: memory },
    );
    try {
      const samples = waitForSamples(memory, ring, 480, 20_000);
      worker.postMessage({ index: 0, count: 480 });
      await samples;
      expect(ring.available()).toBe(480);
      const room = waitForRoom(memory, ring, 300, 20_000);
      worker.postMessage({ index: 1, count: 200 });
      await room;
      expect(ring.available()).toBe(280);
    } finally {
      await worker.terminate();
    }
  });

  it('gives up waiting when the time is over', async () => {
    const memory = allocateAudioRing(128);
    const ring = openAudioRing(memory);
    await waitForSamples(memory, ring, 1, 5);
    expect(ring.available()).toBe(0);
  });
});
