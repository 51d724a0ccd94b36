/** Something that holds a resource until `dispose()` is called. Calling it twice is harmless. */
export interface Disposable {
  dispose(): void;
}

/** Told about every disposable made and disposed, so that a test suite can fail on leaks. */
export interface DisposableTracker {
  onCreate(disposable: Disposable): void;
  onDispose(disposable: Disposable): void;
}

let tracker: DisposableTracker | undefined;

/** Installs the tracker used by the leak check of the tests; `undefined` removes it. */
export function setDisposableTracker(next: DisposableTracker | undefined): void {
  tracker = next;
}

/** Wraps a function as a Disposable that runs it at most once. */
export function toDisposable(run: () => void): Disposable {
  let done = false;
  const disposable: Disposable = {
    dispose() {
      if (done) return;
      done = true;
      tracker?.onDispose(disposable);
      run();
    },
  };
  tracker?.onCreate(disposable);
  return disposable;
}

/** A set of disposables with one life. Adding to a disposed store disposes the addition at once. */
export interface DisposableStore extends Disposable {
  readonly isDisposed: boolean;
  /** Takes ownership and returns its argument. */
  add<T extends Disposable>(disposable: T): T;
  /** Disposes what is held now; the store can be used again. */
  clear(): void;
}

/** Makes an empty store. Members are disposed in the reverse order of their addition. */
export function createDisposableStore(): DisposableStore {
  const held: Disposable[] = [];
  let disposed = false;
  const clear = (): void => {
    const errors: unknown[] = [];
    for (let next = held.pop(); next; next = held.pop()) {
      try {
        next.dispose();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, 'Several disposables failed');
  };
  const store: DisposableStore = {
    get isDisposed() {
      return disposed;
    },
    add(disposable) {
      if (disposed) disposable.dispose();
      else held.push(disposable);
      return disposable;
    },
    clear,
    dispose() {
      if (disposed) return;
      disposed = true;
      tracker?.onDispose(store);
      clear();
    },
  };
  tracker?.onCreate(store);
  return store;
}
