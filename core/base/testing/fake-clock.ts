import type { Clock } from '../async.ts';
import { toDisposable } from '../disposable.ts';

/** A clock that stands still until it is told to advance, for tests. */
export interface FakeClock extends Clock {
  /** Moves time on, running the timers that become due in their order, each at its own moment. */
  advance(milliseconds: number): void;
  /** Jumps to the next timer and runs it. False when none is waiting. */
  runNext(): boolean;
  /** Milliseconds until the next timer is due; `undefined` when none is waiting. */
  readonly untilNext: number | undefined;
  readonly pendingTimers: number;
}

/** Makes a clock at `startMs`; `wallTime` begins at a fixed date. */
export function createFakeClock(startMs = 0, wallStartMs = Date.UTC(2026, 0, 1)): FakeClock {
  let time = startMs;
  let sequence = 0;
  let timers: readonly { readonly due: number; readonly order: number; readonly run: () => void }[] = [];
  const next = () => timers[0];
  const runUntil = (until: number): boolean => {
    const timer = next();
    if (!timer || timer.due > until) return false;
    time = Math.max(time, timer.due);
    timer.run();
    return true;
  };
  return {
    now: () => time,
    wallTime: () => wallStartMs + (time - startMs),
    setTimer(milliseconds, callback) {
      const disposable = toDisposable(() => {
        timers = timers.filter((other) => other !== timer);
      });
      const timer = {
        due: time + Math.max(0, milliseconds),
        order: sequence++,
        run: () => {
          disposable.dispose();
          callback();
        },
      };
      timers = [...timers, timer].sort((a, b) => a.due - b.due || a.order - b.order);
      return disposable;
    },
    advance(milliseconds) {
      const until = time + milliseconds;
      while (runUntil(until));
      time = Math.max(time, until);
    },
    runNext() {
      const timer = next();
      return timer ? runUntil(timer.due) : false;
    },
    get untilNext() {
      const timer = next();
      return timer && Math.max(0, timer.due - time);
    },
    get pendingTimers() {
      return timers.length;
    },
  };
}
