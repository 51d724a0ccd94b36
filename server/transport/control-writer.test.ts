import { describe, expect, it } from 'vitest';
import { createControlWriter } from './control-writer.ts';

const bytes = (value: number, length = 1): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(value);

describe('control writer', () => {
  it('leaves nothing behind, at whichever moment something is written', async () => {
    // Some of these moments lie between the end of a write and the writer noticing it.
    for (let moment = 0; moment < 12; moment++) {
      const taken: number[] = [];
      const writer = createControlWriter(
        (batch) => {
          taken.push(...batch);
          return Promise.resolve();
        },
        1024,
        () => {
          throw new Error('overflow');
        },
      );
      writer.write(bytes(1));
      for (let i = 0; i < moment; i++) await Promise.resolve();
      writer.write(bytes(2));
      for (let i = 0; i < 20; i++) await Promise.resolve();
      expect(taken, `written after ${moment} microtasks`).toEqual([1, 2]);
      await writer.flushed();
    }
  });

  it('joins what waits, keeps the order, and gives up on a reader that takes nothing', async () => {
    const batches: number[][] = [];
    let take = (): void => {};
    let overflows = 0;
    const writer = createControlWriter(
      (batch) => {
        batches.push([...batch]);
        return new Promise((resolve) => {
          take = resolve;
        });
      },
      4,
      () => (overflows += 1),
    );
    for (const value of [1, 2, 3]) writer.write(bytes(value));
    take();
    await Promise.resolve();
    await Promise.resolve();
    expect(batches).toEqual([[1], [2, 3]]);
    writer.write(bytes(4, 3));
    writer.write(bytes(5));
    expect(overflows).toBe(1);
    // The owner destroys the stream, which ends the write under way.
    take();
    await expect(writer.flushed()).rejects.toThrow('closed');
  });

  it('tells when the stream is broken', async () => {
    const writer = createControlWriter(
      () => Promise.reject(new Error('reset')),
      1024,
      () => {},
    );
    writer.write(bytes(1));
    await expect(writer.flushed()).rejects.toThrow('closed');
  });
});
