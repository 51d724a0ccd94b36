import type { Clock } from '../../../base/async.ts';
import { toDisposable } from '../../../base/disposable.ts';

/** A clock that stands still until told. */
export interface ManualClock extends Clock {
  /** Lets time pass, firing what falls due in order. */
  advance(milliseconds: number): void;
}

/** Makes a clock at 0. */
export function createManualClock(): ManualClock {
  let now = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  return {
    now: () => now,
    wallTime: () => now,
    setTimer(milliseconds, callback) {
      const timer = {
        at: now + milliseconds,
        run: () => {
          disposable.dispose();
          callback();
        },
      };
      const disposable = toDisposable(() => {
        timers = timers.filter((other) => other !== timer);
      });
      timers.push(timer);
      return disposable;
    },
    advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
    },
  };
}
