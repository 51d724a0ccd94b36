import { afterEach, beforeEach, expect } from 'vitest';
import { setDisposableTracker, type Disposable } from '../../core/base/disposable.ts';

/**
 * Fails every test that leaves a Disposable behind, showing where it was made. A test that builds shared
 * fixtures in `beforeAll` is not affected: only what is created during the test itself is counted.
 */
const alive = new Map<Disposable, Error>();

beforeEach(() => {
  alive.clear();
  setDisposableTracker({
    onCreate: (disposable) => alive.set(disposable, new Error('created here')),
    onDispose: (disposable) => alive.delete(disposable),
  });
});

afterEach(() => {
  setDisposableTracker(undefined);
  const stacks = [...alive.values()].map((error) => error.stack ?? '');
  alive.clear();
  expect(stacks, 'disposables were left undisposed').toEqual([]);
});
