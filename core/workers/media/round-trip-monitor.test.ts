import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../base/bytes.ts';
import { createRoundTripMonitor } from './round-trip-monitor.ts';
import { createManualClock } from './testing/manual-clock.ts';

function setUp(answer: (probe: Bytes, index: number) => number | undefined) {
  const clock = createManualClock();
  const sent: Bytes[] = [];
  let dead = 0;
  const monitor = createRoundTripMonitor(
    clock,
    (probe) => {
      sent.push(probe);
      const delay = answer(probe, sent.length - 1);
      if (delay !== undefined) clock.setTimer(delay, () => monitor.handle(probe));
    },
    () => {
      dead += 1;
    },
  );
  return { clock, sent, monitor, deaths: () => dead };
}

describe('round trip monitor', () => {
  it('measures the round trip and probes every second, four times as often in a call', () => {
    const { clock, sent, monitor } = setUp(() => 30);
    expect(monitor.rttMs).toBeNull();
    clock.advance(2500);
    expect(sent.length).toBe(3);
    expect(sent[0]?.[0]).toBe(14);
    expect(monitor.rttMs).toBe(30);
    monitor.setInCall(true);
    clock.advance(1000);
    expect(sent.length).toBe(3 + 5);
    expect(monitor.lossPercent).toBe(0);
    monitor.dispose();
    clock.advance(5000);
    expect(sent.length).toBe(8);
  });

  it('states the loss of the last ten seconds', () => {
    const { clock, monitor } = setUp((_probe, index) => (index % 4 === 0 ? undefined : 20));
    monitor.setInCall(true);
    clock.advance(10_000);
    expect(monitor.lossPercent).toBeGreaterThan(20);
    expect(monitor.lossPercent).toBeLessThan(30);
    monitor.dispose();
    clock.advance(100);
  });

  it.each([
    ['in a call', true, 2000],
    ['otherwise', false, 6000],
  ])('calls the relay unresponsive %s', (_name, inCall, limit) => {
    let silent = false;
    const { clock, monitor, deaths } = setUp(() => (silent ? undefined : 10));
    monitor.setInCall(inCall);
    clock.advance(10_000);
    silent = true;
    clock.advance(limit - 1000);
    expect(deaths()).toBe(0);
    clock.advance(2100);
    expect(deaths()).toBe(1);
    clock.advance(20_000);
    expect(deaths()).toBe(1);
    monitor.dispose();
  });

  it('takes other datagrams for a sign of life and ignores answers it never asked for', () => {
    const { clock, monitor, deaths } = setUp(() => undefined);
    for (let i = 0; i < 20; i++) {
      clock.advance(1000);
      monitor.signOfLife();
      monitor.handle(Uint8Array.of(14, 9, 9, 9, 9));
      monitor.handle(Uint8Array.of(14));
    }
    expect(deaths()).toBe(0);
    expect(monitor.rttMs).toBeNull();
    monitor.dispose();
  });
});
