import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes, type Bytes } from '../../../core/base/bytes.ts';
import {
  forEachBundled,
  readMediaHeader,
  writeMediaHeader,
  type MediaKind,
} from '../../../core/protocol/media-datagram.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  eventually,
  metric,
  startWireAgent,
  targetOf,
  type WireAgent,
  type WireClient,
  type WireTarget,
} from './wire-client.ts';

/** A datagram with random content, as ciphertext looks to the relay. */
function frame(slot: number, counter: number, length = 120, kind: MediaKind = 1): Bytes {
  const datagram = randomBytes(length);
  writeMediaHeader(datagram, { kind, epoch: 3, slot, counter });
  return datagram;
}

describe('media through the relay', () => {
  let relay: RelayProcess;
  let agent: WireAgent;
  let target: WireTarget;
  let counter = 0;
  beforeAll(async () => {
    [relay, agent] = await Promise.all([
      startRelay({ config: '[limits]\nroom_create_interval_secs = 0\nvoice_frames_per_second = 100\n' }),
      startWireAgent(),
    ]);
    target = await targetOf(relay);
  });
  afterAll(async () => {
    await agent?.stop();
    await relay?.stop();
  });

  const callOf = async (size: number) => {
    const people = await Promise.all(
      Array.from({ length: size }, () => agent.connect(target, { name: `Speaker ${++counter}` })),
    );
    const { room } = await (people[0] as WireClient).request({
      t: 'room.create',
      parent: null,
      name: `Call ${++counter}`,
    });
    const slots: number[] = [];
    for (const person of people) {
      await person.request({ t: 'room.enter', room });
      slots.push((await person.request({ t: 'call.join', room })).slot);
    }
    return { people, room, slots };
  };
  const echo = async (client: WireClient): Promise<void> => {
    const probe = new Uint8Array([14, ...randomBytes(8)]);
    client.sendDatagrams(probe);
    await eventually('the echo', async () =>
      client.datagrams.some((other) => Buffer.from(other).equals(probe)),
    );
    const rest = client.datagrams.filter((other) => !Buffer.from(other).equals(probe));
    (client.datagrams as Bytes[]).splice(0, Infinity, ...rest);
  };
  const counterOf = (name: string): Promise<number> => metric(relay.port, name);

  it('forwards every byte of every size and kind unchanged, and never back', async () => {
    const { people, slots } = await callOf(3);
    const [a, b, c] = people as [WireClient, WireClient, WireClient];
    const sent = [41, 80, 120, 500, 999, 1000].map((length, i) =>
      frame(slots[0] as number, i, length, ((i % 4) + 1) as MediaKind),
    );
    for (const datagram of sent) {
      a.sendDatagrams(datagram);
      for (const listener of [b, c]) expect(await listener.nextDatagram()).toEqual(datagram);
    }
    await echo(a);
    expect(a.datagrams).toEqual([]);
    people.forEach((person) => person.close());
  });

  it('drops and counts what is no media, has a foreign slot, or comes from outside', async () => {
    const { people, slots } = await callOf(2);
    const [a, b] = people as [WireClient, WireClient];
    const outsider = await agent.connect(target, { name: 'Outsider' });
    const names = [
      'dropped_malformed',
      'dropped_wrong_slot',
      'dropped_not_in_call',
      'frames_forwarded',
    ] as const;
    const before = await Promise.all(names.map(counterOf));
    const slot = slots[0] as number;
    const malformed = [
      new Uint8Array([1]),
      frame(slot, 0, 40),
      frame(slot, 0, 1001),
      new Uint8Array(120).fill(0xff),
      new Uint8Array([15, 1, 0, 1, 1]),
      new Uint8Array([14, ...randomBytes(17)]),
    ];
    a.sendDatagrams(...malformed, frame(slots[1] as number, 1), frame(slot + 100, 2));
    outsider.sendDatagrams(frame(slot, 3), frame(0, 4));
    await Promise.all([echo(a), echo(outsider), echo(b)]);
    await eventually('all are counted', async () => {
      const after = await Promise.all(names.map(counterOf));
      return after.map((value, i) => value - (before[i] as number)).join() === '6,2,2,0';
    });
    expect(b.datagrams).toEqual([]);
    // The same people still talk.
    const good = frame(slot, 5);
    a.sendDatagrams(good);
    expect(await b.nextDatagram()).toEqual(good);
    [a, b, outsider].forEach((person) => person.close());
  });

  it('sends nothing to the deafened, to other calls, and to those who left', async () => {
    const { people, slots } = await callOf(4);
    const [a, deaf, gone, listening] = people as [WireClient, WireClient, WireClient, WireClient];
    const elsewhere = await callOf(1);
    await deaf.request({ t: 'presence.set', muted: true, deafened: true, away: false });
    await gone.request({ t: 'call.leave' });
    const first = frame(slots[0] as number, 1);
    a.sendDatagrams(first);
    expect(await listening.nextDatagram()).toEqual(first);
    await Promise.all([deaf, gone, elsewhere.people[0] as WireClient].map(echo));
    for (const person of [deaf, gone, elsewhere.people[0] as WireClient])
      expect(person.datagrams).toEqual([]);
    await deaf.request({ t: 'presence.set', muted: true, deafened: false, away: false });
    const second = frame(slots[0] as number, 2);
    a.sendDatagrams(second);
    expect(await deaf.nextDatagram()).toEqual(second);
    [...people, ...elsewhere.people].forEach((person) => person.close());
  });

  it('limits the rate of one sender', async () => {
    const { people, slots } = await callOf(2);
    const [a, b] = people as [WireClient, WireClient];
    const before = await counterOf('dropped_rate_limited');
    a.sendDatagrams(...Array.from({ length: 400 }, (_, i) => frame(slots[0] as number, i)));
    await eventually(
      'frames over the rate are dropped',
      async () => (await counterOf('dropped_rate_limited')) > before + 100,
    );
    expect(b.datagrams.length).toBeLessThan(300);
    people.forEach((person) => person.close());
  });

  it('bundles when several people talk, and every frame still arrives once and unchanged', async () => {
    const { people, slots } = await callOf(6);
    const before = await counterOf('bundles_out');
    const sent = new Map<string, number>();
    // Bursts of all speakers together, small enough to stay within the rate.
    for (let round = 0; round < 40; round++) {
      people.forEach((person, i) => {
        const datagram = frame(slots[i] as number, round);
        sent.set(Buffer.from(datagram).toString('hex'), i);
        person.sendDatagrams(datagram);
      });
      await Promise.all(people.slice(0, 1).map(echo));
    }
    await eventually('everything arrived', async () =>
      people.every((person) => unpack(person.datagrams).length >= 200),
    );
    for (const [i, person] of people.entries()) {
      const frames = unpack(person.datagrams);
      expect(frames).toHaveLength(200);
      expect(new Set(frames).size).toBe(200);
      for (const one of frames) {
        expect(sent.has(one)).toBe(true);
        expect(sent.get(one)).not.toBe(i);
      }
      for (const datagram of person.datagrams) expect(datagram.length).toBeLessThanOrEqual(1000);
    }
    expect(await counterOf('bundles_out')).toBeGreaterThan(before);
    people.forEach((person) => person.close());
  });
});

/** The frames of datagrams as hex, bundles taken apart; probes left out. */
function unpack(datagrams: readonly Uint8Array[]): string[] {
  const out: string[] = [];
  for (const datagram of datagrams) {
    if (readMediaHeader(datagram)) out.push(Buffer.from(datagram).toString('hex'));
    else forEachBundled(datagram, (inner) => out.push(Buffer.from(inner).toString('hex')));
  }
  return out;
}
