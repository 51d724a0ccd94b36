import type { Clock } from '../../../core/base/async.ts';
import { toDisposable, type Disposable } from '../../../core/base/disposable.ts';

/** How often is asked whether the extension still answers. */
const PING_INTERVAL_MS = 1000;
const NOT_RESPONDING_MS = 3000;
const DEAD_MS = 10_000;

/**
 * Asks again and again, one question at a time, and tells when no answer comes. A gap in our own timers (the
 * computer slept, the page was suspended) is not held against the other side.
 *
 * @param ping resolves with the answer
 */
export function watch(
  clock: Clock,
  ping: () => Promise<unknown>,
  tell: { readonly onResponding: (responding: boolean) => void; readonly onDead: () => void },
): Disposable {
  let disposed = false;
  let timer: Disposable | undefined;
  let askedAt: number | undefined;
  let lastTick = clock.now();
  let responding = true;
  const setResponding = (value: boolean): void => {
    if (responding === value) return;
    responding = value;
    tell.onResponding(value);
  };
  const tick = (): void => {
    if (disposed) return;
    const now = clock.now();
    if (askedAt !== undefined && now - lastTick > 2 * PING_INTERVAL_MS) askedAt += now - lastTick;
    lastTick = now;
    if (askedAt === undefined) {
      askedAt = now;
      ping().then(
        () => {
          askedAt = undefined;
          if (!disposed) setResponding(true);
        },
        () => {},
      );
    } else if (now - askedAt >= DEAD_MS) {
      disposed = true;
      tell.onDead();
      return;
    } else if (now - askedAt >= NOT_RESPONDING_MS) setResponding(false);
    timer = clock.setTimer(PING_INTERVAL_MS, tick);
  };
  timer = clock.setTimer(PING_INTERVAL_MS, tick);
  return toDisposable(() => {
    disposed = true;
    timer?.dispose();
  });
}
