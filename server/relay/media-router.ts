import type { Clock } from '../../core/base/async.ts';
import { DATAGRAM_KIND, MAX_DATAGRAM_BYTES, readMediaHeader } from '../../core/protocol/media-datagram.ts';
import type { Counters } from '../metrics/metrics.ts';
import type { Call, PendingFrame } from './call.ts';
import type { Session } from './session.ts';

/** Forwards media datagrams, bytes unchanged, to the others of the sender's call. */
export interface MediaRouter {
  /** Takes a datagram of a session. The bytes belong to the router from here on. */
  receive(session: Session, datagram: Uint8Array): void;
}

/** A frame waits at most this long for others to share a datagram with. */
const TICK_MS = 5;
/** Speakers are counted over windows of this length. */
const WINDOW_MS = 100;
/**
 * With fewer people talking at once a tick seldom holds two frames, and the wait would buy nothing.
 */
const MIN_SPEAKERS_TO_BUNDLE = 3;
const MAX_ECHO_BYTES = 17;

/** Makes a router. */
export function createMediaRouter(clock: Clock, counters: Counters, bundling: boolean): MediaRouter {
  const forwardNow = (call: Call, sender: Session, datagram: Uint8Array): void => {
    const padded = pad(datagram);
    let sent = 0;
    for (const listener of call.listeners) {
      if (listener === sender) continue;
      listener.link.sendDatagram(padded);
      sent++;
    }
    counters.frames_forwarded += sent;
    counters.datagrams_out += sent;
    counters.datagram_bytes_out += sent * datagram.length;
  };

  const flush = (call: Call): void => {
    const frames = call.fanOut.pending;
    call.fanOut.pending = [];
    if (frames.length === 0) return;
    if (frames.length === 1) {
      const only = frames[0] as PendingFrame;
      forwardNow(call, only.sender, only.datagram);
      return;
    }
    // Everybody who did not talk in this tick gets the same datagrams, so these are made once.
    const common = pack(frames);
    const senders = new Set(frames.map((frame) => frame.sender));
    for (const listener of call.listeners) {
      const own = senders.has(listener);
      const packed = own ? pack(frames.filter((frame) => frame.sender !== listener)) : common;
      for (const { padded, count } of packed) {
        listener.link.sendDatagram(padded);
        counters.datagrams_out++;
        counters.datagram_bytes_out += padded.length - 1;
        counters.frames_forwarded += count;
        if (count > 1) counters.bundles_out++;
      }
    }
  };

  const noteSpeaker = (call: Call, session: Session, now: number): number => {
    const state = call.fanOut;
    if (now - state.windowStart >= WINDOW_MS) {
      state.lastSpeakers = now - state.windowStart < 2 * WINDOW_MS ? state.speakers : 0;
      state.speakers = 0;
      state.windowStart = now;
      state.window++;
    }
    if (session.spokeIn !== state.window) {
      session.spokeIn = state.window;
      state.speakers++;
    }
    return Math.max(state.speakers, state.lastSpeakers);
  };

  return {
    receive(session, datagram) {
      counters.datagrams_in++;
      counters.datagram_bytes_in += datagram.length;
      const now = clock.now();
      const header = readMediaHeader(datagram);
      if (!header) {
        if (datagram[0] === DATAGRAM_KIND.echo && datagram.length <= MAX_ECHO_BYTES) {
          if (!session.limits.echo.take(now)) {
            counters.dropped_rate_limited++;
            return;
          }
          counters.echoes++;
          session.link.sendDatagram(pad(datagram));
          return;
        }
        counters.dropped_malformed++;
        return;
      }
      const call = session.call;
      if (!call) {
        counters.dropped_not_in_call++;
        return;
      }
      if (header.slot !== session.slot) {
        counters.dropped_wrong_slot++;
        return;
      }
      const bucket = header.kind === DATAGRAM_KIND.video ? session.limits.video : session.limits.voice;
      if (!bucket.take(now)) {
        counters.dropped_rate_limited++;
        return;
      }
      if (!bundling || noteSpeaker(call, session, now) < MIN_SPEAKERS_TO_BUNDLE) {
        forwardNow(call, session, datagram);
        return;
      }
      const pending = call.fanOut.pending;
      pending.push({ sender: session, datagram });
      if (pending.length === 1) clock.setTimer(TICK_MS, () => flush(call));
    },
  };
}

/** One spare byte in front; see ClientLink.sendDatagram. */
function pad(datagram: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(datagram.length + 1);
  padded.set(datagram, 1);
  return padded;
}

interface Packed {
  readonly padded: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

/** Packs frames in their order into as few datagrams as the size limit allows. */
export function pack(frames: readonly PendingFrame[]): readonly Packed[] {
  const out: Packed[] = [];
  let start = 0;
  while (start < frames.length) {
    let end = start;
    let size = 2;
    while (end < frames.length && end - start < 255) {
      const next = size + 2 + (frames[end] as PendingFrame).datagram.length;
      if (next > MAX_DATAGRAM_BYTES) break;
      size = next;
      end++;
    }
    if (end - start <= 1) {
      out.push({ padded: pad((frames[start] as PendingFrame).datagram), count: 1 });
      start++;
      continue;
    }
    const padded = new Uint8Array(size + 1);
    padded[1] = DATAGRAM_KIND.bundle;
    padded[2] = end - start;
    let offset = 3;
    for (let i = start; i < end; i++) {
      const { datagram } = frames[i] as PendingFrame;
      padded[offset] = datagram.length >>> 8;
      padded[offset + 1] = datagram.length & 0xff;
      padded.set(datagram, offset + 2);
      offset += 2 + datagram.length;
    }
    out.push({ padded, count: end - start });
    start = end;
  }
  return out;
}
