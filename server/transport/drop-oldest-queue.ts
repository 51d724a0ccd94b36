/** A short queue in front of a stream that may be stuck. */
export interface DropOldestQueue<T> {
  /** Sends at once when nothing waits, else queues; the oldest gives way when the queue is full. */
  push(item: T): void;
  /** Call when the stream takes more. */
  flush(): void;
}

/**
 * Makes a queue. Of voice that waits, the newest is worth the most: what is too old when it arrives is not
 * played anyway.
 * @param send gives the item to the stream. @returns false when nothing more should follow for now.
 */
export function createDropOldestQueue<T>(
  capacity: number,
  send: (item: T) => boolean,
  onDropped: () => void,
): DropOldestQueue<T> {
  let waiting: T[] = [];
  let stuck = false;
  return {
    push(item) {
      if (!stuck) {
        stuck = !send(item);
        return;
      }
      if (waiting.length >= capacity) {
        waiting.shift();
        onDropped();
      }
      waiting.push(item);
    },
    flush() {
      stuck = false;
      const ready = waiting;
      waiting = [];
      for (const item of ready) this.push(item);
    },
  };
}
