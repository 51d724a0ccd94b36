/** What to do when the page's process has gone. */
export type CrashDecision = 'ignore' | 'reload' | 'give_up';

const WINDOW_MS = 60_000;
const MAX_RELOADS = 2;

/**
 * Decides about crashed pages: load again, but not more than twice a minute, since a page that crashes while
 * loading would otherwise do so for ever.
 *
 * @param now milliseconds of a clock that never goes back
 */
export function createCrashRecovery(now: () => number): (reason: string) => CrashDecision {
  let crashes: readonly number[] = [];
  return (reason) => {
    if (reason === 'clean-exit') return 'ignore';
    const time = now();
    crashes = [...crashes.filter((earlier) => time - earlier < WINDOW_MS), time];
    return crashes.length > MAX_RELOADS ? 'give_up' : 'reload';
  };
}
