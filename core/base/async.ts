import { toDisposable, type Disposable } from './disposable.ts';

/** A promise with its resolvers. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Makes a pending promise that somebody else settles. */
export function createDeferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Runs asynchronous sections one after another, in the order of the calls. */
export interface Mutex {
  run<T>(section: () => Promise<T>): Promise<T>;
}

/** Makes an unlocked mutex. A section that throws does not stop the ones behind it. */
export function createMutex(): Mutex {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(section) {
      const result = tail.then(section, section);
      tail = result.catch(() => {});
      return result;
    },
  };
}

/** The clock behind every delay in core, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Wall clock, milliseconds since 1970. */
  wallTime(): number;
  /** Runs `callback` once after `milliseconds`; disposing cancels it. */
  setTimer(milliseconds: number, callback: () => void): Disposable;
}

/** The runtime's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(milliseconds, callback) {
    const disposable = toDisposable(() => clearTimeout(handle));
    const handle = setTimeout(() => {
      disposable.dispose();
      callback();
    }, milliseconds);
    return disposable;
  },
};

/** Resolves after `milliseconds` of the given clock. */
export function delay(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(milliseconds, resolve));
}

/** Rejects with `makeError()` when the promise has not settled in time. */
export function withTimeout<T>(
  clock: Clock,
  milliseconds: number,
  promise: Promise<T>,
  makeError: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(milliseconds, () => reject(makeError()));
    promise.then(
      (value) => {
        timer.dispose();
        resolve(value);
      },
      (error: unknown) => {
        timer.dispose();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
