import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachBundled, MAX_DATAGRAM_BYTES, readMediaHeader } from '../../core/protocol/media-datagram.ts';
import { createManualClock } from './manual-clock.test-support.ts';
import { createCall, joinCall } from './call.ts';
import { createMediaRouter, pack } from './media-router.ts';
import { createCounters } from '../metrics/metrics.ts';
import { createTokenBucket } from './token-bucket.ts';
import type { Session } from './session.ts';

const anyFrame = fc.uint8Array({ minLength: 41, maxLength: 1000 });

function unpack(padded: Uint8Array): Uint8Array[] {
  const datagram = padded.subarray(1);
  const out: Uint8Array[] = [];
  if (datagram[0] === 15) forEachBundled(datagram, (frame) => out.push(frame.slice()));
  else out.push(datagram.slice());
  return out;
}

describe('bundling', () => {
  it('keeps every frame, its bytes and the order, within the size limit', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 40 }), (frames) => {
        for (const frame of frames) frame[0] = 1;
        const packed = pack(frames.map((datagram) => ({ sender: {} as Session, datagram })));
        expect(packed.flatMap(({ padded }) => unpack(padded))).toEqual(frames.map((frame) => frame.slice()));
        for (const { padded, count } of packed) {
          expect(padded[0]).toBe(0);
          expect(padded.length - 1).toBeLessThanOrEqual(MAX_DATAGRAM_BYTES);
          expect(unpack(padded)).toHaveLength(count);
        }
        expect(packed.length).toBeLessThanOrEqual(frames.length);
      }),
    );
  });
});

describe('the router', () => {
  const setUp = (size: number) => {
    const clock = createManualClock();
    const counters = createCounters();
    const router = createMediaRouter(clock, counters, true);
    const call = createCall(1, 1);
    const got: Uint8Array[][] = [];
    const sessions = Array.from({ length: size }, (_, i) => {
      const inbox: Uint8Array[] = [];
      got.push(inbox);
      const unlimited = createTokenBucket(1e9, 1e9, 0);
      const session = {
        id: i + 1,
        identity: new Uint8Array(32).fill(i),
        deafened: false,
        call: null,
        slot: 0,
        spokeIn: 0,
        limits: { voice: unlimited, video: unlimited, echo: unlimited },
        link: { sendDatagram: (padded: Uint8Array) => inbox.push(padded.slice()) },
      } as unknown as Session;
      joinCall(call, session);
      return session;
    });
    return { clock, counters, router, sessions, got };
  };
  const frameOf = (session: Session, counter: number): Uint8Array => {
    const frame = new Uint8Array(80).fill(counter);
    frame.set([1, 0, session.slot >>> 8, session.slot & 0xff]);
    return frame;
  };

  it('forwards at once while one or two people talk', () => {
    const { router, sessions, got } = setUp(3);
    for (let i = 0; i < 20; i++)
      router.receive(sessions[i % 2] as Session, frameOf(sessions[i % 2] as Session, i));
    expect(got.map((inbox) => inbox.length)).toEqual([10, 10, 20]);
  });

  it('waits one tick when more people talk, and loses nothing', () => {
    const { router, sessions, got, clock, counters } = setUp(6);
    let forwarded = 0;
    for (let round = 0; round < 10; round++) {
      for (const session of sessions) router.receive(session, frameOf(session, round));
      forwarded += sessions.length * (sessions.length - 1);
      clock.advance(20);
    }
    const frames = got.map((inbox) => inbox.flatMap(unpack));
    expect(frames.map((list) => list.length)).toEqual(sessions.map(() => 50));
    expect(counters.frames_forwarded).toBe(forwarded);
    expect(counters.datagrams_out).toBeLessThan(forwarded / 2);
    frames.forEach((list, i) => {
      for (const frame of list) expect(readMediaHeader(frame)?.slot).not.toBe(sessions[i]?.slot);
    });
  });

  it('survives any bytes and forwards only what belongs to the sender', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1100 }), (bytes) => {
        const { router, sessions, got, counters, clock } = setUp(2);
        const [a] = sessions as [Session];
        router.receive(a, bytes);
        clock.advance(20);
        const header = readMediaHeader(bytes);
        const valid = header !== undefined && header.slot === a.slot;
        expect(got[1]).toHaveLength(valid ? 1 : 0);
        const dropped = counters.dropped_malformed + counters.dropped_wrong_slot;
        expect(dropped + counters.frames_forwarded + counters.echoes).toBe(1);
      }),
      { numRuns: 500 },
    );
  });
});
