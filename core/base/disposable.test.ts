import { describe, expect, it } from 'vitest';
import { createDisposableStore, toDisposable } from './disposable.ts';

describe('disposables', () => {
  it('run once', () => {
    let count = 0;
    const disposable = toDisposable(() => count++);
    disposable.dispose();
    disposable.dispose();
    expect(count).toBe(1);
  });

  it('of a store go in reverse order, and late ones at once', () => {
    const seen: number[] = [];
    const store = createDisposableStore();
    for (const number of [1, 2, 3]) store.add(toDisposable(() => seen.push(number)));
    store.clear();
    expect(seen).toEqual([3, 2, 1]);
    store.add(toDisposable(() => seen.push(4)));
    store.dispose();
    expect(store.isDisposed).toBe(true);
    store.add(toDisposable(() => seen.push(5)));
    expect(seen).toEqual([3, 2, 1, 4, 5]);
    store.dispose();
  });

  it('that fail do not keep the others from being disposed', () => {
    const seen: number[] = [];
    const store = createDisposableStore();
    store.add(toDisposable(() => seen.push(1)));
    store.add(
      toDisposable(() => {
        throw new Error('first');
      }),
    );
    store.add(
      toDisposable(() => {
        throw new Error('second');
      }),
    );
    expect(() => store.dispose()).toThrow(AggregateError);
    expect(seen).toEqual([1]);
  });
});
