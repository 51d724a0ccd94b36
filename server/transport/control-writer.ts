import type { Bytes } from '../../core/base/bytes.ts';
import { concatBytes } from '../../core/base/bytes.ts';

/** Writes control frames to one client with a bound on what waits for it. */
export interface ControlWriter {
  /** Queues bytes. Over the bound everything is dropped and `onOverflow` is called once. */
  write(bytes: Bytes): void;
  /** Resolves when what is queued now was taken by the stream; rejects when it never will be. */
  flushed(): Promise<void>;
}

/** Messages that wait together are written together, up to this many bytes at once. */
const MAX_WRITE_BYTES = 256 * 1024;

/** Makes a writer over `sink`, which resolves when the stream took the bytes. */
export function createControlWriter(
  sink: (bytes: Bytes) => Promise<void>,
  maxQueuedBytes: number,
  onOverflow: () => void,
): ControlWriter {
  let queue: Bytes[] = [];
  let queuedBytes = 0;
  let failed = false;
  let running: Promise<void> | undefined;
  const pump = async (): Promise<void> => {
    while (queue.length > 0 && !failed) {
      let count = 0;
      let size = 0;
      while (
        count < queue.length &&
        (count === 0 || size + (queue[count] as Bytes).length <= MAX_WRITE_BYTES)
      ) {
        size += (queue[count] as Bytes).length;
        count++;
      }
      const batch = queue.slice(0, count);
      queue = queue.slice(count);
      await sink(batch.length === 1 ? (batch[0] as Bytes) : concatBytes(...batch));
      queuedBytes -= size;
    }
  };
  const start = (): void => {
    if (running || failed) return;
    running = pump().then(
      () => {
        running = undefined;
        // Something may have been written between the last look at the queue and this moment.
        if (queue.length > 0) start();
      },
      () => {
        failed = true;
        queue = [];
        running = undefined;
      },
    );
  };
  return {
    write(bytes) {
      if (failed) return;
      if (queuedBytes + bytes.length > maxQueuedBytes) {
        failed = true;
        queue = [];
        onOverflow();
        return;
      }
      queue.push(bytes);
      queuedBytes += bytes.length;
      start();
    },
    async flushed() {
      while (running) await running;
      if (failed) throw new Error('the stream is closed');
    },
  };
}
