import type { Bytes } from '../base/bytes.ts';
import { createDelayEstimator, MAX_TARGET_MS } from './delay-estimator.ts';
import { hasInBandFec } from './opus-packet.ts';

/**
 * Turns packets that arrive early, late, twice, out of order or not at all into an even stream. It holds no
 * audio: `pull` says what the decoder is to do for the next stretch. The playing position is media time, so
 * that silence between talk spurts needs no packets.
 */

/** A packet as it comes out of the cipher. */
export interface JitterFrame {
  /** Media time in units of 10 ms, modulo 2^32. */
  readonly time: number;
  /** Duration in units of 10 ms. */
  readonly units: number;
  readonly packet: Bytes;
  /** Silence follows. */
  readonly endOfSpurt: boolean;
}

/** How a packet got into the buffer. */
export type PacketOrigin = 'network' | 'held' | 'redundant';

/** What to play next. The units of all but `silence` are audio that the decoder makes. */
export type PlayoutStep =
  | {
      readonly kind: 'frame';
      readonly time: number;
      readonly units: number;
      readonly packet: Bytes;
      /** First frame after silence: the decoder starts afresh. */
      readonly startsSpurt: boolean;
      /** Milliseconds to take out (negative) or put in (positive) by time-stretching, as far as possible. */
      readonly stretchMs: number;
    }
  /** The missing frame is in the in-band FEC of this packet, which is played next. */
  | { readonly kind: 'recover'; readonly time: number; readonly units: number; readonly packet: Bytes }
  /** Nothing to go by, yet or at all. Loudness goes from one factor to the other. */
  | { readonly kind: 'conceal'; readonly units: number; readonly gainFrom: number; readonly gainTo: number }
  /** Nothing to play for 10 ms. */
  | { readonly kind: 'silence' };

/** Counters since the buffer was made. */
export interface JitterStats {
  readonly received: number;
  /** Frames that were not there when their time came. */
  readonly lost: number;
  /** Of the lost ones, recovered from in-band FEC or a redundant copy. */
  readonly recovered: number;
  /** Stretches of audio that were concealed. */
  readonly concealed: number;
  /** Packets that came after their time, or were given up to catch up with a delay. */
  readonly late: number;
  readonly duplicates: number;
  readonly jitterMs: number;
  /** What the buffer aims for and what it is now, ms. */
  readonly targetMs: number;
  readonly delayMs: number;
}

/** One sender's buffer. */
export interface JitterBuffer {
  /**
   * Takes a packet; `redundant` ones are copies carried by a later packet. What was `held` back on this side,
   * until there were keys for it, says nothing about the network.
   */
  push(frame: JitterFrame, origin?: PacketOrigin): void;
  /** The next stretch of audio; to be called when the one before has been used up. */
  pull(): PlayoutStep;
  /** Speech is being played, or was until 200 ms ago. */
  readonly speaking: boolean;
  /** Packets held now. */
  readonly size: number;
  readonly stats: JitterStats;
}

const UNIT_MS = 10;
/** Never more than 1 s is held. */
export const MAX_BUFFERED_UNITS = 100;
/** Concealment fades out over this long; then the spurt is over until something comes. */
const MAX_CONCEAL_UNITS = 10;
const SPEAKING_HOLD_MS = 200;
/**
 * Never aims for less: the device takes audio in bursts of 10 ms, so a frame may be asked for that much before
 * it has to be heard.
 */
const MIN_TARGET_MS = 10;
/**
 * What is asked for a little early, too, is not in the delays of the packets, but in frames that were not there
 * and came soon after: each raises the floor of the target, which comes down again with time.
 */
const MISS_STEP_MS = 5;
const MAX_MISS_MS = 20;
const MISS_MEMORY_MS = 10_000;
/** A spurt can only start where 10 ms begin; starting this much early is nearer to the target than waiting. */
const PULL_SLACK_MS = 3;
/**
 * A lost frame can be recovered when the packet after it has come before it is due. Above this share of loss
 * that is worth waiting one frame longer.
 */
const RECOVERY_FROM_LOSS = 0.01;
/** Weight of one frame in the share of loss: it halves in 2.8 s of 20 ms frames. */
const LOSS_SMOOTHING = 0.005;
/** The delay is judged by its lowest value of this long, as single frames come in bursts. */
const JUDGE_MS = 500;
/** Above the target by this much the buffer is shortened, below it by this much it is lengthened. */
const SHRINK_MARGIN_MS = 5;
const GROW_MARGIN_MS = 10;
const STRETCH_INTERVAL_UNITS = 6;
/** Above this much of excess every frame is shortened: the delay is heard more than the cuts. */
const HURRY_ABOVE_MS = 60;
/** Above the target by this much frames are given up: being current matters more than hearing all. */
const SKIP_MARGIN_MS = 250;

interface HeldFrame {
  readonly frame: JitterFrame;
  readonly redundant: boolean;
}

/** Makes an empty buffer. `now` is a monotonic clock in ms. */
export function createJitterBuffer(now: () => number): JitterBuffer {
  const frames = new Map<number, HeldFrame>();
  const delay = createDelayEstimator();
  let newest: number | undefined;
  let playing = false;
  /** Media time of the next stretch while playing. */
  let position = 0;
  /** Nothing before this may be played any more. */
  let playedUpTo = -Infinity;
  let frameUnits = 2;
  let concealedUnits = 0;
  /** Playing stopped because nothing came any more, not at the end of a spurt. */
  let interrupted = false;
  /** Until the first frame of a spurt that came by itself: copies before it are what was said before it. */
  let inPreRoll = false;
  let missMs = 0;
  let missedAt = 0;
  let lastSpeech = -Infinity;
  let lossShare = 0;
  let judgeSince = 0;
  let lowestDelay = Infinity;
  let stretchMs = 0;
  let unitsSinceStretch = 0;
  let received = 0;
  let lost = 0;
  let recovered = 0;
  let concealed = 0;
  let late = 0;
  let duplicates = 0;

  /** Media time without the wrap at 2^32. */
  const unwrap = (time: number): number => (newest === undefined ? time : newest + ((time - newest) | 0));
  const targetMs = (): number => {
    const frameMs = frameUnits * UNIT_MS;
    const recovery = lossShare > RECOVERY_FROM_LOSS ? frameMs : 0;
    return Math.min(MAX_TARGET_MS, Math.max(MIN_TARGET_MS + missMs, delay.quantileMs) + recovery);
  };
  const delayAt = (time: number, at: number): number => at - (time * UNIT_MS + delay.baseMs(at));
  const drop = (time: number): void => {
    if (frames.get(time)?.redundant === false) late += 1;
    frames.delete(time);
  };
  /** The first frame that may still be played; those that overlap what was played are dropped. */
  const earliest = (): number | undefined => {
    const floor = playing ? position : playedUpTo;
    let found: number | undefined;
    for (const time of frames.keys()) {
      if (time < floor) drop(time);
      else if (found === undefined || time < found) found = time;
    }
    return found;
  };
  const stop = (): void => {
    playing = false;
    concealedUnits = 0;
  };

  const countFrame = (wasThere: boolean): void => {
    if (!wasThere) lost += 1;
    lossShare += ((wasThere ? 0 : 1) - lossShare) * LOSS_SMOOTHING;
  };

  /** What is too old to be worth playing is given up at the start of a spurt and far behind the target. */
  const skipTo = (at: number, start: number): number => {
    let time = start;
    while (frames.size > 1 && delayAt(time, at) > targetMs() + SKIP_MARGIN_MS) {
      drop(time);
      time = earliest() as number;
    }
    return time;
  };

  const judge = (at: number): void => {
    if (missMs > 0 && at - missedAt > MISS_MEMORY_MS) {
      missMs -= MISS_STEP_MS;
      missedAt = at;
    }
    lowestDelay = Math.min(lowestDelay, delayAt(position, at));
    if (at - judgeSince < JUDGE_MS) return;
    const excess = lowestDelay - targetMs();
    stretchMs = excess > SHRINK_MARGIN_MS ? -excess : excess < -GROW_MARGIN_MS ? -excess : 0;
    judgeSince = at;
    lowestDelay = Infinity;
  };

  const playFrame = (held: HeldFrame, startsSpurt: boolean, at: number): PlayoutStep => {
    const { frame, redundant } = held;
    judge(at);
    const time = position;
    frames.delete(time);
    if (!redundant) inPreRoll = false;
    if (!inPreRoll) {
      countFrame(!redundant);
      if (redundant) recovered += 1;
    }
    position += frame.units;
    playedUpTo = position;
    frameUnits = frame.units;
    concealedUnits = 0;
    lastSpeech = at;
    if (frame.endOfSpurt) stop();
    // A pitch period now and then goes unnoticed; what remains is left to later frames.
    unitsSinceStretch += frame.units;
    const step =
      unitsSinceStretch < STRETCH_INTERVAL_UNITS && stretchMs > -HURRY_ABOVE_MS
        ? 0
        : Math.max(-frame.units * 5, Math.min(frame.units * 5, stretchMs));
    if (step !== 0) unitsSinceStretch = 0;
    stretchMs -= step;
    return { kind: 'frame', time, units: frame.units, packet: frame.packet, startsSpurt, stretchMs: step };
  };

  /** The position stays: what comes late is still played, and only what is overtaken counts as lost. */
  const conceal = (units: number): PlayoutStep => {
    if (concealedUnits >= MAX_CONCEAL_UNITS) {
      stop();
      interrupted = true;
      return { kind: 'silence' };
    }
    concealed += 1;
    const gainFrom = 1 - concealedUnits / MAX_CONCEAL_UNITS;
    concealedUnits += units;
    return { kind: 'conceal', units, gainFrom, gainTo: Math.max(0, 1 - concealedUnits / MAX_CONCEAL_UNITS) };
  };

  /** Goes over missing frames to the next one that has come. */
  const overtake = (next: number): void => {
    for (let time = position; time < next; time += frameUnits) countFrame(false);
    position = next;
    playedUpTo = next;
  };

  return {
    push(frame, origin = 'network') {
      const redundant = origin === 'redundant';
      const at = now();
      const time = unwrap(frame.time);
      if (redundant) {
        if (time < (playing ? position : playedUpTo) || frames.has(time)) return;
        if (newest === undefined || time <= newest - MAX_BUFFERED_UNITS || time > newest) return;
        frames.set(time, { frame, redundant });
        return;
      }
      received += 1;
      const known = frames.get(time);
      if (known && !known.redundant) {
        duplicates += 1;
        return;
      }
      if (origin === 'network' || newest === undefined) delay.update(at, time * UNIT_MS);
      newest = newest === undefined ? time : Math.max(newest, time);
      if (time < (playing ? position : playedUpTo) || time <= newest - MAX_BUFFERED_UNITS) {
        late += 1;
        return;
      }
      frames.set(time, { frame, redundant });
      // A jump ahead of all that could be buffered is a new beginning.
      if (playing && time >= position + MAX_BUFFERED_UNITS) stop();
      for (const old of frames.keys()) if (old <= newest - MAX_BUFFERED_UNITS) drop(old);
    },
    pull() {
      const at = now();
      let startsSpurt = false;
      if (!playing) {
        let first = earliest();
        if (first === undefined) return { kind: 'silence' };
        first = skipTo(at, first);
        if (delayAt(first, at) + PULL_SLACK_MS < targetMs()) return { kind: 'silence' };
        playing = true;
        startsSpurt = true;
        inPreRoll = true;
        // How much speech the interruption took nobody knows: at most what concealment stood in for.
        if (interrupted) position = Math.max(playedUpTo, first - MAX_CONCEAL_UNITS);
        else position = first;
        overtake(first);
        interrupted = false;
        judgeSince = at;
        lowestDelay = Infinity;
        stretchMs = 0;
      }
      if (delayAt(position, at) > targetMs() + SKIP_MARGIN_MS) {
        const first = earliest();
        if (first !== undefined) position = skipTo(at, first);
      }
      const next = earliest();
      // Nothing has come. Waiting makes room for it, for as long as concealment carries.
      if (next === undefined) return conceal(1);
      const held = frames.get(next) as HeldFrame;
      const { frame } = held;
      const gap = next - position;
      const mendable = gap === frame.units && hasInBandFec(frame.packet);
      if (gap > 0 && mendable && concealedUnits < gap) {
        const time = position;
        overtake(next);
        concealedUnits = 0;
        recovered += 1;
        lastSpeech = at;
        return { kind: 'recover', time, units: gap, packet: frame.packet };
      }
      // What was concealed while waiting stands for what is missing.
      if (gap > concealedUnits) return conceal(Math.min(gap - concealedUnits, frameUnits));
      if (gap === 0 && concealedUnits > 0) {
        missMs = Math.min(MAX_MISS_MS, missMs + MISS_STEP_MS);
        missedAt = at;
      }
      overtake(next);
      return playFrame(held, startsSpurt, at);
    },
    get speaking() {
      return now() - lastSpeech < SPEAKING_HOLD_MS;
    },
    get size() {
      return frames.size;
    },
    get stats() {
      const at = now();
      return {
        received,
        lost,
        recovered,
        concealed,
        late,
        duplicates,
        jitterMs: delay.jitterMs,
        targetMs: targetMs(),
        delayMs: playing ? Math.max(0, delayAt(position, at)) : 0,
      };
    },
  };
}
