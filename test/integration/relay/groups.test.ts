import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes, utf8 } from '../../../core/base/bytes.ts';
import { parseGroupReference } from '../../../core/protocol/group-reference.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  newKey,
  sameBytes,
  startWireAgent,
  targetOf,
  type WireAgent,
  type WireClient,
  type WireTarget,
} from './wire-client.ts';

/** The delivery service (protocol.md §4). The relay never looks inside, so any bytes will do here. */
describe('groups', () => {
  let relay: RelayProcess;
  let agent: WireAgent;
  let target: WireTarget;
  let counter = 0;
  beforeAll(async () => {
    [relay, agent] = await Promise.all([
      startRelay({ config: '[limits]\nroom_create_interval_secs = 0\ntext_messages_per_second = 1000\n' }),
      startWireAgent(),
    ]);
    target = await targetOf(relay);
  });
  afterAll(async () => {
    await agent?.stop();
    await relay?.stop();
  });

  const person = (key = newKey(), name = `Person ${++counter}`): Promise<WireClient> =>
    agent.connect(target, { key, name });
  const newRoom = async (client: WireClient): Promise<number> =>
    (await client.request({ t: 'room.create', parent: null, name: `Room ${++counter}` })).room;
  const inCall = async (client: WireClient, room: number) => {
    await client.request({ t: 'room.enter', room });
    return client.request({ t: 'call.join', room });
  };
  const callOf = async (size: number) => {
    const people = await Promise.all(Array.from({ length: size }, () => person()));
    const room = await newRoom(people[0] as WireClient);
    let group = '';
    for (const member of people) group = (await inCall(member, room)).group;
    return { people, room, group };
  };
  const closeAll = (people: readonly WireClient[]): void => people.forEach((member) => member.close());

  it('accepts exactly one of two commits for an epoch, and everybody sees the same one', async () => {
    const { people, group } = await callOf(4);
    const [a, b, c] = people as [WireClient, WireClient, WireClient];
    await a.request({ t: 'group.create', group, groupInfo: utf8('state 0') });
    for (let epoch = 0; epoch < 10; epoch++) {
      const outcomes = await Promise.allSettled(
        [a, b].map((member, i) =>
          member.request({
            t: 'group.commit',
            group,
            epoch,
            commit: utf8(`commit ${i}`),
            groupInfo: utf8(`state by ${i}`),
          }),
        ),
      );
      const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
      expect(winners).toHaveLength(1);
      const loser = outcomes.find((outcome) => outcome.status === 'rejected') as PromiseRejectedResult;
      expect(String(loser.reason)).toContain('stale_epoch');
      const seen = await c.next('group.commit');
      expect(seen).toMatchObject({ group, epoch, cursor: epoch + 1, commit: utf8(`commit ${winners[0]}`) });
      const info = await c.request({ t: 'group.info', group });
      expect(info).toMatchObject({
        epoch: epoch + 1,
        cursor: epoch + 1,
        groupInfo: utf8(`state by ${winners[0]}`),
      });
    }
    expect(c.pending('group.commit')).toEqual([]);
    closeAll(people);
  });

  it('keeps a bundle whole: no Welcome, log entry or group info of a refused commit gets out', async () => {
    const { people, group } = await callOf(3);
    const [a, b, c] = people as [WireClient, WireClient, WireClient];
    await a.request({ t: 'group.create', group, groupInfo: utf8('state 0') });
    await c.request({ t: 'group.requestJoin', group, keyPackage: utf8('package of c') });
    expect((await a.next('group.joinRequested')).keyPackage).toEqual(utf8('package of c'));
    await b.next('group.joinRequested');
    const bundle = (by: string) => ({
      t: 'group.commit' as const,
      group,
      epoch: 0,
      commit: utf8(`commit by ${by}`),
      welcome: { message: utf8(`welcome by ${by}`), sessions: [c.session], identities: [] },
      groupInfo: utf8(`state by ${by}`),
    });
    await a.request(bundle('a'));
    expect((await b.refused(bundle('b'))).code).toBe('stale_epoch');
    expect(await c.next('group.welcome')).toMatchObject({
      epoch: 1,
      cursor: 1,
      welcome: utf8('welcome by a'),
    });
    expect((await b.next('group.commit')).commit).toEqual(utf8('commit by a'));
    expect((await c.request({ t: 'group.log', group, since: 0, limit: 10 })).entries).toHaveLength(1);
    expect((await c.request({ t: 'group.info', group })).groupInfo).toEqual(utf8('state by a'));
    // The joiner got a Welcome instead of the commit that adds it, and no second Welcome.
    expect(c.pending('group.commit')).toEqual([]);
    expect(c.pending('group.welcome')).toEqual([]);
    closeAll(people);
  });

  it('lets only members of the call into its group', async () => {
    const { people, room, group } = await callOf(1);
    const outsider = await person();
    const groupInfo = utf8('x');
    expect((await outsider.refused({ t: 'group.create', group, groupInfo })).code).toBe('not_in_call');
    expect((await outsider.refused({ t: 'group.info', group })).code).toBe('not_in_call');
    expect((await outsider.refused({ t: 'call.join', room })).code).toBe('not_in_room');
    expect((await outsider.refused({ t: 'group.info', group: 'text:1:1' })).code).toBe('not_subscribed');
    expect((await people[0]?.refused({ t: 'group.info', group }))?.code).toBe('group_not_found');
    closeAll([...people, outsider]);
  });

  it('gives every call a new generation and lets the last member start over', async () => {
    const { people, room, group } = await callOf(2);
    const [a, b] = people as [WireClient, WireClient];
    const first = parseGroupReference(group)?.generation as number;
    const next = `call:${room}:${first + 1}`;
    await a.request({ t: 'group.create', group, groupInfo: utf8('0') });
    expect((await b.refused({ t: 'group.create', group, groupInfo: utf8('0') })).code).toBe('group_exists');
    expect((await a.refused({ t: 'group.create', group: next, groupInfo: utf8('0') })).code).toBe(
      'group_not_found',
    );
    await b.request({ t: 'call.leave' });
    expect((await a.next('call.members', ({ members }) => members.length === 1)).members[0]?.session).toBe(
      a.session,
    );
    await a.request({ t: 'group.create', group: next, groupInfo: utf8('new') });
    const joined = await b.request({ t: 'call.join', room });
    expect(joined).toMatchObject({ group: next, epoch: 0 });
    await a.request({ t: 'call.leave' });
    await b.request({ t: 'call.leave' });
    expect(await a.request({ t: 'call.join', room })).toMatchObject({
      group: `call:${room}:${first + 2}`,
      epoch: null,
    });
    closeAll(people);
  });

  it('repeats a join request to members who come later and forgets it when the joiner leaves', async () => {
    const { people, room, group } = await callOf(2);
    const [a, b] = people as [WireClient, WireClient];
    await a.request({ t: 'group.create', group, groupInfo: utf8('0') });
    await b.request({ t: 'group.requestJoin', group, keyPackage: utf8('b') });
    const c = await person();
    await inCall(c, room);
    expect(await c.next('group.joinRequested')).toMatchObject({ session: b.session, keyPackage: utf8('b') });
    await b.request({ t: 'call.leave' });
    const d = await person();
    await inCall(d, room);
    await d.request({ t: 'ping' });
    expect(d.pending('group.joinRequested')).toEqual([]);
    closeAll([...people, c, d]);
  });

  it('passes proposals of the current epoch on', async () => {
    const { people, group } = await callOf(2);
    const [a, b] = people as [WireClient, WireClient];
    await a.request({ t: 'group.create', group, groupInfo: utf8('0') });
    await b.request({ t: 'group.propose', group, epoch: 0, proposal: utf8('p') });
    expect(await a.next('group.proposal')).toMatchObject({ session: b.session, proposal: utf8('p') });
    expect((await b.refused({ t: 'group.propose', group, epoch: 1, proposal: utf8('p') })).code).toBe(
      'stale_epoch',
    );
    closeAll(people);
  });

  it('keeps messages in one order for people online and away', async () => {
    const [a, b] = [await person(), await person()];
    const room = await newRoom(a);
    const { group, epoch, cursor } = await a.request({ t: 'text.subscribe', room });
    expect({ epoch, cursor }).toEqual({ epoch: null, cursor: 0 });
    await b.request({ t: 'text.subscribe', room });
    expect((await a.next('text.subscribers')).subscribers).toHaveLength(2);
    await a.request({ t: 'group.create', group, groupInfo: utf8('0') });
    await a.request({
      t: 'group.commit',
      group,
      epoch: 0,
      commit: utf8('adds b'),
      welcome: { message: utf8('for b'), sessions: [], identities: [b.key.identity] },
      groupInfo: utf8('1'),
    });
    expect((await b.next('group.welcome')).welcome).toEqual(utf8('for b'));
    const send = (client: WireClient, text: string, messageId = randomBytes(16)) =>
      client.request({ t: 'group.send', group, epoch: 1, messageId, message: utf8(text) });
    await Promise.all([...Array(10).keys()].map((i) => send(i % 2 ? a : b, `message ${i}`)));
    const { entries } = await a.request({ t: 'group.log', group, since: 1, limit: 100 });
    expect(entries.map((entry) => entry.cursor)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const entry of entries) {
      if (entry.kind !== 'message' || !sameBytes(entry.identity, b.key.identity)) continue;
      expect(await a.next('group.message')).toMatchObject({ cursor: entry.cursor, message: entry.message });
    }
    // The same message id again is answered, not appended.
    const id = randomBytes(16);
    const once = await send(a, 'once', id);
    expect(await send(a, 'once', id)).toEqual(once);
    expect(
      (
        await a.refused({
          t: 'group.send',
          group,
          epoch: 0,
          messageId: randomBytes(16),
          message: utf8('old'),
        })
      ).code,
    ).toBe('stale_epoch');
    const page = await b.request({ t: 'group.log', group, since: 0, limit: 3 });
    expect({ more: page.more, count: page.entries.length }).toEqual({ more: true, count: 3 });
    closeAll([a, b]);
  });

  it('adds somebody who is away: join request and Welcome wait for both sides', async () => {
    const keys = [newKey(), newKey()] as const;
    const a = await person(keys[0], 'Away A');
    const room = await newRoom(a);
    const { group } = await a.request({ t: 'text.subscribe', room });
    await a.request({ t: 'group.create', group, groupInfo: utf8('0') });
    a.close();
    await a.waitClosed();
    const b = await person(keys[1], 'Away B');
    expect(await b.request({ t: 'text.subscribe', room })).toMatchObject({ group, epoch: 0 });
    await b.request({ t: 'group.requestJoin', group, keyPackage: utf8('package of b') });
    b.close();
    await b.waitClosed();
    const a2 = await person(keys[0], 'Away A');
    expect(a2.welcome.subscriptions).toEqual([room]);
    expect(await a2.next('group.joinRequested')).toMatchObject({
      group,
      identity: keys[1].identity,
      keyPackage: utf8('package of b'),
    });
    await a2.request({
      t: 'group.commit',
      group,
      epoch: 0,
      commit: utf8('adds b'),
      welcome: { message: utf8('for b'), sessions: [], identities: [keys[1].identity] },
      groupInfo: utf8('1'),
    });
    const b2 = await person(keys[1], 'Away B');
    expect(await b2.next('group.welcome')).toMatchObject({
      group,
      cursor: 1,
      epoch: 1,
      welcome: utf8('for b'),
    });
    b2.close();
    await b2.waitClosed();
    const b3 = await person(keys[1], 'Away B');
    await b3.request({ t: 'ping' });
    expect(b3.pending('group.welcome')).toEqual([]);
    closeAll([a2, b3]);
  });

  it('ends a text group with its last subscriber', async () => {
    const a = await person();
    const room = await newRoom(a);
    const first = await a.request({ t: 'text.subscribe', room });
    await a.request({ t: 'group.create', group: first.group, groupInfo: utf8('0') });
    await a.request({ t: 'text.unsubscribe', room });
    expect((await a.refused({ t: 'group.info', group: first.group })).code).toBe('not_subscribed');
    const second = await a.request({ t: 'text.subscribe', room });
    expect(second).toMatchObject({ epoch: null, cursor: 0 });
    expect(second.group).not.toBe(first.group);
    expect((await a.refused({ t: 'group.info', group: first.group })).code).toBe('group_not_found');
    a.close();
  });

  it('hands out every key package once', async () => {
    const [a, b] = [await person(), await person()];
    const packages = [...Array(20).keys()].map((i) => utf8(`package ${i}`));
    for (let i = 0; i < 6; i++)
      expect((await a.request({ t: 'keyPackages.publish', packages })).stored).toBe(
        Math.min(100, 20 * (i + 1)),
      );
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) {
      const claimed = await b.request({ t: 'keyPackages.claim', identity: a.key.identity });
      seen.push(new TextDecoder().decode(claimed.keyPackage));
    }
    expect(seen).toEqual(['package 0', 'package 1', 'package 2', 'package 3', 'package 4']);
    expect((await a.refused({ t: 'keyPackages.claim', identity: b.key.identity })).code).toBe(
      'no_key_package',
    );
    closeAll([a, b]);
  });

  it('carries a Welcome of 200 kB and a commit of 100 kB', async () => {
    const { people, group } = await callOf(3);
    const [a, b, c] = people as [WireClient, WireClient, WireClient];
    await a.request({ t: 'group.create', group, groupInfo: randomBytes(60_000) });
    const commit = randomBytes(60_000);
    const welcome = new Uint8Array(200_000).map((_, i) => i * 31);
    await a.request({
      t: 'group.commit',
      group,
      epoch: 0,
      commit,
      welcome: { message: welcome, sessions: [c.session], identities: [] },
      groupInfo: randomBytes(60_000),
    });
    expect(sameBytes((await c.next('group.welcome')).welcome, welcome)).toBe(true);
    expect(sameBytes((await b.next('group.commit')).commit, commit)).toBe(true);
    closeAll(people);
  });

  it('keeps no more than 64 MiB of copies of one Welcome', async () => {
    const [a, b] = [await person(newKey(), 'Copies A'), await person(newKey(), 'Copies B')];
    const room = await newRoom(a);
    const { group } = await a.request({ t: 'text.subscribe', room });
    await b.request({ t: 'text.subscribe', room });
    await a.request({ t: 'group.create', group, groupInfo: utf8('0') });
    const bundle = (copies: number) =>
      ({
        t: 'group.commit',
        group,
        epoch: 0,
        commit: utf8('commit'),
        welcome: {
          message: new Uint8Array(1_000_000),
          sessions: [],
          identities: Array.from({ length: copies }, () => b.key.identity),
        },
        groupInfo: utf8('1'),
      }) as const;
    expect((await a.refused(bundle(1000))).code).toBe('message_too_large');
    expect(await a.request({ t: 'group.log', group, since: 0, limit: 10 })).toEqual({
      entries: [],
      more: false,
    });
    expect(await a.request(bundle(1))).toEqual({ cursor: 1 });
    closeAll([a, b]);
  });
});
