import { systemClock, type Clock } from '../../core/base/async.ts';
import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import type { HostMethods } from '../../core/base/rpc/host-contract.ts';

/** The two host methods storage is made of. */
export interface StateStore {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
}

/** UI state that outlives the window: layout, recently used commands. Not precious, never secret. */
export interface StorageService extends Disposable {
  /** The value stored under a key, parsed from JSON; undefined when absent or unreadable. Validate it. */
  get(key: string): Promise<unknown>;
  /** Keeps a value (anything JSON can hold). Written a moment later; several changes are one write. */
  set(key: string, value: unknown): void;
  /** Writes what is waiting. */
  flush(): Promise<void>;
}

const WRITE_DELAY_MS = 300;

/** Wraps the host's state methods. */
export function createStorageService(
  state: StateStore,
  options: { readonly clock?: Clock; readonly onError?: (error: unknown) => void } = {},
): StorageService {
  const clock = options.clock ?? systemClock;
  const store = createDisposableStore();
  const waiting = new Map<string, unknown>();
  let timer: Disposable | undefined;
  const flush = async (): Promise<void> => {
    timer?.dispose();
    timer = undefined;
    const entries = [...waiting];
    waiting.clear();
    for (const [key, value] of entries) {
      try {
        await state.set(key, JSON.stringify(value));
      } catch (error) {
        options.onError?.(error);
      }
    }
  };
  return {
    async get(key) {
      if (waiting.has(key)) return waiting.get(key);
      try {
        const text = await state.get(key);
        return text === null || text === undefined ? undefined : (JSON.parse(text) as unknown);
      } catch (error) {
        options.onError?.(error);
        return undefined;
      }
    },
    set(key, value) {
      if (store.isDisposed) return;
      waiting.set(key, value);
      timer ??= clock.setTimer(WRITE_DELAY_MS, () => void flush());
    },
    flush,
    dispose() {
      void flush();
      store.dispose();
    },
  };
}

/** The state methods of a host client. */
export function hostStateStore(host: {
  call<N extends 'state.get' | 'state.set'>(
    name: N,
    argument: Parameters<HostMethods[N]>[0],
  ): Promise<Awaited<ReturnType<HostMethods[N]>>>;
}): StateStore {
  return {
    get: (key) => host.call('state.get', { key }),
    set: (key, value) => host.call('state.set', { key, value }),
  };
}
