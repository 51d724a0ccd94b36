import type { Clock } from '../../base/async.ts';
import type { Bytes } from '../../base/bytes.ts';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import { DATAGRAM_KIND } from '../../protocol/media-datagram.ts';

/** Probes the datagram path to the relay: round trip, loss, and whether anybody is there at all. */
export interface RoundTripMonitor extends Disposable {
  /** In a call probes are more frequent and silence is noticed sooner. */
  setInCall(inCall: boolean): void;
  /** Takes an answered probe. Any other received bytes also count as a sign of life. */
  handle(datagram: Uint8Array): void;
  signOfLife(): void;
  /** Smoothed round trip in ms; null before the first answer. */
  readonly rttMs: number | null;
  /** Share of the probes of the last 10 s that were not answered, percent. */
  readonly lossPercent: number;
  /** Probes of the last 10 s whose fate is known, and how many of them were lost. */
  readonly window: { readonly sent: number; readonly lost: number };
}

const IN_CALL = { intervalMs: 250, silenceMs: 2000 };
const IDLE = { intervalMs: 1000, silenceMs: 6000 };
const LOSS_WINDOW_MS = 10_000;
/** A probe counts as lost after this long without answer. */
const LOST_AFTER_MS = 1000;
/** RFC 6298 §2 smooths with 1/8. */
const SMOOTHING = 1 / 8;

/**
 * Starts probing.
 * @param send sends a probe as a datagram.
 * @param onUnresponsive called once when nothing has come back for too long.
 */
export function createRoundTripMonitor(
  clock: Clock,
  send: (datagram: Bytes) => void,
  onUnresponsive: () => void,
): RoundTripMonitor {
  let pace = IDLE;
  let sequence = 0;
  let rttMs: number | null = null;
  let lastSeen = clock.now();
  let timer: Disposable | undefined;
  let probes: { readonly sequence: number; readonly sentAt: number; answered: boolean }[] = [];

  const tick = (): void => {
    const now = clock.now();
    if (now - lastSeen > pace.silenceMs) {
      timer = undefined;
      lifetime.dispose();
      onUnresponsive();
      return;
    }
    probes = probes.filter((probe) => now - probe.sentAt < LOSS_WINDOW_MS);
    sequence = (sequence + 1) >>> 0;
    probes.push({ sequence, sentAt: now, answered: false });
    const probe = new Uint8Array(5);
    probe[0] = DATAGRAM_KIND.echo;
    new DataView(probe.buffer).setUint32(1, sequence);
    send(probe);
    timer = clock.setTimer(pace.intervalMs, tick);
  };
  const countWindow = (): { readonly sent: number; readonly lost: number } => {
    const now = clock.now();
    const due = probes.filter((probe) => probe.answered || now - probe.sentAt >= LOST_AFTER_MS);
    return { sent: due.length, lost: due.filter((probe) => !probe.answered).length };
  };
  const lifetime = toDisposable(() => timer?.dispose());
  timer = clock.setTimer(0, tick);

  return {
    setInCall(inCall) {
      const next = inCall ? IN_CALL : IDLE;
      if (next === pace || !timer) return;
      pace = next;
      timer.dispose();
      timer = clock.setTimer(0, tick);
    },
    handle(datagram) {
      lastSeen = clock.now();
      if (datagram.length !== 5) return;
      const answered = new DataView(datagram.buffer, datagram.byteOffset, 5).getUint32(1);
      const probe = probes.find((candidate) => candidate.sequence === answered && !candidate.answered);
      if (!probe) return;
      probe.answered = true;
      const sample = lastSeen - probe.sentAt;
      rttMs = rttMs === null ? sample : rttMs + (sample - rttMs) * SMOOTHING;
    },
    signOfLife() {
      lastSeen = clock.now();
    },
    get rttMs() {
      return rttMs;
    },
    get lossPercent() {
      const { sent, lost } = countWindow();
      return sent === 0 ? 0 : (100 * lost) / sent;
    },
    get window() {
      return countWindow();
    },
    dispose: () => lifetime.dispose(),
  };
}
