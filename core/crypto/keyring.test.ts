import { afterEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { randomBytes, type Bytes } from '../base/bytes.ts';
import { createFakeClock } from '../base/testing/fake-clock.ts';
import { readMediaHeader } from '../protocol/media-datagram.ts';
import { createFrameSealer } from './frame-cipher.ts';
import { createFrameKeyring, EPOCH_RETENTION_MS, type FrameKeyring } from './keyring.ts';

const made: FrameKeyring[] = [];
const clock = createFakeClock();
const keyring = (): FrameKeyring => {
  const ring = createFrameKeyring(clock);
  made.push(ring);
  return ring;
};
afterEach(() => {
  for (const ring of made.splice(0)) ring.clear();
});

interface Party {
  readonly session: number;
  readonly slot: number;
  readonly ring: FrameKeyring;
}
const frameKey = (epoch: number, session: number): Bytes => new Uint8Array(32).fill(epoch * 16 + session);
const setEpoch = (epoch: number, members: readonly Party[]): void => {
  for (const own of members)
    own.ring.setEpoch({
      epoch,
      ownKey: frameKey(epoch, own.session),
      slot: own.slot,
      senders: members
        .filter((other) => other !== own)
        .map((other) => ({ session: other.session, slot: other.slot, key: frameKey(epoch, other.session) })),
    });
};
const party = (session: number): Party => ({ session, slot: session + 100, ring: keyring() });
const payload = new Uint8Array([1, 2, 3]);

describe('frame keyring', () => {
  it('seals nothing without an epoch and knows nobody', () => {
    const ring = keyring();
    expect(ring.seal(payload)).toBeUndefined();
    const datagram = createFrameSealer({ key: randomBytes(32), kind: 1, epoch: 0, slot: 1 }).seal(payload);
    expect(ring.open(datagram)).toEqual({ status: 'unknownEpoch' });
    expect(ring.open(new Uint8Array(5))).toEqual({ status: 'malformed' });
    expect(ring.counters).toMatchObject({ unknownEpoch: 1, malformed: 1, opened: 0, sealed: 0 });
  });

  it('opens what the holder of the slot sealed and counts the rest', () => {
    const [a, b] = [party(1), party(2)];
    setEpoch(5, [a, b]);
    const datagram = a.ring.seal(payload) as Bytes;
    expect(b.ring.open(datagram)).toEqual({ status: 'opened', session: 1, epoch: 5, payload });
    expect(b.ring.open(datagram)).toEqual({ status: 'replayed' });
    const otherSlot = (a.ring.seal(payload) as Bytes).slice();
    otherSlot[3] = 99;
    expect(b.ring.open(otherSlot)).toEqual({ status: 'unknownSender' });
    const otherKind = (a.ring.seal(payload) as Bytes).slice();
    otherKind[0] = 2;
    expect(b.ring.open(otherKind)).toEqual({ status: 'unknownSender' });
    const forged = (a.ring.seal(payload) as Bytes).slice();
    forged[forged.length - 1]! ^= 1;
    expect(b.ring.open(forged)).toEqual({ status: 'forged' });
    expect(b.ring.counters).toMatchObject({ opened: 1, replayed: 1, unknownSender: 2, forged: 1 });
    expect(a.ring.counters.sealed).toBe(4);
  });

  it('refuses every flipped bit of the header, and counts it', () => {
    const [a, b] = [party(1), party(2)];
    setEpoch(5, [a, b]);
    const datagram = a.ring.seal(payload) as Bytes;
    for (let bit = 0; bit < 64; bit++) {
      const changed = datagram.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(b.ring.open(changed).status).not.toBe('opened');
    }
    const { opened, sealed: _, ...dropped } = b.ring.counters;
    expect(opened).toBe(0);
    expect(Object.values(dropped).reduce((sum, count) => sum + count)).toBe(64);
    expect(b.ring.open(datagram).status).toBe('opened');
  });

  it('opens stragglers of the epoch before for 10 s and not longer', () => {
    const [a, b] = [party(1), party(2)];
    setEpoch(1, [a, b]);
    const first = a.ring.seal(payload) as Bytes;
    const second = a.ring.seal(payload) as Bytes;
    setEpoch(2, [a, b]);
    const current = a.ring.seal(payload) as Bytes;
    clock.advance(EPOCH_RETENTION_MS - 1);
    expect(b.ring.open(first).status).toBe('opened');
    expect(b.ring.open(first).status).toBe('replayed');
    clock.advance(1);
    expect(b.ring.open(second).status).toBe('unknownEpoch');
    expect(b.ring.open(current).status).toBe('opened');
  });

  it('keeps a removed member out at once and a joiner out of what came before', () => {
    const [a, b, c] = [party(1), party(2), party(3)];
    setEpoch(1, [a, b, c]);
    const before = a.ring.seal(payload) as Bytes;
    setEpoch(2, [a, b]);
    const after = a.ring.seal(payload) as Bytes;
    expect(c.ring.open(after).status).toBe('unknownEpoch');
    expect(c.ring.open(before).status).toBe('opened');
    const joiner = party(4);
    setEpoch(3, [a, b, joiner]);
    expect(joiner.ring.open(after).status).toBe('unknownEpoch');
  });

  it('never uses a counter twice under one key', () => {
    const a = party(1);
    const counters: number[] = [];
    const send = (): void => {
      counters.push(readMediaHeader(a.ring.seal(payload) as Bytes)!.counter);
    };
    setEpoch(4, [a]);
    send();
    setEpoch(4, [a, party(2)]);
    send();
    a.ring.clear();
    setEpoch(4, [a]);
    send();
    a.ring.setEpoch({ epoch: 4, ownKey: frameKey(4, 1), slot: 77, senders: [] });
    send();
    a.ring.setEpoch({ epoch: 5, ownKey: frameKey(4, 1), slot: 77, senders: [] });
    send();
    expect(counters).toEqual([0, 1, 2, 3, 4]);
    setEpoch(6, [a]);
    counters.length = 0;
    send();
    expect(counters).toEqual([0]);
  });

  it('keeps the replay window when the same epoch is set again', () => {
    const [a, b, c] = [party(1), party(2), party(3)];
    setEpoch(1, [a, b]);
    const datagram = a.ring.seal(payload) as Bytes;
    expect(b.ring.open(datagram).status).toBe('opened');
    setEpoch(1, [a, b, c]);
    expect(b.ring.open(datagram).status).toBe('replayed');
  });

  it('refuses to go back and to give one slot to two', () => {
    const a = party(1);
    setEpoch(2, [a]);
    expect(() => setEpoch(1, [a])).toThrow(expect.objectContaining({ code: 'epoch_went_back' }));
    const key = randomBytes(32);
    expect(() =>
      a.ring.setEpoch({
        epoch: 3,
        ownKey: key,
        slot: 1,
        senders: [
          { session: 5, slot: 9, key },
          { session: 6, slot: 9, key },
        ],
      }),
    ).toThrow(expect.objectContaining({ code: 'slot_taken' }));
    expect(a.ring.epoch).toBe(2);
  });

  it('hears each frame at most once, and exactly the fresh ones of living epochs, whatever the network does', () => {
    type Step =
      | { readonly kind: 'send' | 'epoch' }
      | { readonly kind: 'deliver'; readonly which: number }
      | { readonly kind: 'wait'; readonly ms: number };
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 6, arbitrary: fc.constant({ kind: 'send' } as const) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('deliver' as const), which: fc.nat(1000) }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'epoch' } as const) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(6000) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const [a, b] = [party(1), party(2)];
        let epoch = 0;
        setEpoch(epoch, [a, b]);
        const sent: { readonly datagram: Bytes; readonly epoch: number; heard: boolean }[] = [];
        const replacedAt = new Map<number, number>();
        for (const action of steps) {
          if (action.kind === 'send')
            sent.push({ datagram: a.ring.seal(payload) as Bytes, epoch, heard: false });
          else if (action.kind === 'epoch') {
            replacedAt.set(epoch, clock.now());
            epoch += 1;
            setEpoch(epoch, [a, b]);
          } else if (action.kind === 'wait') clock.advance(action.ms);
          else if (action.kind === 'deliver' && sent.length > 0) {
            const frame = sent[action.which % sent.length]!;
            const end = replacedAt.get(frame.epoch);
            const alive = end === undefined || clock.now() - end < EPOCH_RETENTION_MS;
            const expected = !alive ? 'unknownEpoch' : frame.heard ? 'replayed' : 'opened';
            expect(b.ring.open(frame.datagram).status).toBe(expected);
            if (alive) frame.heard = true;
          }
        }
        a.ring.clear();
        b.ring.clear();
      }),
      { numRuns: 100 },
    );
  });
});
