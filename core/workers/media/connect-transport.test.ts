import { describe, expect, it } from 'vitest';
import type { Clock } from '../../base/async.ts';
import { toDisposable } from '../../base/disposable.ts';
import { connectTransport, QUIC_LIMIT_MS } from './connect-transport.ts';
import { createLoopbackRelay } from './testing/loopback-transport.ts';
import type { OpenTransport } from './transport.ts';

const OPTIONS = {
  host: 'relay.example',
  endpoints: [
    { kind: 'fallback', port: 2 },
    { kind: 'quic', port: 1 },
  ],
  certificateHashes: [],
} as const;

/** Timers run at once, and say how long they would have taken. */
function hastyClock(waits: number[]): Clock {
  return {
    now: () => 0,
    wallTime: () => 0,
    setTimer(milliseconds, callback) {
      waits.push(milliseconds);
      const timer = toDisposable(() => clearTimeout(handle));
      const handle = setTimeout(() => {
        timer.dispose();
        callback();
      }, 0);
      return timer;
    },
  };
}
const never: OpenTransport = (_options, _port, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('too slow'))));

describe('connecting', () => {
  it('takes QUIC when it works', async () => {
    const ports: number[] = [];
    const relay = createLoopbackRelay();
    const transport = await connectTransport(
      {
        quic: (options, port, signal) => (ports.push(port), relay.open(options, port, signal)),
        fallback: never,
      },
      OPTIONS,
      hastyClock([]),
      new AbortController().signal,
    );
    expect(transport.kind).toBe('quic');
    expect(ports).toEqual([1]);
  });

  it('gives QUIC three seconds and then takes the fallback', async () => {
    const waits: number[] = [];
    const relay = createLoopbackRelay();
    await connectTransport(
      { quic: never, fallback: relay.open },
      OPTIONS,
      hastyClock(waits),
      new AbortController().signal,
    );
    expect(waits[0]).toBe(QUIC_LIMIT_MS);
    expect(relay.size).toBe(1);
  });

  it('fails with the last reason, and with its own when there is nothing to try', async () => {
    const signal = new AbortController().signal;
    await expect(connectTransport({ quic: never }, OPTIONS, hastyClock([]), signal)).rejects.toThrow(
      'too slow',
    );
    await expect(
      connectTransport({ quic: never }, { ...OPTIONS, endpoints: [] }, hastyClock([]), signal),
    ).rejects.toMatchObject({ code: 'no_endpoint' });
  });
});
