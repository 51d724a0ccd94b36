import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  metric,
  eventually,
  newKey,
  startWireAgent,
  targetOf,
  type WireAgent,
  type WireTarget,
} from './wire-client.ts';

describe('a session with the real relay', () => {
  let relay: RelayProcess;
  let agent: WireAgent;
  let target: WireTarget;
  beforeAll(async () => {
    [relay, agent] = await Promise.all([startRelay(), startWireAgent()]);
    target = await targetOf(relay);
  });
  afterAll(async () => {
    await agent?.stop();
    expect(await relay?.stop()).toBe(0);
  });

  it('welcomes two people, who see each other come and go', async () => {
    const anna = await agent.connect(target, { name: 'Anna' });
    expect(anna.welcome.rooms.map((room) => room.name)).toEqual(['Lobby']);
    const bert = await agent.connect(target, { name: 'Bert' });
    expect((await anna.next('person.updated', ({ person }) => person.name === 'Bert')).person.session).toBe(
      bert.session,
    );
    bert.close();
    expect((await anna.next('person.left')).session).toBe(bert.session);
    anna.close();
    await eventually('no session is left', async () => (await metric(relay.port, 'sessions')) === 0);
  });

  it('forwards datagrams unchanged to the others of a call', async () => {
    const [anna, bert, carl] = await Promise.all(
      ['Anna 2', 'Bert 2', 'Carl 2'].map((name) => agent.connect(target, { name, key: newKey() })),
    );
    if (!anna || !bert || !carl) throw new Error('unreachable');
    const room = anna.welcome.rooms[0]?.id as number;
    const slots: number[] = [];
    for (const person of [anna, bert, carl]) {
      await person.request({ t: 'room.enter', room });
      slots.push((await person.request({ t: 'call.join', room })).slot);
    }
    expect(new Set(slots).size).toBe(3);
    const frame = new Uint8Array(120).map((_, i) => (i * 7) & 0xff);
    frame.set([1, 0, (slots[0] as number) >>> 8, (slots[0] as number) & 0xff, 0, 0, 0, 1]);
    anna.sendDatagrams(frame);
    expect(await bert.nextDatagram()).toEqual(frame);
    expect(await carl.nextDatagram()).toEqual(frame);
    expect(anna.datagrams).toEqual([]);
    for (const person of [anna, bert, carl]) person.close();
  });
});
