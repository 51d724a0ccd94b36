import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** Who may open a connection. Addresses live here in memory only, and only while they matter. */
export interface Admission {
  /** Counts an attempt. `release` must be called when the connection is over. */
  admit(
    address: string,
    now: number,
  ):
    | { readonly ok: true; release(): void }
    | { readonly ok: false; readonly reason: AdmissionRefusal; readonly retryAfterMs: number };
}

/** Why a connection was not let in. */
export type AdmissionRefusal = 'rate_limited' | 'server_full';

/** The bounds. */
export interface AdmissionLimits {
  readonly perMinute: number;
  readonly burst: number;
  readonly connectionsPerAddress: number;
  readonly maxConnections: number;
  readonly loopbackExempt: boolean;
}

const COLLECT_EVERY_MS = 60_000;

/** Makes an admission that knows nobody. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const buckets = new Map<string, TokenBucket>();
  const open = new Map<string, number>();
  let total = 0;
  let collectedAt = -Infinity;
  return {
    admit(address, now) {
      const key = addressGroup(address);
      if (now - collectedAt > COLLECT_EVERY_MS) {
        collectedAt = now;
        for (const [other, bucket] of buckets) if (bucket.isFull(now)) buckets.delete(other);
      }
      if (!(limits.loopbackExempt && isLoopback(address))) {
        let bucket = buckets.get(key);
        if (!bucket) {
          bucket = createTokenBucket(limits.perMinute / 60, limits.burst, now);
          buckets.set(key, bucket);
        }
        if (!bucket.take(now))
          return { ok: false, reason: 'rate_limited', retryAfterMs: bucket.waitFor(now) };
        if ((open.get(key) ?? 0) >= limits.connectionsPerAddress)
          return { ok: false, reason: 'rate_limited', retryAfterMs: 30_000 };
      }
      if (total >= limits.maxConnections) return { ok: false, reason: 'server_full', retryAfterMs: 30_000 };
      total++;
      open.set(key, (open.get(key) ?? 0) + 1);
      let released = false;
      return {
        ok: true,
        release() {
          if (released) return;
          released = true;
          total--;
          const left = (open.get(key) ?? 1) - 1;
          if (left > 0) open.set(key, left);
          else open.delete(key);
        },
      };
    },
  };
}

/** Whether a connection comes from this computer. */
export function isLoopback(address: string): boolean {
  const group = addressGroup(address);
  return group === LOOPBACK_6 || /^127\.[0-9.]+$/.test(group);
}

const LOOPBACK_6 = '::1';

/** The unit the limits count: an IPv4 address, or an IPv6 /64, which one subscriber has as a whole. */
export function addressGroup(address: string): string {
  const plain = /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address;
  if (!plain.includes(':') || plain === LOOPBACK_6) return plain;
  const [head = '', tail] = (plain.split('%')[0] as string).toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const right = tail === '' ? [] : tail.split(':');
    while (groups.length + right.length < 8) groups.push('0');
    groups.push(...right);
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
