import type { Clock } from '../base/async.ts';
import { createDisposableStore, toDisposable, type Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { MediaStats } from '../media/media-contract.ts';

/** Until QUIC is tried for the first time after a connection over the fallback (ms). */
export const FIRST_PROBE_MS = 2 * 60_000;
/** The waiting time doubles up to this (ms). */
export const LONGEST_WAIT_MS = 16 * 60_000;
/** Once a try is due it waits for a pause in the conversation, but no longer than this (ms). */
export const LONGEST_PATIENCE_MS = 10 * 60_000;
/** Statistics come once a second; this many without a voice frame either way are a pause. */
const PAUSE_INTERVALS = 2;

/**
 * Watches for the moment to go back from the fallback to QUIC: now and then, in a pause of the conversation, it
 * asks whether QUIC works, one question at a time.
 * @param onPossible called once when it does.
 */
export function createQuicReturn(options: {
  readonly clock: Clock;
  readonly onStats: Event<MediaStats>;
  readonly probe: () => Promise<boolean>;
  readonly onPossible: () => void;
}): Disposable {
  const { clock, probe } = options;
  const store = createDisposableStore();
  let waitMs = FIRST_PROBE_MS;
  let dueSince: number | undefined;
  let timer: Disposable | undefined;
  let pauses = 0;
  let frames = -1;
  let isOver = false;

  const schedule = (): void => {
    timer = clock.setTimer(waitMs, () => {
      dueSince = clock.now();
    });
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  };
  const ask = async (): Promise<void> => {
    dueSince = undefined;
    const works = await probe().catch(() => false);
    if (isOver) return;
    if (works) {
      store.dispose();
      options.onPossible();
    } else schedule();
  };
  store.add(
    options.onStats((stats) => {
      const now = stats.framesSent + stats.framesReceived;
      pauses = now === frames ? pauses + 1 : 0;
      frames = now;
      if (dueSince === undefined) return;
      if (pauses >= PAUSE_INTERVALS || clock.now() - dueSince >= LONGEST_PATIENCE_MS) void ask();
    }),
  );
  store.add(
    toDisposable(() => {
      isOver = true;
      timer?.dispose();
    }),
  );
  schedule();
  return store;
}
