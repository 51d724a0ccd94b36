import { toDisposable, type Disposable } from './disposable.ts';

/** Subscribes a listener; the returned Disposable ends the subscription. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/** The firing side of an Event. Keep it private and expose only `event`. */
export interface Emitter<T> extends Disposable {
  readonly event: Event<T>;
  readonly hasListeners: boolean;
  /** Calls every listener. A listener that throws does not keep the others from being called. */
  fire(value: T): void;
}

/** Where errors thrown by listeners go; a host replaces it to log them. */
let onListenerError: (error: unknown) => void = (error) => {
  setTimeout(() => {
    throw error;
  }, 0);
};

/** Replaces the sink for errors thrown by listeners. */
export function setListenerErrorHandler(handler: (error: unknown) => void): void {
  onListenerError = handler;
}

/** Makes an emitter with no listeners. */
export function createEmitter<T>(): Emitter<T> {
  let listeners: readonly ((value: T) => void)[] = [];
  let disposed = false;
  return {
    event(listener) {
      if (disposed) return toDisposable(() => {});
      // A wrapper, so that the same function may be subscribed twice.
      const entry = (value: T): void => listener(value);
      listeners = [...listeners, entry];
      return toDisposable(() => {
        listeners = listeners.filter((other) => other !== entry);
      });
    },
    get hasListeners() {
      return listeners.length > 0;
    },
    fire(value) {
      for (const listener of listeners) {
        try {
          listener(value);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    dispose() {
      disposed = true;
      listeners = [];
    },
  };
}
