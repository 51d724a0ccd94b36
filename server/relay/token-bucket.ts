/** Allows `perSecond` on average and `burst` at once. */
export interface TokenBucket {
  /** Takes `count` tokens if there are enough. `now` in milliseconds, never going back. */
  take(now: number, count?: number): boolean;
  /** Takes the tokens in any case and gives the milliseconds after which the debt is paid. */
  charge(now: number, count: number): number;
  /** Milliseconds until `count` tokens are there. */
  waitFor(now: number, count?: number): number;
  /** Whether it is full, so that forgetting it changes nothing. */
  isFull(now: number): boolean;
}

/** Makes a full bucket. */
export function createTokenBucket(perSecond: number, burst: number, start: number): TokenBucket {
  let tokens = burst;
  let last = start;
  const refill = (now: number): void => {
    if (now <= last) return;
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * perSecond);
    last = now;
  };
  return {
    take(now, count = 1) {
      refill(now);
      if (tokens < count) return false;
      tokens -= count;
      return true;
    },
    charge(now, count) {
      refill(now);
      tokens -= count;
      return tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1000);
    },
    waitFor(now, count = 1) {
      refill(now);
      return tokens >= count ? 0 : Math.ceil(((count - tokens) / perSecond) * 1000);
    },
    isFull(now) {
      refill(now);
      return tokens >= burst;
    },
  };
}
