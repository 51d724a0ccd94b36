import type { Clock } from '../../core/base/async.ts';

/** A clock that stands still until it is told otherwise. */
export interface ManualClock extends Clock {
  /** Moves time, running due timers in their order. */
  advance(milliseconds: number): void;
}

/** Makes one that starts at zero. */
export function createManualClock(): ManualClock {
  let now = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  return {
    now: () => now,
    wallTime: () => 1_700_000_000_000 + now,
    setTimer(milliseconds, run) {
      const timer = { at: now + milliseconds, run };
      timers.push(timer);
      return {
        dispose() {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
    advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((other) => other !== next);
        now = next.at;
        next.run();
      }
      now = end;
    },
  };
}
